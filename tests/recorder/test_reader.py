"""Reading any range of a tape: across segments, the open one and removed ones, behind damage, by one frame a seek."""

from __future__ import annotations

import os
import threading
import tracemalloc
from itertools import pairwise

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.errors import DamagedLine
from recorder.recovery.pending import recover
from recorder.segment import checked_lines, listing
from recorder.segment.checked_lines import Line, parsed
from recorder.segment.layout import segment_files
from recorder.segment.listing import Directory, Found
from recorder.segment.writer import ZstdSegmentWriter
from recorder.segment.zstd_frames import frame_starts
from recorder.tape.reader import first_t, last_line, read
from tests.examples import at_most
from tests.recorder.tape import Clock, message


def write(directory, ts, *, seal=True, frame_every=None, gaps=(), kind="ticks"):
    """One segment. A frame ends before each t that `frame_every` divides; a gap stands before the t behind it."""
    told, clock = [], Clock()
    writer = ZstdSegmentWriter(kind, directory, 300, 3, clock=clock, on_change=told.append)
    for t in ts:
        if frame_every and t % frame_every == 0:
            clock.now += 30
        for from_t, to_t in gaps:
            if to_t + 1 == t:
                writer.write_gap(from_t, to_t, "lost")
        writer.write_jsonline(message(t, kind=kind), t)
    writer.flush()
    if seal:
        writer.close()
    return told[-1]


class Known(Directory):
    """Finds segments by their names, and knows the seek points of each."""

    def __init__(self, directory, points, kind="ticks"):
        super().__init__(directory / kind)
        self._points = points

    def from_t(self, t):
        return (Found(found.name, self._points) for found in super().from_t(t))


def spans(lines):
    return [(line.first_t, line.last_t) for line in lines]


def ts(lines):
    return [line.first_t for line in lines]


@pytest.fixture
def tape(tmp_path):
    """0..99 in three segments, the last one open; a frame every seven ticks."""
    write(tmp_path, range(0, 40), frame_every=7)
    write(tmp_path, range(40, 70), frame_every=7)
    write(tmp_path, range(70, 100), frame_every=7, seal=False)
    return tmp_path


@pytest.mark.parametrize("after_t", [-1, 0, 6, 7, 38, 39, 40, 69, 70, 98])
@pytest.mark.parametrize("to_t", [None, 0, 39, 40, 70, 99, 500])
def test_every_range_is_what_it_says(tape, after_t, to_t):
    end = 99 if to_t is None else min(to_t, 99)
    found = list(read(tape, "ticks", after_t, to_t))
    assert ts(found) == list(range(after_t + 1, end + 1))
    assert [line.text for line in found] == [message(t) for t in range(after_t + 1, end + 1)]


def test_behind_the_end_is_nothing(tape):
    assert list(read(tape, "ticks", 99)) == list(read(tape, "ticks", 5000)) == []
    assert list(read(tape, "frames", -1)) == list(read(tape / "none", "ticks", -1)) == []


@settings(max_examples=at_most(40))
@given(
    cuts=st.lists(st.integers(1, 60), max_size=4, unique=True),
    frame_every=st.integers(2, 20),
    after_t=st.integers(-1, 65),
    length=st.integers(0, 65),
    holes=st.lists(st.integers(1, 59), max_size=5, unique=True),
)
def test_whatever_was_written_is_read_back(tmp_path_factory, cuts, frame_every, after_t, length, holes):
    directory = tmp_path_factory.mktemp("tape")
    bounds = [0, *sorted(cuts), 60]
    for first, last in pairwise(bounds):
        there = [t for t in range(first, last) if t not in holes]
        if there:
            write(directory, there, frame_every=frame_every, seal=last != 60)
    expected = [t for t in range(after_t + 1, after_t + 1 + length) if 0 <= t < 60 and t not in holes]
    assert ts(read(directory, "ticks", after_t, after_t + length)) == expected


@pytest.mark.parametrize("known", [True, False])
def test_a_seek_costs_one_frame(tmp_path, monkeypatch, known):
    facts = write(tmp_path, range(1000), frame_every=10)
    decoded = []
    real = checked_lines.read_frame
    monkeypatch.setattr(
        checked_lines, "read_frame", lambda file, at, *most: decoded.append(at) or real(file, at, *most)
    )
    found = read(tmp_path, "ticks", 804, finder=Known(tmp_path, facts.seek_points) if known else None)
    assert next(found).first_t == 805
    assert decoded == [dict(facts.seek_points)[800]]


def test_any_number_of_lines_takes_the_memory_of_one_frame(tmp_path):
    write(tmp_path, range(60_000))
    list(read(tmp_path, "ticks", 59_990))
    tracemalloc.start()
    for _ in read(tmp_path, "ticks", -1):
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 << 20


