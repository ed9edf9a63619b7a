"""Segments in the bucket are read like those on the disk, and what is in neither is told."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from django.db import OperationalError

from recorder.cold.bucket import Bucket, open_bucket
from recorder.cold.open_segments import OpenSegments
from recorder.manifest.inventory import compare
from recorder.manifest.row_writer import save_facts
from recorder.models import Market, Segment, SegmentQuerySet
from recorder.segment.layout import KINDS
from recorder.store.store_id import keep_store_id
from recorder.tape import segment_finder
from recorder.tape.damaged_files import damages
from recorder.tape.history import History, Message
from recorder.tape.recording import Recording
from runtime.unavailable import Unavailable
from tests.recorder.cold.copying import copy, leave_to_bucket
from tests.recorder.store import record_plainly
from tests.recorder.tape import NOON, Clock, moment

pytestmark = pytest.mark.django_db

SEGMENTS, TICKS = 4, 10


class Cold:
    """A store of four segments of ten ticks, all but the last in the bucket, the second one compressed anew."""

    def __init__(self, market: Market, directory: Path, bucket: Bucket) -> None:
        self.market, self.directory, self.bucket = market, directory, bucket
        record_plainly(market, directory, SEGMENTS, TICKS)
        self.history = History(market.symbol, directory)
        self.all = self.messages()
        for kind in KINDS:
            for row in self.rows(kind)[:-1]:
                copy(bucket, row, directory / row.path, anew=row.start_t == TICKS)
            compare(market, kind, directory / kind)

    def rows(self, kind: str) -> list[Segment]:
        return list(Segment.objects.filter(kind=kind).order_by("start_t"))

    def messages(self, after_t: int = -1, to_t: int | None = None) -> list[Message]:
        return list(self.history.messages(KINDS, after_t, to_t))

    def object_path(self, row: Segment) -> Path:
        assert self.bucket.address.directory is not None
        return self.bucket.address.directory / row.cold_key

    def leave(self, *numbers: int) -> None:
        """Remove the files of these segments, of each kind, as retention does."""
        for kind in KINDS:
            for number in numbers:
                row = self.rows(kind)[number]
                leave_to_bucket(row, self.directory / row.path)
            compare(self.market, kind, self.directory / kind)


@pytest.fixture
def cold(market, tmp_path, settings) -> Cold:
    (tmp_path / "bucket").mkdir()
    url = f"file://{tmp_path}/bucket"
    settings.CONFIG = replace(settings.CONFIG, cold_store=url, store_dir=tmp_path / "web")
    return Cold(market, tmp_path / "store", open_bucket(url))


def losses(messages: list[Message]) -> set[tuple[str, int, int, str]]:
    return {(one.kind, one.first_t, one.last_t, one.reason) for one in messages if one.text is None}


@pytest.mark.parametrize("gone", [(0,), (0, 1, 2), (1,)])
@pytest.mark.parametrize("is_exact", [True, False])
def test_segments_in_the_bucket_alone_are_read_as_they_were(cold: Cold, gone, is_exact) -> None:
    cold.leave(*gone)
    if not is_exact:
        (cold.directory / "ticks" / "a-stranger").touch()
        (cold.directory / "frames" / "a-stranger").touch()
    for after_t, to_t in [(-1, None), (5, 12), (14, 14), (25, 38), (39, None)]:
        wanted = [one for one in cold.all if after_t < one.first_t and (to_t is None or one.first_t <= to_t)]
        assert cold.messages(after_t, to_t) == wanted
    assert (cold.history.first_t(), cold.history.last_t()) == (0, SEGMENTS * TICKS - 1)


@pytest.mark.parametrize("is_exact", [True, False])
def test_a_segment_that_leaves_for_the_bucket_while_others_are_read_is_no_loss(cold: Cold, is_exact) -> None:
    if not is_exact:
        for kind in KINDS:
            (cold.directory / kind / "a-stranger").touch()
    messages = cold.history.messages(KINDS, -1)
    begun = [next(messages) for _ in range(5)]
    for kind in KINDS:
        last = cold.rows(kind)[-1]
        copy(cold.bucket, last, cold.directory / last.path)
    cold.leave(*range(1, SEGMENTS))
    assert [*begun, *messages] == cold.all


def test_where_no_disk_is_the_bucket_is_read_and_the_rest_is_elsewhere(cold: Cold) -> None:
    shutil.move(cold.directory, cold.directory.with_name("another-machine"))
    rest = SEGMENTS * TICKS - TICKS
    assert cold.history.is_elsewhere()
    found = cold.messages()
    assert [one for one in found if one.text is not None] == [one for one in cold.all if one.first_t < rest]
    assert losses(found) == {(kind, rest, rest + TICKS - 1, "elsewhere") for kind in KINDS}
    assert losses(cold.messages(rest + 4)) == {(kind, rest + 5, rest + TICKS - 1, "elsewhere") for kind in KINDS}
    assert (cold.history.last_t(), cold.history.loss_reason) == (rest - 1, "elsewhere")
    cold.market.store_id = "ab" * 16
    cold.market.save()
    assert cold.history.known_id() == "ab" * 16


def test_what_is_being_recorded_is_read_as_far_as_it_was_copied(cold: Cold, settings) -> None:
    settings.CONFIG = replace(settings.CONFIG, cold_open_seconds=5)
    keep_store_id(cold.directory, "ab" * 16)
    Market.objects.update(store_id="ab" * 16)
    writer = OpenSegments(cold.market.symbol, cold.directory, cold.bucket)
    first_t = SEGMENTS * TICKS
    recording = Recording(
        cold.directory, segment_seconds=300, level=3, flush_seconds=1, clock=Clock(NOON + 9000),
        on_change=lambda facts: save_facts(cold.market, None, facts),
    )  # fmt: skip
    for t in range(first_t, first_t + 5):
        recording.write(t, *moment(t))
    recording.flush()
    assert (writer.copy(), writer.copy()) == (6, 0)
    for t in range(first_t + 5, first_t + 9):
        recording.write(t, *moment(t))
    disk = cold.directory.with_name("another-machine")
    cold.directory.rename(disk)
    wanted = cold.all + [Message(kind, t, t, text) for t in range(first_t, first_t + 5) for kind, text in texts_of(t)]
    assert cold.messages() == wanted  # of what is being recorded, the rest is on its way
    disk.rename(cold.directory)
    recording.close()
    cold.directory.rename(disk)
    rest = {(kind, first_t + 5, first_t + 8, "elsewhere") for kind in KINDS}
    found = cold.messages()
    assert ([one for one in found if one.text is not None], losses(found)) == (wanted, rest)
    disk.rename(cold.directory)
    assert writer.copy() == 3
    cold.directory.rename(disk)
    assert cold.history.last_t() == first_t + 8
    assert losses(cold.messages()) == set()
    disk.rename(cold.directory)
    for kind in KINDS:
        for row in cold.rows(kind)[-2:]:
            copy(cold.bucket, row, cold.directory / row.path)
    assert writer.copy() == 0
    assert not list(cold.bucket.keys("IG-USD"))


def texts_of(t: int) -> list[tuple[str, bytes]]:
    """What is recorded of a tick, in the order of a stream."""
    tick, metric, frame = moment(t)
    assert metric is not None
    assert frame is not None
    return [("frames", frame), ("metrics", metric), ("ticks", tick)]


def test_a_bucket_that_fails_breaks_the_reading_off_and_a_gap_tells_only_what_is_gone(cold: Cold) -> None:
    cold.leave(0, 1, 2)
    bucket = cold.bucket.address.directory
    assert bucket is not None
    away = bucket.rename(bucket.with_name("away"))
    reading = cold.history.messages(["ticks"], -1)
    with pytest.raises(Unavailable, match="is unavailable: there is no such directory"):
        list(reading)
    assert cold.history.last_t() == SEGMENTS * TICKS - 1  # which is on the disk
    away.rename(bucket)
    rows = cold.rows("ticks")
    cold.object_path(rows[0]).unlink()
    whole = cold.object_path(rows[1]).read_bytes()
    cold.object_path(rows[1]).write_bytes(whole[: rows[1].cold_seek_points[1][1] + 3])
    third = bytearray(cold.object_path(rows[2]).read_bytes())
    third[len(third) // 2] ^= 1
    cold.object_path(rows[2]).write_bytes(third)
    ticks = [one for one in cold.messages() if one.kind == "ticks"]
    assert losses(ticks) == {
        ("ticks", 0, 9, "expired"),
        ("ticks", 14, 19, "damaged"),
        ("ticks", 20, 29, "damaged"),
    }
    assert [one.path.name for one in damages.below(cold.directory)] == [rows[1].name, rows[2].name]


@pytest.fixture
def no_database(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Has the database be away from then on; with an `is_exact` it tells that still, and then goes away."""

    def fail(query: Callable[[], object]) -> object:
        raise OperationalError("the database is away")

    def go_away(is_exact: bool | None = None) -> None:
        monkeypatch.setattr(segment_finder, "reading", fail if is_exact is None else lambda query: is_exact)
        for module in ("recorder.models", "recorder.tape.history"):
            monkeypatch.setattr(f"{module}.reading", fail)

    return go_away


