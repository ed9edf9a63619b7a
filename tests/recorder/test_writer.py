"""The writer: when it opens, flushes, cuts frames, rolls and seals, and what then lies on disk."""

import hashlib
import os
import stat
from itertools import pairwise

import orjson
import pytest
import zstandard

from recorder.errors import BadLine, BadName, BadOrder
from recorder.segment.layout import SegmentFacts
from recorder.segment.writer import ZstdSegmentWriter
from recorder.segment.zstd_frames import FRAME_TEXT_BYTES
from tests.recorder.tape import NOON, Clock, decoded, decoded_by_tool, message, only_file, parsed


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def told() -> list[SegmentFacts]:
    return []


@pytest.fixture
def writer(tmp_path, clock, told):
    writer = ZstdSegmentWriter("ticks", tmp_path, 300, 3, clock=clock, on_change=told.append)
    yield writer
    writer.close()


@pytest.fixture
def ticks(tmp_path):
    return tmp_path / "ticks"


def test_no_file_is_made_before_the_first_message(writer, ticks):
    assert writer.facts is None
    writer.roll_if_needed(0)
    writer.flush()
    writer.flush_if_due()
    writer.close()
    assert not ticks.exists()


def test_a_segment_is_pending_until_it_is_sealed(writer, ticks):
    writer.write_jsonline({"type": "tick", "t": 1000}, 1000)
    assert only_file(ticks).name == "segment_20260124_120000_1000_pending.jsonl.zst"
    writer.close()
    assert only_file(ticks).name == "segment_20260124_120000_1000.jsonl.zst"
    assert decoded(only_file(ticks)) == b'{"type":"tick","t":1000}\n'


def test_a_dict_and_ready_bytes_become_the_same_line(writer, ticks):
    writer.write_jsonline({"type": "tick", "t": 1, "x": 0.5}, 1)
    writer.write_jsonline(orjson.dumps({"type": "tick", "t": 2, "x": 0.5}), 2)
    writer.close()
    assert decoded(only_file(ticks)) == b'{"type":"tick","t":1,"x":0.5}\n{"type":"tick","t":2,"x":0.5}\n'


def test_written_lines_are_on_disk_one_second_after_the_first_of_them(writer, clock, ticks):
    writer.write_jsonline(message(0), 0)
    clock.now = NOON + 0.5
    writer.write_jsonline(message(1), 1)
    clock.now = NOON + 0.999
    writer.flush_if_due()
    assert only_file(ticks).stat().st_size == 0
    clock.now = NOON + 1.0
    writer.flush_if_due()
    assert decoded(only_file(ticks)) == message(0) + b"\n" + message(1) + b"\n"


def test_in_a_busy_market_writing_itself_flushes(writer, clock, ticks):
    for t in range(11):
        clock.now = NOON + t / 10
        writer.write_jsonline(message(t), t)
    assert [m["t"] for m in parsed(decoded(only_file(ticks)))] == list(range(11))


def test_the_second_counts_from_the_first_line_after_a_flush(writer, clock, ticks):
    writer.write_jsonline(message(0), 0)
    writer.flush()
    clock.now = NOON + 10
    writer.write_jsonline(message(1), 1)
    assert decoded(only_file(ticks)) == message(0) + b"\n"
    clock.now = NOON + 11
    writer.flush_if_due()
    assert decoded(only_file(ticks)) == message(0) + b"\n" + message(1) + b"\n"


def test_a_flush_of_nothing_writes_nothing(writer, clock, ticks):
    writer.write_jsonline(message(0), 0)
    writer.flush()
    size = only_file(ticks).stat().st_size
    clock.now = NOON + 100
    writer.flush()
    writer.flush_if_due()
    assert only_file(ticks).stat().st_size == size


def test_no_flush_time_at_all_flushes_each_line(tmp_path, clock):
    writer = ZstdSegmentWriter("ticks", tmp_path, 300, 3, clock=clock, flush_seconds=0)
    writer.write_jsonline(message(0), 0)
    assert decoded(only_file(tmp_path / "ticks")) == message(0) + b"\n"
    writer.close()


def test_a_segment_rolls_by_the_clock_and_the_next_is_named_by_its_first_message(writer, clock, ticks):
    writer.write_jsonline(message(7), 7)
    clock.now = NOON + 299.9
    assert not writer.roll_if_needed(8)
    clock.now = NOON + 300
    assert writer.roll_if_needed(8)
    assert writer.facts is None
    assert not writer.roll_if_needed(8)
    clock.now = NOON + 400
    writer.write_jsonline(message(9), 9)
    assert sorted(path.name for path in ticks.iterdir()) == [
        "segment_20260124_120000_7.jsonl.zst",
        "segment_20260124_120640_9_pending.jsonl.zst",
    ]