def test_gap_lines_are_given_where_they_stand(tmp_path):
    write(tmp_path, [*range(5), *range(10, 15)], gaps=[(5, 9)])
    assert spans(read(tmp_path, "ticks", 2, 11)) == [(3, 3), (4, 4), (5, 9), (10, 10), (11, 11)]
    assert spans(read(tmp_path, "ticks", 6, 7)) == [(5, 9)]
    assert next(read(tmp_path, "ticks", 7)).is_gap


def test_a_gap_that_begins_the_next_segment_is_told_to_who_asks_for_what_is_missing(tmp_path):
    write(tmp_path, range(5))
    write(tmp_path, range(10, 15), gaps=[(5, 9)])
    assert [name.start_t for name in segment_files(tmp_path, "ticks")] == [0, 10]
    assert spans(read(tmp_path, "ticks", 3, 7)) == [(4, 4), (5, 9)]


def test_a_removed_segment_is_left_out(tape):
    next((tape / "ticks").glob("*_40.jsonl.zst")).unlink()
    assert ts(read(tape, "ticks", 30, 75)) == [*range(31, 40), *range(70, 76)]


def test_a_segment_sealed_since_it_was_listed_is_read_and_one_removed_since_is_told(tape):
    lines = read(tape, "ticks", -1)
    next(lines)
    next((tape / "ticks").glob("*_40.jsonl.zst")).unlink()
    recover(tape)
    found = list(lines)
    assert spans(found) == [*((t, t) for t in range(1, 40)), (40, 69), *((t, t) for t in range(70, 100))]
    assert found[39].text == b'{"type":"gap","kind":"ticks","from_t":40,"to_t":69,"reason":"expired"}'


def test_the_half_line_of_a_living_writer_is_not_read(tmp_path):
    write(tmp_path, range(5), seal=False)
    (path,) = (tmp_path / "ticks").iterdir()
    whole = path.read_bytes()
    for size in range(1, len(whole)):
        path.write_bytes(whole[:size])
        found = ts(read(tmp_path, "ticks", -1))
        assert found == list(range(len(found)))