def test_without_a_database_nothing_in_the_bucket_is_told_to_be_gone(
    cold: Cold, no_database: Callable[[], None]
) -> None:
    cold.leave(0, 1)
    no_database()
    for after_t in (-1, 15):
        with pytest.raises(Unavailable, match="which ticks are in the bucket cannot be told"):
            list(cold.history.messages(["ticks"], after_t))
    assert [one.first_t for one in cold.history.messages(["ticks"], 20)] == list(range(21, 40))
    assert cold.history.last_t() == SEGMENTS * TICKS - 1


@pytest.mark.parametrize("is_exact", [None, True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_nor_is_what_lies_between_two_files(
    cold: Cold, no_database: Callable[[bool | None], None], kind: str, is_exact: bool | None
) -> None:
    cold.leave(1)
    no_database(is_exact)
    for after_t in (-1, 5, 9, 14):
        read = cold.history.messages([kind], after_t)
        with pytest.raises(Unavailable, match=f"which {kind} are in the bucket cannot be told"):
            list(read)
    wanted = [one for one in cold.all if one.kind == kind]
    assert list(cold.history.messages([kind], 2, 8)) == wanted[3:9]
    assert list(cold.history.messages([kind], 31)) == wanted[32:]
    ticks = [one for one in cold.all if one.kind == "ticks"]
    assert list(cold.history.messages(["ticks"], 20)) == ticks[21:]


@pytest.mark.parametrize("kind", KINDS)
def test_a_database_that_goes_away_while_rows_are_read_hides_nothing_in_the_bucket(
    cold: Cold, no_database: Callable[[], None], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recorder.models._MOST_ROWS", 1)
    cold.leave(2)
    paged = SegmentQuerySet.paged
    monkeypatch.setattr(SegmentQuerySet, "paged", lambda *given, **more: paged(*given, **more, first_rows=1))
    read = cold.history.messages([kind], -1)
    begun = [next(read) for _ in range(5)]
    no_database()
    with pytest.raises(Unavailable):
        begun.extend(read)
    assert begun == [one for one in cold.all if one.kind == kind][: len(begun)]