def test_a_clock_that_jumps_back_neither_stops_the_rolling_nor_rolls_for_ever(writer, clock, ticks):
    writer.write_jsonline(message(0), 0)
    clock.now = NOON - 3600
    for t in range(1, 100):
        writer.write_jsonline(message(t), t)
        assert not writer.roll_if_needed(t)
    clock.now = NOON - 3600 + 300
    assert writer.roll_if_needed(100)
    writer.write_jsonline(message(100), 100)
    assert len(list(ticks.iterdir())) == 2


def test_a_clock_that_jumps_back_delays_no_flush(writer, clock, ticks):
    writer.write_jsonline(message(0), 0)
    clock.now = NOON - 3600
    writer.flush_if_due()
    assert decoded(only_file(ticks)) == message(0) + b"\n"


def test_no_frame_holds_more_than_a_mebibyte_of_text_and_all_end_with_a_line(writer, ticks):
    for t in range(900):
        writer.write_jsonline(message(t, 5000), t)
    writer.close()
    frames = frames_of(only_file(ticks).read_bytes())
    assert len(frames) > 4
    assert all(len(text) <= FRAME_TEXT_BYTES and text.endswith(b"\n") for text in frames)
    assert all(len(one) + len(two) > FRAME_TEXT_BYTES for one, two in pairwise(frames))


def test_a_line_above_a_mebibyte_gets_a_frame_of_its_own(writer, ticks):
    lines = [message(0), message(1, 3 << 20), message(2)]
    for t, line in enumerate(lines):
        writer.write_jsonline(line, t)
    writer.close()
    assert frames_of(only_file(ticks).read_bytes()) == [line + b"\n" for line in lines]


def test_a_frame_is_open_for_less_than_thirty_seconds(writer, clock, ticks):
    for t in range(0, 100):
        clock.now = NOON + t
        writer.write_jsonline(message(t), t)
    writer.close()
    frames = frames_of(only_file(ticks).read_bytes())
    assert [parsed(text)[0]["t"] for text in frames] == [0, 30, 60, 90]


def test_each_seek_point_leads_to_its_message(writer, clock, ticks):
    for t in range(100, 200):
        clock.now = NOON + t
        writer.write_jsonline(message(t, 3000), t)
        writer.flush()
    facts = writer.facts
    writer.close()
    data = only_file(ticks).read_bytes()
    assert [t for t, _ in facts.seek_points] == [100, 130, 160, 190]
    for t, offset in facts.seek_points:
        text = zstandard.ZstdDecompressor().stream_reader(data[offset:], read_across_frames=True).read()
        assert [m["t"] for m in parsed(text)] == list(range(t, 200))


def test_any_reader_reads_a_segment_whole(writer, clock, ticks):
    lines = [message(t, 2000) for t in range(2000)]
    for t, line in enumerate(lines):
        clock.now = NOON + t / 10
        writer.write_jsonline(line, t)
    text = b"\n".join(lines) + b"\n"
    assert text.startswith(decoded(only_file(ticks))), "while it is pending"
    writer.close()
    assert decoded(only_file(ticks)) == text
    assert decoded_by_tool(only_file(ticks)) == text


def test_facts_tell_the_segment_as_it_is_on_disk(writer, clock, ticks):
    for t in range(5, 8):
        writer.write_jsonline(message(t), t)
    assert (writer.facts.lines, writer.facts.bytes) == (0, 0)
    writer.flush()
    facts = writer.facts
    path = only_file(ticks)
    assert facts == SegmentFacts(
        kind="ticks",
        name="segment_20260124_120000_5.jsonl.zst",
        start_t=5,
        end_t=7,
        lines=3,
        bytes=path.stat().st_size,
        text_bytes=len(decoded(path)),
        opened_at=NOON,
        sealed_at=None,
        pending=True,
        seek_points=((5, 0),),
        gaps=0,
        sha256="",
    )
    assert facts.file == path.name


def test_the_sealed_facts_are_those_of_the_file(writer, clock, told, ticks):
    for t in range(1000):
        clock.now = NOON + t / 10
        writer.write_jsonline(message(t), t)
    writer.close()
    facts, path = told[-1], only_file(ticks)
    assert (facts.pending, facts.sealed_at, facts.file) == (False, clock.now, path.name)
    assert facts.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (facts.bytes, facts.text_bytes) == (path.stat().st_size, len(decoded(path)))
    assert (facts.start_t, facts.end_t, facts.lines) == (0, 999, 1000)


