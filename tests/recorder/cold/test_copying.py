"""Copying to the cold store: each segment once, proven to be there, whatever happens in between."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from recorder import tasks
from recorder.cold import copying
from recorder.cold import recompress as recompressing
from recorder.cold.bucket import Bucket, Credentials, open_bucket
from recorder.cold.card import BadCard, read_card
from recorder.cold.copying import FOLDER, Copying, NotAsPut, prove
from recorder.cold.layout import Place, place_of
from recorder.cold.open_segments import OpenSegments
from recorder.cold.recompress import NotTheSame, recompress
from recorder.cold.state_row import ColdState
from recorder.models import Cold, Market, Segment
from recorder.store.store_id import keep_store_id, new_store_id
from tests.object_store import KEY, ObjectStore
from tests.recorder.store import Store
from tests.recorder.tape import decoded

pytestmark = pytest.mark.django_db


def copy(store: Store, bucket: Bucket, level: int = 0) -> int:
    return Copying(store.market, store.directory, bucket, level).run()


def reason(store: Store) -> str:
    return ColdState.objects.get(market=store.market).reason


def left_over(store: Store) -> list[Path]:
    return list((store.directory / FOLDER).glob("*"))


def content(bucket: Bucket, key: str) -> bytes:
    found = bucket.head(key)
    assert found is not None, key
    return bucket.get_range(key, 0, found.size)


@pytest.mark.parametrize("level", [0, 19])
def test_every_segment_is_there_as_its_row_says(store: Store, bucket: Bucket, level: int, tmp_path: Path) -> None:
    assert copy(store, bucket, level) == 6
    assert copy(store, bucket, level) == 0
    rows = list(Segment.objects.order_by("kind", "start_t"))
    assert {row.cold for row in rows} == {Cold.COPIED}
    for row in rows:
        place = Place("IG-USD", store.market.store_id, row.kind, row.name)
        assert row.cold_key == place.key
        assert place_of(row.cold_key) == place
        prove(bucket, place.key, row.cold_bytes, row.cold_sha256)
        (tmp_path / "object").write_bytes(content(bucket, place.key))
        assert decoded(tmp_path / "object") == decoded(store.directory / row.path)
        assert (row.cold_sha256 == row.sha256) == (level == 0)
        assert row.cold_seek_points[0] == [row.start_t, 0]
        card = read_card(content(bucket, place.card_key), row.kind, row.name)
        assert (card.sha256, card.seek_points, card.file_sha256) == (row.cold_sha256, row.cold_seek_points, row.sha256)
        assert (card.start_t, card.end_t, card.created_at) == (row.start_t, row.end_t, row.created_at)
        with pytest.raises(BadCard):
            read_card(content(bucket, place.card_key), row.kind, "another")
        if row.kind != "ticks":
            digest = store.directory / "digests" / row.kind / place.digest_key.rpartition("/")[2]
            assert content(bucket, place.digest_key) == digest.read_bytes()
            assert row.cold_digest == row.digest > 0
    assert content(bucket, f"IG-USD/{store.market.store_id}/store_id") == (store.directory / "store_id").read_bytes()
    assert reason(store) == ""
    assert left_over(store) == []


@pytest.mark.parametrize("gone", [{"missing": True}, {"removed_at": timezone.now()}], ids=["missing", "removed"])
def test_digests_of_segments_that_are_gone_keep_no_others_waiting(
    store: Store, bucket: Bucket, monkeypatch: pytest.MonkeyPatch, gone: dict[str, Any]
) -> None:
    assert copy(store, bucket) == 6
    first, then = Segment.objects.filter(kind="frames").order_by("start_t")
    Segment.objects.update(cold_digest=0)
    Segment.objects.filter(pk=first.pk).update(**gone)
    monkeypatch.setattr(copying, "_MOST_DIGESTS", 1)
    copy(store, bucket)
    first.refresh_from_db()
    then.refresh_from_db()
    assert (first.cold_digest, then.cold_digest) == (0, then.digest)


def test_digests_that_wait_are_copied_beside_segments_and_leave_them_the_time(
    store: Store, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(most: int) -> list[str]:
        done.clear()
        Copying(store.market, store.directory, bucket, 0).run(lambda: len(done) >= most)
        return done.copy()

    assert copy(store, bucket) == 6
    done, put, note = list[str](), bucket.put, copying._note
    monkeypatch.setattr(bucket, "put", lambda *given: (done.append("digest"), put(*given)))
    monkeypatch.setattr(copying, "_note", lambda *given: (done.append("segment"), note(*given))[1])
    Segment.objects.update(cold_digest=0)
    Segment.objects.filter(kind="ticks").update(cold=Cold.NONE)
    assert run(most=1)[:3] == ["segment", "digest", "digest"]
    assert run(most=9) == ["segment", "digest"]
    Segment.objects.update(cold_digest=0)
    assert (run(most=3), run(most=9)) == (3 * ["digest"], ["digest"])


class Crash(BaseException):
    """As kill -9: nothing that catches exceptions takes it for one."""


STEPS = ["before the object", "after the object", "after the card", "after the row"]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("level", [0, 3])
def test_after_a_crash_at_any_step_the_next_run_goes_on(
    store: Store, bucket: Bucket, step: str, level: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: Any, **__: Any) -> Any:
        raise Crash

    def crash_after(work: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *given, **more: (work(*given, **more), crash())

    with monkeypatch.context() as broken:
        if step == STEPS[0]:
            broken.setattr(bucket, "put", crash)
        elif step == STEPS[1]:
            broken.setattr(bucket, "put_bytes", crash)
        elif step == STEPS[2]:
            broken.setattr(copying, "_note", crash)
        else:
            broken.setattr(copying, "_note", crash_after(copying._note))
        with pytest.raises(Crash):
            copy(store, bucket, level)
    (store.directory / FOLDER).mkdir(exist_ok=True)
    (store.directory / FOLDER / "left").write_bytes(b"half")
    puts: list[str] = []
    put = bucket.put
    monkeypatch.setattr(bucket, "put", lambda key, path: (puts.append(key), put(key, path)))
    assert copy(store, bucket, level) == (5 if step == STEPS[3] else 6)
    segments = [key for key in puts if key.endswith(".jsonl.zst")]
    assert len(segments) == (6 if step == STEPS[0] else 5)  # what was put and proven is not put again
    for row in Segment.objects.all():
        prove(bucket, row.cold_key, row.cold_bytes, row.cold_sha256)
    assert left_over(store) == []


def test_only_the_store_that_the_database_knows_is_copied_and_by_one_process(store: Store, bucket: Bucket) -> None:
    handle = os.open(store.directory / "ticks", os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    assert copy(store, bucket) == 0
    os.close(handle)
    keep_store_id(store.directory, new_store_id())
    assert copy(store, bucket) == 0
    assert list(bucket.keys("IG-USD")) == []


def test_on_a_full_disk_segments_are_copied_as_they_are(
    store: Store, bucket: Bucket, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    make = os.mkdir

    def mkdir(path: Any, *more: Any) -> None:
        if Path(path).name == FOLDER:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        make(path, *more)

    monkeypatch.setattr(os, "mkdir", mkdir)
    assert copy(store, bucket, 3) == 6
    assert reason(store) == ""
    assert all(row.cold_sha256 == row.sha256 for row in Segment.objects.all())
    assert caplog.text.count("is copied as it is: [Errno 28]") == 6


def test_a_market_whose_directory_cannot_be_read_is_told_of_and_keeps_no_other_waiting(
    store: Store, bucket: Bucket, tmp_path: Path, settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.CONFIG = replace(settings.CONFIG, cold_store=f"file://{tmp_path}/bucket", store_dir=store.directory)
    wrong = Market.objects.create(symbol="A", store_id=new_store_id())
    (store.directory / "A").mkdir()
    keep_store_id(store.directory / "A", wrong.store_id)
    (store.directory / "A" / "ticks").write_text("in the way")
    call_command("copysegments")
    told = capsys.readouterr().out.splitlines()
    assert [line.partition(" segments")[0] for line in told] == ["A: 0", "IG-USD: 6"]
    assert told[0].endswith("Not a directory: '" + str(store.directory / "A" / "ticks") + "'")


def test_what_is_damaged_here_or_there_is_told_and_does_not_delay_the_rest(
    store: Store, bucket: Bucket, caplog: pytest.LogCaptureFixture
) -> None:
    damaged = store.paths("ticks")[0]
    damaged.write_bytes(damaged.read_bytes()[:-1])
    assert copy(store, bucket) == 5
    assert copy(store, bucket) == 0
    assert reason(store) == f"ticks/{damaged.name} is damaged and is not copied; `manage.py repair` puts it right"
    assert caplog.text.count("segments are not copied") == 1
    row = Segment.objects.filter(cold=Cold.COPIED).order_by("start_t").first()
    assert row is not None
    data = content(bucket, row.cold_key)
    for wrong, why in ((data[:-1], "bytes, not"), (data[:-1] + bytes([data[-1] ^ 1]), "its SHA-256 is")):
        bucket.put_bytes(row.cold_key, wrong)  # half written, or altered
        with pytest.raises(NotAsPut, match=why):
            prove(bucket, row.cold_key, row.cold_bytes, row.cold_sha256)
        Segment.objects.filter(pk=row.pk).update(cold=Cold.NONE)
        copy(store, bucket)
        prove(bucket, row.cold_key, row.cold_bytes, row.cold_sha256)


def test_an_object_that_does_not_come_back_as_it_was_put_is_not_told_of(
    store: Store, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = bucket.put
    monkeypatch.setattr(bucket, "put", lambda key, path: (put(key, path), bucket.put_bytes(key, b"half")))
    assert copy(store, bucket) == 0
    assert "is not what was put there: it has 4 bytes" in reason(store)
    assert not Segment.objects.exclude(cold=Cold.NONE).exists()
    monkeypatch.undo()
    assert copy(store, bucket) == 6
    assert reason(store) == ""


def test_a_segment_that_changes_meanwhile_is_copied_as_it_is_then(store: Store, bucket: Bucket) -> None:
    noted = copying._note
    row = Segment.objects.order_by("start_t", "kind").first()
    assert row is not None
    Segment.objects.filter(pk=row.pk).update(sha256="ab" * 32)
    assert not noted(row, place_of(f"IG-USD/{'0' * 32}/{row.kind}/{row.name}"), copying.Packed(1, "cd" * 32, []))
    assert Segment.objects.get(pk=row.pk).cold == Cold.NONE


def test_a_copy_that_lacks_a_line_is_found(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = recompressing._frames
    monkeypatch.setattr(recompressing, "_frames", lambda lines: (frame[:-1] for frame in frames(lines)))
    with pytest.raises(NotTheSame, match="compressed anew, line 60 is another one"):
        recompress(store.paths("ticks")[0], "ticks", tmp_path / "copy", 3)


def test_a_real_object_store_takes_them_and_its_faults_are_told(store: Store, bucket_server: ObjectStore) -> None:
    bucket = bucket_server.bucket("copying", "deep/er")
    assert copy(store, bucket, 3) == 6
    for row in Segment.objects.all():
        prove(bucket, row.cold_key, row.cold_bytes, row.cold_sha256)
    Segment.objects.update(cold=Cold.NONE)
    assert copy(store, open_bucket(bucket_server.url("copying"), Credentials(KEY, "wrong"))) == 0
    assert "is unavailable: it answered 403" in reason(store)
    assert "wrong" not in reason(store)
    assert copy(store, bucket, 3) == 6
    assert reason(store) == ""


def test_of_many_markets_what_has_not_grown_is_not_put_again(
    bucket: Bucket, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.CONFIG = replace(settings.CONFIG, cold_store=f"file://{tmp_path}/bucket", store_dir=tmp_path)
    for number in range(66):
        market = Market.objects.create(symbol=f"M{number}")
        (tmp_path / market.symbol / "ticks").mkdir(parents=True)
        keep_store_id(tmp_path / market.symbol, new_store_id())
    name = "segment_20260124_120000_0.jsonl.zst"
    monkeypatch.setattr(OpenSegments, "_open_ones", lambda self, kind: [name] if kind == "ticks" else [])
    monkeypatch.setattr(OpenSegments, "_content", lambda self, kind, name: b"as far as it has come")
    assert [tasks.copy_open_segments(), tasks.copy_open_segments()] == [66, 0]
