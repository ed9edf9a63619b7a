"""`verify` and `repair` with a cold store: what is wrong there is found, and what is right there is taken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from recorder import retention
from recorder.cold.bucket import Bucket
from recorder.cold.copying import Copying
from recorder.cold.layout import place_of
from recorder.manifest.row_writer import spans_kept
from recorder.models import Cold, DigestChunk, Inventory, Market, Segment
from recorder.recovery import from_bucket, rewrite
from recorder.retention import clean_up
from recorder.segment.layout import KINDS
from recorder.spans import Span
from recorder.store.store_id import keep_store_id
from recorder.tape.history import History
from tests.recorder.cold.test_cold_retention import BY_AGE, LATER
from tests.recorder.store import Store

pytestmark = pytest.mark.django_db


@pytest.fixture(params=[0, 3])
def cold(
    request: pytest.FixtureRequest, store: Store, bucket: Bucket, settings: Any, tmp_path: Path, monkeypatch: Any
) -> Store:
    """The first segment of each kind in the bucket alone, the second there too."""
    url = f"file://{tmp_path}/bucket"
    settings.CONFIG = replace(settings.CONFIG, cold_store=url, store_dir=store.directory, cold_zstd_level=request.param)
    Copying(store.market, store.directory, bucket, request.param).run()
    monkeypatch.setattr(retention, "disk_use", lambda root: retention.DiskUse(1000, 100, 900))
    clean_up(store.directory, "IG-USD", replace(BY_AGE, min_segments=1), LATER, bucket)
    assert [row.cold for row in rows("ticks")] == [Cold.ONLY, Cold.COPIED]
    return store


def rows(kind: str) -> list[Segment]:
    return list(Segment.objects.filter(kind=kind).order_by("start_t"))


def told(store: Store) -> list[tuple[str, int, bytes | None]]:
    history = History("IG-USD", store.directory)
    return [(one.kind, one.first_t, one.text) for one in history.messages(KINDS, -1)]


def verified(*options: str) -> str:
    """What `verify` says, with its faults."""
    out = StringIO()
    try:
        call_command("verify", *options, stdout=out)
    except CommandError as error:
        return f"{out.getvalue()}{error}"
    return out.getvalue()


def repaired() -> str:
    out = StringIO()
    call_command("repair", stdout=out)
    return out.getvalue()


def test_a_whole_store_has_no_faults_and_every_message_is_proven(cold: Store) -> None:
    said = verified("--deep")
    for line in (
        "metrics: 60 are what the ticks give, 0 not",
        "frames: 20 are what the ticks give, 0 not",
        "no faults",
    ):
        assert line in said


def cut(bucket: Bucket, row: Segment) -> None:
    found = bucket.head(row.cold_key)
    assert found is not None
    bucket.put_bytes(row.cold_key, bucket.get_range(row.cold_key, 0, found.size - 3))


def flip(bucket: Bucket, row: Segment) -> None:
    data = bytearray(bucket.get_range(row.cold_key, 0, row.cold_bytes))
    data[len(data) // 2] ^= 1
    bucket.put_bytes(row.cold_key, bytes(data))


def lose(bucket: Bucket, row: Segment) -> None:
    bucket.delete(row.cold_key)


@pytest.mark.parametrize(
    ("harm", "number", "options", "fault"),
    [
        (cut, 0, [], "its bytes is"),
        (flip, 0, [], "its sha256 is"),
        (lose, 0, [], "is not in the cold store"),
        (cut, 1, [], "in the cold store has"),
        (flip, 1, ["--deep"], "is not what was put there"),
        (lose, 1, [], "is not in the cold store; `manage.py repair` has it copied again"),
    ],
)
def test_what_is_wrong_in_the_bucket_is_a_fault(
    cold: Store, bucket: Bucket, harm: Callable[[Bucket, Segment], None], number: int, options: list[str], fault: str
) -> None:
    row = rows("ticks")[number]
    harm(bucket, row)
    said = verified(*options)
    assert fault in said
    assert row.path in said


def test_repair_has_rows_say_what_is_gone_from_the_bucket(cold: Store, bucket: Bucket) -> None:
    first, second = rows("frames")
    lose(bucket, first)
    lose(bucket, second)
    assert f"{first.path}: is not in the cold store any more, and was there alone" in repaired()
    assert [row.state for row in rows("frames")] == ["missing", "finished"]
    assert Copying(cold.market, cold.directory, bucket, 0).run() == 1


def test_repair_leaves_a_damaged_file_to_its_whole_object(cold: Store, bucket: Bucket) -> None:
    before, row = told(cold), rows("ticks")[1]
    path = cold.directory / row.path
    path.write_bytes(path.read_bytes()[:-1])
    assert "nothing is missing" in repaired()
    assert not path.exists()
    assert rows("ticks")[1].state == "cold"
    assert told(cold) == before
    assert "no faults" in verified()


@pytest.mark.parametrize("step", ["keep_aside", "prove"])
def test_what_leaves_the_disk_while_repair_is_at_work_stays_as_it_is_in_the_bucket(
    cold: Store, bucket: Bucket, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    before, row = told(cold), rows("ticks")[1]
    path = cold.directory / row.path
    path.write_bytes(path.read_bytes()[:-1])
    do = getattr(rewrite, step)

    def cleaned_up_first(*arguments: Any, **options: Any) -> Any:
        clean_up(cold.directory, "IG-USD", BY_AGE, LATER, bucket)
        return do(*arguments, **options)

    monkeypatch.setattr(rewrite, step, cleaned_up_first)
    repaired()
    assert [row.state for row in rows("ticks")] == ["cold", "cold"]
    assert not path.exists()
    assert told(cold) == before
    Copying(cold.market, cold.directory, bucket, 0).run()
    assert told(cold) == before


def test_a_lost_database_is_made_again_from_disk_and_bucket(cold: Store, bucket: Bucket) -> None:
    before = told(cold)
    facts = list(
        Segment.objects.order_by("kind", "start_t").values_list("name", "lines", "bytes", "sha256", "cold_key")
    )
    sums = list(Inventory.objects.order_by("kind").values_list("segments", "bytes", "lines"))
    for table in (DigestChunk, Segment, Inventory):
        table.objects.all().delete()
    bucket.put_bytes(place_of(facts[0][4]).card_key.replace(facts[0][0][:16], "segment_19700101"), b"no card")
    assert verified().count("it is in the cold store and has no row") == 6
    assert repaired().count("found in the cold store") == 3
    Copying(cold.market, cold.directory, bucket, 0).run()
    again = Segment.objects.order_by("kind", "start_t")
    assert list(again.values_list("name", "lines", "bytes", "sha256", "cold_key")) == facts
    assert list(Inventory.objects.order_by("kind").values_list("segments", "bytes", "lines")) == sums
    assert told(cold) == before
    assert repaired().count("found in the cold store") == 0
    assert "no faults" in verified()


def test_what_a_clean_up_without_the_bucket_removed_is_no_fault(cold: Store) -> None:
    Segment.objects.filter(cold=Cold.ONLY).update(cold=Cold.NONE, removed_at=LATER)
    assert "no faults" in verified()


def test_objects_of_another_recording_are_not_taken_for_ours(cold: Store, bucket: Bucket) -> None:
    row = rows("ticks")[0]
    theirs = replace_id(row.cold_key, "f" * 32), replace_id(place_of(row.cold_key).card_key, "f" * 32)
    for key, source in zip(theirs, (row.cold_key, place_of(row.cold_key).card_key), strict=True):
        bucket.put_bytes(key, bucket.get_range(source, 0, 1 << 20))
    Segment.objects.filter(pk=row.pk).delete()
    bucket.delete(place_of(row.cold_key).card_key)
    said = repaired()
    assert "found in the cold store" not in said
    assert f"IG-USD/{'f' * 32} in the cold store has segments of another recording of IG-USD" in said
    assert Market.objects.get().segments.count() == 5


def test_of_a_recording_before_this_one_rows_tell_already(cold: Store) -> None:
    keep_store_id(cold.directory, "e" * 32)
    assert "another recording" not in repaired()


def test_however_many_cards_there_are_the_rows_are_read_once_a_kind(
    cold: Store, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    cold.record(60)
    Copying(cold.market, cold.directory, bucket, 0).run()
    for kind in KINDS:
        twice = rows(kind)[1]
        other = twice.name.replace("_20", "_21", 1)  # the same t under another name, behind all others
        card = bucket.get_range(place_of(twice.cold_key).card_key, 0, 1 << 20)
        bucket.put_bytes(place_of(twice.cold_key.replace(twice.name, other)).card_key, card.replace(
            twice.name.encode(), other.encode()
        ))  # fmt: skip
        bucket.put_bytes(
            twice.cold_key.replace(twice.name, other), bucket.get_range(twice.cold_key, 0, twice.cold_bytes)
        )
        for row in rows(kind):
            (cold.directory / row.path).unlink(missing_ok=True)
    Segment.objects.all().delete()
    asked = []

    def counted(market: Market, kind: str) -> list[Span]:
        asked.append(kind)
        return spans_kept(market, kind)

    monkeypatch.setattr(from_bucket, "spans_kept", counted)
    said = repaired()
    assert asked == list(KINDS)
    assert said.count("found in the cold store") == 9
    assert said.count("in the cold store holds t that other segments hold") == 3


def replace_id(key: str, store_id: str) -> str:
    symbol, _, rest = key.split("/", 2)
    return f"{symbol}/{store_id}/{rest}"