def test_facts_are_told_after_each_flush_and_each_sealing(writer, clock, told):
    for t in range(31):
        clock.now = NOON + t / 10
        writer.write_jsonline(message(t), t)
    assert [(facts.lines, facts.pending) for facts in told] == [(11, True), (22, True)]
    writer.close()
    assert [(facts.lines, facts.pending) for facts in told[2:]] == [(31, False)]


def test_sealing_goes_file_then_name_then_directory_then_row(tmp_path, clock, monkeypatch):
    steps = []
    fsync, rename = os.fsync, os.rename

    def sync(handle):
        mode = os.fstat(handle).st_mode
        steps.append("fsync directory" if stat.S_ISDIR(mode) else f"fsync {os.fstat(handle).st_size} bytes")
        fsync(handle)

    def move(old, new):
        steps.append(f"rename to {os.path.basename(new)}")
        rename(old, new)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "rename", move)
    writer = ZstdSegmentWriter(
        "ticks", tmp_path, 300, 3, clock=clock, on_change=lambda facts: steps.append(f"row {facts.pending}")
    )
    writer.write_jsonline(message(0), 0)
    writer.close()
    size = only_file(tmp_path / "ticks").stat().st_size
    assert decoded(only_file(tmp_path / "ticks")) == message(0) + b"\n"
    assert steps == [
        f"fsync {size} bytes",
        "rename to segment_20260124_120000_0.jsonl.zst",
        "fsync directory",
        "row False",
    ]


def test_a_gap_is_a_line_where_it_happened_and_is_counted(writer, told, ticks):
    writer.write_jsonline(message(4), 4)
    writer.write_gap(5, 9, "lost")
    writer.write_jsonline(message(10), 10)
    writer.close()
    lines = parsed(decoded(only_file(ticks)))
    assert lines[1] == {"type": "gap", "kind": "ticks", "from_t": 5, "to_t": 9, "reason": "lost"}
    facts = told[-1]
    assert (facts.gaps, facts.lines, facts.start_t, facts.end_t) == (1, 3, 4, 10)


def test_a_segment_that_begins_with_a_gap_is_named_by_the_t_after_it(writer, told, ticks):
    writer.write_gap(5, 9, "lost")
    writer.flush()
    assert only_file(ticks).name == "segment_20260124_120000_10_pending.jsonl.zst"
    facts = told[-1]
    assert (facts.start_t, facts.end_t, facts.lines, facts.gaps) == (10, 9, 1, 1)
    assert facts.seek_points == ((5, 0),)
    writer.write_jsonline(message(10), 10)
    writer.close()
    assert (told[-1].start_t, told[-1].end_t, told[-1].lines) == (10, 10, 2)


def test_a_gap_told_late_leads_no_seek_point_back(writer, clock, told):
    writer.write_jsonline(message(20), 20)
    clock.now = NOON + 30
    writer.write_gap(5, 9, "lost")
    writer.write_jsonline(message(21), 21)
    writer.close()
    assert [t for t, _ in told[-1].seek_points] == [20, 21]


@pytest.mark.parametrize("t", [4, 5])
def test_a_t_that_does_not_rise_is_refused_and_leaves_no_trace(writer, ticks, t):
    writer.write_jsonline(message(5), 5)
    with pytest.raises(BadOrder, match=f"t of ticks must rise: {t} came after 5"):
        writer.write_jsonline(message(t), t)
    writer.close()
    assert decoded(only_file(ticks)) == message(5) + b"\n"


def test_t_rises_across_segments_too(writer, clock):
    writer.write_jsonline(message(5), 5)
    clock.now = NOON + 300
    assert writer.roll_if_needed(6)
    with pytest.raises(BadOrder):
        writer.write_jsonline(message(5), 5)


def test_bytes_that_are_more_than_a_line_are_refused(writer, ticks):
    with pytest.raises(BadLine, match="the line of t=3 has a newline at byte 2 of 5"):
        writer.write_jsonline(b"{}\n{}", 3)
    assert not ticks.exists()


def test_an_unknown_kind_is_refused(tmp_path):
    with pytest.raises(BadName, match="kind must be one of ticks, frames, metrics, got 'bars'"):
        ZstdSegmentWriter("bars", tmp_path, 300, 3)


def frames_of(data: bytes) -> list[bytes]:
    """The text of each frame, by python-zstandard alone."""
    texts = []
    while data:
        frame = zstandard.ZstdDecompressor().decompressobj()
        texts.append(frame.decompress(data))
        assert frame.eof
        data = frame.unused_data
    return texts