def test_two_changes_of_a_directory_within_one_tick_of_its_clock_are_both_seen(tmp_path):
    write(tmp_path, range(5))
    directory = tmp_path / "ticks"
    before = directory.stat()
    assert first_t(tmp_path, "ticks") == 0
    write(tmp_path, range(5, 10))
    os.utime(directory, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert ts(read(tmp_path, "ticks", -1)) == list(range(10))


def test_a_directory_at_rest_is_listed_once(tmp_path, monkeypatch):
    write(tmp_path, range(5))
    os.utime(tmp_path / "ticks", (1_700_000_000, 1_700_000_000))
    listings = []
    real = listing.segment_files
    monkeypatch.setattr(listing, "segment_files", lambda *args: listings.append(args) or real(*args))
    for _ in range(5):
        assert ts(read(tmp_path, "ticks", -1)) == list(range(5))
    assert len(listings) == 1


def test_of_a_directory_one_listing_is_kept_however_often_it_changes(tmp_path):
    for number in range(3):
        write(tmp_path, range(number * 5, number * 5 + 5))
        os.utime(tmp_path / "ticks", (1_700_000_000 + number,) * 2)
        assert ts(read(tmp_path, "ticks", -1)) == list(range(number * 5 + 5))
    assert len(listing._kept[tmp_path / "ticks"].names) == 3
    assert sum(path.is_relative_to(tmp_path) for path in listing._kept) == 1


def test_the_newest_message_and_the_oldest(tape):
    assert last_line(tape, "ticks") == Line(99, 99, message(99))
    assert first_t(tape, "ticks") == 0
    assert last_line(tape, "frames") is first_t(tape, "frames") is None


def test_a_gap_at_the_end_is_no_message(tmp_path):
    write(tmp_path, range(5))
    writer = ZstdSegmentWriter("ticks", tmp_path, 300, 3, clock=Clock())
    writer.write_gap(5, 9, "lost")
    writer.close()
    assert last_line(tmp_path, "ticks").first_t == 4


# -- damage in finished files


def damage(path, point, by=25):
    data = bytearray(path.read_bytes())
    data[point + by] ^= 0xFF
    path.write_bytes(data)


@pytest.mark.parametrize("known", [True, False])
def test_behind_a_damaged_frame_reading_goes_on_with_the_next_and_tells_what_is_lost(tmp_path, caplog, known):
    facts = write(tmp_path, range(100), frame_every=10)
    write(tmp_path, range(100, 110))
    points = dict(facts.seek_points)
    (path,) = (tmp_path / "ticks").glob("*_0.jsonl.zst")
    damage(path, points[40])
    damage(path, points[90])
    found = list(read(tmp_path, "ticks", -1, finder=Known(tmp_path, facts.seek_points) if known else None))
    kept = [line.first_t for line in found if not line.is_gap]
    assert set(range(110)) - set(kept) <= {*range(40, 50), *range(90, 100)}
    told = {t for line in found if line.is_gap for t in range(line.first_t, line.last_t + 1)}
    assert told == set(range(110)) - set(kept)
    assert kept == sorted(set(kept))
    assert caplog.text.count("is damaged, and what cannot be read is told as a gap") == 1


def test_who_asks_for_what_is_damaged_hears_of_the_loss(tmp_path):
    facts = write(tmp_path, range(100), frame_every=10)
    (path,) = (tmp_path / "ticks").glob("*_0.jsonl.zst")
    damage(path, dict(facts.seek_points)[40])
    (gap,) = [line for line in read(tmp_path, "ticks", 41, 47) if line.is_gap]
    assert (gap.first_t, gap.last_t) == (42, 49)
    assert gap.text == b'{"type":"gap","kind":"ticks","from_t":42,"to_t":49,"reason":"damaged"}'


def test_garbage_at_the_beginning_of_a_file_costs_its_first_frame_alone(tmp_path):
    facts = write(tmp_path, range(100), frame_every=10)
    (path,) = (tmp_path / "ticks").glob("*_0.jsonl.zst")
    path.write_bytes(b"garbage!" + path.read_bytes()[8:])
    assert spans(read(tmp_path, "ticks", -1, finder=Known(tmp_path, facts.seek_points)))[:2] == [(0, 9), (10, 10)]


@pytest.mark.parametrize("content", [b"", b"garbage", b"\x28\xb5\x2f\xfd", b"\x28\xb5\x2f\xfd" + b"\xff" * 50])
def test_a_file_that_is_all_garbage_reads_as_nothing(tmp_path, content):
    write(tmp_path, range(5))
    (tmp_path / "ticks" / "segment_20260124_130000_5.jsonl.zst").write_bytes(content)
    write(tmp_path, range(10, 15))
    assert [line.first_t for line in read(tmp_path, "ticks", -1) if not line.is_gap] == [*range(5), *range(10, 15)]
    assert last_line(tmp_path, "ticks").first_t == 14


@pytest.mark.parametrize("line", [b"x", b"[]", b"1", b'{"type":"tick"}', b'{"type":"tick","t":1.5}', b'{"t":"1"}', b""])
def test_a_line_that_is_no_message_is_damage(tmp_path, line):
    path = tmp_path / "ticks" / "segment_20260124_120000_0.jsonl.zst"
    path.parent.mkdir()
    compress = zstandard.ZstdCompressor().compress
    path.write_bytes(compress(message(0) + b"\n" + line + b"\n" + message(2) + b"\n") + compress(message(3) + b"\n"))
    assert spans(read(tmp_path, "ticks", -1)) == [(0, 0), (1, 2), (3, 3)]
    with path.open("rb") as file, pytest.raises(DamagedLine, match=r"^a line is no message: "):
        list(parsed(file, "ticks"))


def test_messages_of_another_writer_are_read_by_their_t(tmp_path):
    path = tmp_path / "ticks" / "segment_20260124_120000_7.jsonl.zst"
    path.parent.mkdir()
    path.write_bytes(zstandard.ZstdCompressor().compress(b'{"ts": 1.0, "t": 7}\n{"t" :8, "type": "tick"}\n'))
    assert ts(read(tmp_path, "ticks", -1)) == [7, 8]


# -- beside a living writer


def test_reading_beside_a_writer_that_flushes_rolls_and_seals(tmp_path):
    clock = Clock()
    writer = ZstdSegmentWriter("ticks", tmp_path, 50, 3, clock=clock, flush_seconds=3)
    ended, found = threading.Event(), []

    def follow():
        at = -1
        while True:
            last_round = ended.is_set()
            for line in read(tmp_path, "ticks", at):
                found.append(line.first_t)
                at = line.last_t
            if last_round:
                return

    thread = threading.Thread(target=follow)
    thread.start()
    for t in range(1000):
        clock.now += 1
        writer.roll_if_needed(t)
        writer.write_jsonline(message(t), t)
    writer.close()
    ended.set()
    thread.join()
    assert found == list(range(1000))
    assert len(segment_files(tmp_path, "ticks")) == 20
    with (tmp_path / "ticks" / segment_files(tmp_path, "ticks")[0].file).open("rb") as file:
        assert len(list(frame_starts(file))) == 2
