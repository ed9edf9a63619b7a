"""Making digests: once, whole, again where one is lost, and gone with its segment."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zstandard

from recorder.digests import making
from recorder.digests.chunk_row import DigestChunk
from recorder.digests.digest import KINDS, BadDigest, Digest
from recorder.digests.digest_files import digest_path, load_digest
from recorder.digests.making import alone, due, forget_gone, make_all, make_digests, miss_lost
from recorder.digests.packing import pack_buckets
from recorder.digests.pyramid import FINEST, buckets_of
from recorder.digests.roll_up import LEVELS, roll_up
from recorder.models import Run, Segment
from recorder.store.lock import StoreLock
from tests.recorder.store import Store
from tests.recorder.tape import moment

pytestmark = pytest.mark.django_db


def rolled() -> list[tuple]:
    return [
        (row.kind, row.level, row.number, bytes(row.data), bytes(row.notes))
        for row in DigestChunk.objects.order_by("kind", "level", "number")
    ]


def digests(store: Store, kind: str = "metrics") -> list[Path]:
    return sorted((store.directory / "digests" / kind).iterdir())


def test_each_finished_segment_has_one(store: Store) -> None:
    assert due()
    made: list[Segment] = []
    assert make_digests(store.market, store.directory, made.append) == len(made) == 3 * len(KINDS)
    assert not due()
    for row in Segment.objects.filter(kind__in=KINDS):
        digest = load_digest(store.directory, row.kind, row.name)
        assert (digest.segment, digest.sha256) == (row.name, row.sha256)
    assert make_digests(store.market, store.directory) == 0


def test_frames_wait_for_ticks_that_their_market_has_not_written_yet(store: Store) -> None:
    frames, ticks = (
        Segment.objects.of(store.market, kind).order_by("-start_t").first() for kind in ("frames", "ticks")
    )
    assert frames is not None
    assert ticks is not None
    file = store.directory / "ticks" / ticks.name
    hidden = file.rename(store.directory / ticks.name)
    lock = StoreLock(store.directory, store.market.symbol, "a market that runs")
    try:
        make_digests(store.market, store.directory)
        assert not digest_path(store.directory, "frames", frames.name).exists()
        hidden.rename(file)
        make_digests(store.market, store.directory)
    finally:
        lock.release()
    assert not due()
    measured = load_digest(store.directory, "frames", frames.name).rows
    assert measured is not None
    assert not np.isnan(measured.values[0]).any()


def test_segment_by_segment_or_all_at_once_rolls_up_the_same(market, tmp_path) -> None:
    store = Store(market, tmp_path)
    for ticks in (200, 100, 1):
        store.record(ticks)
        make_digests(market, tmp_path)
    one_by_one = rolled()
    make_all(market, tmp_path)
    assert rolled() == one_by_one
    DigestChunk.objects.all().delete()
    make_all(market, tmp_path)
    assert rolled() == one_by_one


def test_a_long_gap_costs_no_more_than_a_short_one(digested: Store, django_assert_max_num_queries) -> None:
    before, behind = digested.next_t, digested.next_t + 2**28
    recording = digested.recording()
    recording.write(before, *moment(before))
    recording.write_gap(before + 1, behind - 1, "lost")
    recording.write(behind, *moment(behind))
    recording.close()
    with django_assert_max_num_queries(500):
        make_digests(digested.market, digested.directory)
    made = rolled()
    make_all(digested.market, digested.directory)
    assert (rolled(), DigestChunk.objects.filter(number__gt=1000).exists()) == (made, True)


def test_a_roll_up_asks_once_for_each_chunk_and_writes_all_at_once(
    digested: Store, django_assert_max_num_queries
) -> None:
    before, newest = rolled(), Segment.objects.of(digested.market, "metrics").order_by("-start_t")[:1]
    a_level, around = 2, 8  # which chunks there are, and the one; before and behind, the writing of all too
    with django_assert_max_num_queries(a_level * len(LEVELS) + around):
        roll_up(digested.market, digested.directory, "metrics", coming=newest)
    assert rolled() == before


def test_a_crash_in_the_middle_of_a_file_leaves_no_digest(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(source: Path, target: Path) -> None:
        raise SystemError("killed")

    with monkeypatch.context() as patch, pytest.raises(SystemError):
        patch.setattr(os, "replace", crash)
        make_digests(store.market, store.directory)
    with pytest.raises(FileNotFoundError):
        load_digest(store.directory, "metrics", store.paths("metrics")[-1].name)
    assert due()
    make_digests(store.market, store.directory)
    assert [path.suffix for path in digests(store)] == [".zst"] * 3


def test_a_crash_between_file_and_row_is_made_up_for_without_reading_segments(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_digests(store.market, store.directory)
    expected = rolled()
    Segment.objects.update(digest=0)
    DigestChunk.objects.all().delete()
    monkeypatch.setattr(making, "digest_of", None)
    assert make_digests(store.market, store.directory) == 3 * len(KINDS)
    assert rolled() == expected


@pytest.mark.parametrize("fault", ["missing", "cut", "old", "of another segment", "a FIFO", "huge"])
def test_a_lost_or_old_one_is_made_again(digested: Store, fault: str) -> None:
    path, other = digests(digested)[:2]
    good = path.read_bytes()
    if fault == "missing":
        path.unlink()
    elif fault == "cut":
        path.write_bytes(good[:-20])
    elif fault == "old":
        path.write_bytes(_older(good))
    elif fault == "a FIFO":
        path.unlink()
        os.mkfifo(path)
    elif fault == "huge":
        path.write_bytes(_huge())
    else:
        path.write_bytes(other.read_bytes())
    name = path.name.replace(".json.", ".jsonl.")
    with pytest.raises((BadDigest, FileNotFoundError)):
        load_digest(digested.directory, "metrics", name)
    assert miss_lost(digested.market, digested.directory) == 1
    assert make_digests(digested.market, digested.directory) == 1
    assert path.read_bytes() == good
    assert miss_lost(digested.market, digested.directory) == 0


def _older(data: bytes) -> bytes:
    text = zstandard.ZstdDecompressor().decompress(data)
    return zstandard.ZstdCompressor().compress(text.replace(b'"version":1', b'"version":0', 1))


def test_a_crash_before_or_behind_the_roll_up_leaves_nothing_out(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    make_digests(store.market, store.directory)
    expected = rolled()
    for crash_first in (True, False):
        Segment.objects.update(digest=0)
        DigestChunk.objects.all().delete()
        with monkeypatch.context() as patch, pytest.raises(SystemError):
            patch.setattr(making, "roll_up", _crashing(making.roll_up, before=crash_first))
            make_digests(store.market, store.directory)
        make_digests(store.market, store.directory)
        assert rolled() == expected


@pytest.mark.parametrize("level", [6, 12, None])
def test_what_is_rolled_up_and_lost_is_rolled_up_again(
    digested: Store, monkeypatch: pytest.MonkeyPatch, level: int | None
) -> None:
    digested.record(100, gap=2**20)
    make_digests(digested.market, digested.directory)
    before = rolled()
    assert miss_lost(digested.market, digested.directory) == 0
    lost = DigestChunk.objects.all() if level is None else DigestChunk.objects.filter(level=level, number=0)
    lost.delete()
    assert miss_lost(digested.market, digested.directory) in (6, 8)
    monkeypatch.setattr(making, "digest_of", None)
    make_digests(digested.market, digested.directory)
    assert rolled() == before


def test_the_lost_roll_up_of_removed_segments_is_made_at_once(digested: Store) -> None:
    Segment.objects.update(removed_at=datetime.now(UTC))
    before = rolled()
    DigestChunk.objects.filter(kind="metrics").delete()
    assert miss_lost(digested.market, digested.directory) == 0
    assert rolled() == before


def test_a_crash_while_one_is_forgotten_is_made_up_for(digested: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    Segment.objects.filter(start_t__lt=200).update(removed_at=datetime.now(UTC))
    with monkeypatch.context() as patch, pytest.raises(SystemError):
        patch.setattr(making, "roll_up", _crashing(making.roll_up, before=True))
        forget_gone(digested.market, digested.directory)
    assert forget_gone(digested.market, digested.directory) == 2
    left = rolled()
    DigestChunk.objects.all().delete()
    make_all(digested.market, digested.directory)
    assert rolled() == left


def _crashing(work: Callable[..., None], *, before: bool) -> Callable[..., None]:
    def crash(*arguments: Any, **named: Any) -> None:
        if not before:
            work(*arguments, **named)
        raise SystemError("killed")

    return crash


def test_those_of_another_version_are_made_again(digested: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    rolled_before = rolled()
    monkeypatch.setitem(making.VERSIONS, "metrics", 2)
    other = buckets_of(("other",), np.array([900 << FINEST]), np.array([0.0]), np.array([[1.0]]))
    DigestChunk.objects.filter(kind="metrics", level=FINEST).update(data=pack_buckets(other))
    assert make_digests(digested.market, digested.directory) == 3
    assert rolled() == rolled_before
    assert load_digest(digested.directory, "metrics", digested.paths("metrics")[0].name).kind == "metrics"
    assert set(Segment.objects.filter(kind="metrics").values_list("digest", flat=True)) == {2}


@pytest.mark.parametrize("lost", ["run", "settings"])
def test_measures_of_an_unknown_run_are_kept(
    digested: Store, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    before, files = rolled(), [path.read_bytes() for path in digests(digested, "frames")]
    if lost == "run":
        Segment.objects.update(run=None)
        Run.objects.all().delete()
    else:
        Run.objects.update(settings={})
    assert make_all(digested.market, digested.directory) == 6
    assert [path.read_bytes() for path in digests(digested, "frames")] == files
    assert (
        f"the digest of frames/{digested.paths('frames')[0].name} is not made anew: its run is unknown" in caplog.text
    )
    assert rolled() == before
    monkeypatch.setitem(making.VERSIONS, "frames", 2)
    assert make_digests(digested.market, digested.directory) == 0
    assert [path.read_bytes() for path in digests(digested, "frames")] == files
    assert due()


def _huge() -> bytes:
    """A file whose head says that a terabyte follows."""
    compressor = zstandard.ZstdCompressor().compressobj(size=2**40)
    return compressor.compress(b" " * 100_000) + compressor.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)


def test_one_in_whose_place_is_a_directory_keeps_no_other_from_being_made(digested: Store) -> None:
    first = digests(digested)[0]
    for path in digests(digested):
        path.unlink()
    first.mkdir()
    assert miss_lost(digested.market, digested.directory) == 3
    assert make_digests(digested.market, digested.directory) == 2
    with pytest.raises(BadDigest, match="something that is no file has its name and must be moved away"):
        load_digest(digested.directory, "metrics", digested.paths("metrics")[0].name)
    first.rmdir()
    assert make_digests(digested.market, digested.directory) == 1


def test_a_digest_goes_with_its_segment(digested: Store) -> None:
    first = digested.paths("metrics")[0]
    rows = Segment.objects.filter(kind="metrics", name=first.name)
    rows.update(removed_at=datetime.now(UTC))
    assert forget_gone(digested.market, digested.directory, keep_removed=True) == 0
    assert forget_gone(digested.market, digested.directory) == 1
    assert not digest_path(digested.directory, "metrics", first.name).exists()
    assert rows.get().digest == 0
    left = rolled()
    make_all(digested.market, digested.directory)
    assert rolled() == left
    assert {number for _, level, number, *_ in left if level == 6} == {0}


def test_what_is_rolled_up_of_all_segments_goes_with_the_last(digested: Store) -> None:
    Segment.objects.update(removed_at=datetime.now(UTC))
    forget_gone(digested.market, digested.directory)
    assert rolled() == []
    assert digests(digested) == []


def test_a_lost_file_is_no_removed_one(digested: Store) -> None:
    Segment.objects.filter(kind="metrics", start_t=200).update(missing=True)
    assert forget_gone(digested.market, digested.directory, keep_removed=True) == 1


@pytest.mark.parametrize("batch", [32, 1])
def test_a_segment_that_cannot_be_read_keeps_no_other_from_its_digest(
    store: Store, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(making, "_BATCH", batch)
    store.paths("metrics")[1].unlink()
    assert make_digests(store.market, store.directory) == 3 * len(KINDS) - 1
    assert due()


def test_where_many_cannot_be_made_the_rest_is_not_read_in_vain(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []

    def fail(directory: Path, digest: Digest) -> None:
        tried.append(digest.kind)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(making, "write_digest", fail)
    monkeypatch.setattr(making, "_BATCH", 1)
    monkeypatch.setattr(making, "_MOST_FAILED", 2)
    assert make_digests(store.market, store.directory) == 0
    assert tried == ["metrics", "metrics", "frames", "frames"]


def test_one_process_makes_digests_at_a_time(store: Store) -> None:
    with alone(store.directory) as is_alone:
        assert is_alone
        assert make_digests(store.market, store.directory) == 0
    assert make_digests(store.market, store.directory) == 3 * len(KINDS)


def test_a_market_without_a_store_has_none(market, tmp_path) -> None:
    nowhere = tmp_path / "nowhere"
    assert make_digests(market, nowhere) == forget_gone(market, nowhere) == 0
    assert not nowhere.exists()
