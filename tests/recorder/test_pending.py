"""Recovery: what is left of a pending file wherever it was cut or damaged, and what is said."""

import io
import logging
import os
import random
from dataclasses import replace

import orjson
import pytest
import zstandard

from recorder.recovery.pending import read_facts, recover
from recorder.segment.layout import make_name
from recorder.segment.writer import ZstdSegmentWriter
from recorder.segment.zstd_frames import frame_starts, read_frame
from recorder.tape.reader import told_to as last_t
from tests.recorder.tape import NOON, Clock, decoded, decoded_by_tool, message, only_file, parsed

PENDING = make_name(NOON, 100, pending=True)


def record(directory, ts, *, text_bytes=40, seconds_a_tick=4.0, gap=None):
    """A sealed segment and its facts; every second message is followed by a flush."""
    told = []
    clock = Clock()
    writer = ZstdSegmentWriter("ticks", directory, 1e9, 3, clock=clock, flush_seconds=1e9, on_change=told.append)
    for i, t in enumerate(ts):
        clock.now = NOON + i * seconds_a_tick
        if gap and t == gap[1] + 1:
            writer.write_gap(*gap, "lost")
        writer.write_jsonline(message(t, text_bytes), t)
        if i % 2:
            writer.flush()
    writer.close()
    return only_file(directory / "ticks"), told[-1]


@pytest.fixture
def segment(tmp_path):
    """A small sealed segment's bytes: 20 messages, 3 frames, a flush every two lines."""
    path, _ = record(tmp_path / "made", range(100, 120))
    return path.read_bytes()


def leave_pending(directory, data: bytes):
    """Puts `data` where a crashed writer would have left it."""
    (directory / "ticks").mkdir(parents=True, exist_ok=True)
    path = directory / "ticks" / PENDING.file
    path.write_bytes(data)
    return path


def readable_lines(data: bytes) -> list[bytes]:
    """The whole lines that python-zstandard's streaming reader gets out of a file, torn or not."""
    got, reader = b"", zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True)
    try:
        while piece := reader.read(1 << 16):
            got += piece
    except zstandard.ZstdError:
        pass
    return got[: got.rfind(b"\n") + 1].splitlines()


def is_seekable_and_whole(path, facts):
    """Every frame of the file is whole, ends with a line, and its start is a seek point."""
    with path.open("rb") as file:
        starts = list(frame_starts(file))
        frames = [read_frame(file, start) for start in starts]
    assert frames[-1].end == path.stat().st_size
    assert all(frame.end and frame.text.endswith(b"\n") for frame in frames)
    assert [offset for _, offset in facts.seek_points] == starts
    firsts = [orjson.loads(frame.text.splitlines()[0]) for frame in frames]
    assert [t for t, _ in facts.seek_points] == [first.get("from_t", first.get("t")) for first in firsts]


def test_a_file_cut_at_any_byte_keeps_every_line_that_can_be_read_and_no_other(tmp_path, segment, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda handle: None)  # 2000 files; that it is called is proved elsewhere
    lines = [message(t) for t in range(100, 120)]
    counts = set()
    for size in range(len(segment) + 1):
        directory = tmp_path / str(size)
        leave_pending(directory, segment[:size])
        expected = readable_lines(segment[:size])
        (done,) = recover(directory)
        assert expected == lines[: len(expected)]
        assert done.kept_lines == len(expected)
        counts.add(len(expected))
        path = only_file(directory / "ticks")
        assert path == done.path
        if expected:
            assert path.name == PENDING.lasting
            assert decoded(path).splitlines() == expected
            assert (done.facts.start_t, done.facts.end_t) == (100, 99 + len(expected))
            is_seekable_and_whole(path, done.facts)
        else:
            assert done.facts is None
            assert path.read_bytes() == segment[:size]
    assert counts == {*range(0, 21, 2)}, "each flush came through, and nothing else"


def test_a_file_cut_inside_a_large_flush_keeps_the_lines_of_its_whole_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda handle: None)
    path, _ = record(tmp_path / "made", range(100, 130), text_bytes=40_000, seconds_a_tick=0)
    data = path.read_bytes()
    for size in random.Random(1).sample(range(len(data)), 40):
        directory = tmp_path / str(size)
        leave_pending(directory, data[:size])
        expected = readable_lines(data[:size])
        (done,) = recover(directory)
        assert done.kept_lines == len(expected)
        if expected:
            assert decoded(done.path).splitlines() == expected
            is_seekable_and_whole(done.path, done.facts)
        assert [p.name for p in (directory / "ticks").iterdir()] == [done.path.name]


def test_bytes_of_a_torn_write_after_a_flush_are_all_that_is_lost(tmp_path, segment):
    starts = list(frame_starts(io.BytesIO(segment)))
    leave_pending(tmp_path, segment[: starts[1]] + segment[starts[1] : -30])
    (done,) = recover(tmp_path)
    assert 0 < done.lost_bytes < 200
    assert done.reason.startswith("the data ends ")
    assert done.kept_lines == 18
    assert decoded_by_tool(done.path) == decoded(done.path)


def test_facts_after_recovery_are_the_writers_own(tmp_path):
    path, facts = record(tmp_path, range(100, 140), gap=(110, 119))
    pending = path.rename(path.with_name(PENDING.file))
    modified_at = pending.stat().st_mtime
    (done,) = recover(tmp_path)
    assert done.facts == replace(facts, sealed_at=modified_at)
    assert facts.gaps == 1
    assert (done.kept_lines, done.lost_bytes, done.reason) == (41, 0, "")


def test_facts_read_from_a_finished_file_are_the_writers_own(tmp_path):
    path, facts = record(tmp_path, range(100, 140), text_bytes=60_000, gap=(110, 119))
    read, fault = read_facts(path, "ticks")
    assert read == replace(facts, sealed_at=path.stat().st_mtime)
    assert fault == ""


def test_a_pending_file_that_begins_with_a_gap_keeps_it(tmp_path):
    writer = ZstdSegmentWriter("ticks", tmp_path, 300, 3, clock=Clock())
    writer.write_gap(50, 99, "lost")
    writer.flush()
    (done,) = recover(tmp_path)
    assert (done.facts.start_t, done.facts.end_t, done.facts.lines, done.facts.gaps) == (100, 99, 1, 1)
    assert last_t(tmp_path) == 99


@pytest.mark.parametrize("data", [b"", b"\x28\xb5\x2f\xfd", b"no zstd at all, and some more of it"])
def test_a_file_without_a_line_is_set_aside_and_reported_once(tmp_path, data, caplog):
    leave_pending(tmp_path, data)
    (done,) = recover(tmp_path)
    assert (done.facts, done.kept_lines, done.lost_bytes) == (None, 0, len(data))
    assert done.reason
    assert done.path.name == "segment_20260124_120000_100.jsonl.zst.unreadable"
    assert done.path.read_bytes() == data
    assert "holds no segment now" in caplog.text
    assert recover(tmp_path) == []


def test_a_second_file_without_a_line_does_not_replace_the_first(tmp_path):
    for data in (b"one", b"two"):
        leave_pending(tmp_path, data)
        recover(tmp_path)
    assert sorted(path.read_bytes() for path in (tmp_path / "ticks").iterdir()) == [b"one", b"two"]


def test_damage_in_the_middle_becomes_a_gap_line_and_what_follows_is_kept(tmp_path, segment, caplog):
    starts = list(frame_starts(io.BytesIO(segment)))
    assert len(starts) == 3
    frame = read_frame(io.BytesIO(segment), starts[1])
    first, last = (orjson.loads(frame.text.splitlines()[i])["t"] for i in (0, -1))
    damaged = segment[: starts[1] + 10] + bytes(100) + segment[starts[1] + 110 :]
    leave_pending(tmp_path, damaged)
    (done,) = recover(tmp_path)
    lines = parsed(decoded_by_tool(done.path))
    kept = [m["t"] for m in lines if m["type"] == "tick"]
    (gap,) = [m for m in lines if m["type"] == "gap"]
    assert kept[:1] + kept[-1:] == [100, 119]
    assert gap == {"type": "gap", "kind": "ticks", "from_t": gap["from_t"], "to_t": last, "reason": "lost"}
    assert first <= gap["from_t"]
    assert kept == [*range(100, gap["from_t"]), *range(last + 1, 120)]
    assert done.facts.gaps == 1
    assert done.kept_lines == len(kept)
    assert done.lost_bytes > 100
    assert f"lost {done.lost_bytes} bytes" in caplog.text
    is_seekable_and_whole(done.path, done.facts)
    original = done.path.with_name(done.path.name + ".damaged")
    assert original.read_bytes() == damaged, "nothing is deleted"


def test_damage_at_the_beginning_becomes_a_gap_from_the_names_t_on(tmp_path, segment):
    starts = list(frame_starts(io.BytesIO(segment)))
    leave_pending(tmp_path, b"junk" + segment[starts[1] :])
    (done,) = recover(tmp_path)
    first = parsed(decoded(done.path))[0]
    assert (first["type"], first["from_t"]) == ("gap", 100)
    assert done.facts.seek_points[0] == (100, 0)


def test_any_damaged_byte_costs_lines_and_never_changes_one(tmp_path, segment, monkeypatch, caplog):
    monkeypatch.setattr(os, "fsync", lambda handle: None)
    caplog.set_level(logging.CRITICAL)
    good = [message(t) for t in range(100, 120)]
    harmless = 0
    for at in range(len(segment)):
        directory = tmp_path / str(at)
        damaged = segment[:at] + bytes([segment[at] ^ 0x41]) + segment[at + 1 :]
        leave_pending(directory, damaged)
        (done,) = recover(directory)
        lines = [line for line in decoded(done.path).splitlines() if b'"gap"' not in line]
        if not done.reason:
            harmless += 1
            assert lines == good
            continue
        assert set(lines) <= set(good)
        assert len(lines) == done.kept_lines
        is_seekable_and_whole(done.path, done.facts)
        if not done.reason.startswith("the data ends"):  # then it looks like a tear, as after any crash
            assert done.path.with_name(done.path.name + ".damaged").read_bytes() == damaged
    assert harmless <= 3 * 2, "of each frame's header, the window's size and a flag say nothing about the text"


def test_half_a_line_that_was_flushed_is_cut(tmp_path):
    frame = zstandard.ZstdCompressor().compress(message(100) + b"\n" + message(101)[:-5])
    leave_pending(tmp_path, frame)
    (done,) = recover(tmp_path)
    assert decoded(done.path) == message(100) + b"\n"
    assert (done.kept_lines, done.lost_bytes) == (1, len(message(101)) - 5)
    assert done.reason == "the last line has no end"


def test_frames_of_another_tool_with_a_line_across_them_are_put_in_order(tmp_path):
    text = b"".join(message(t) + b"\n" for t in range(100, 104))
    cut = len(text) // 2 + 7
    frames = [zstandard.ZstdCompressor().compress(part) for part in (text[:cut], text[cut:])]
    leave_pending(tmp_path, b"".join(frames))
    (done,) = recover(tmp_path)
    assert decoded(done.path) == text
    assert done.lost_bytes == 0
    is_seekable_and_whole(done.path, done.facts)


def test_an_open_frame_of_another_tool_is_ended_so_that_any_reader_takes_it(tmp_path):
    text = b"".join(message(t) + b"\n" for t in range(100, 104))
    frame = zstandard.ZstdCompressor(write_checksum=False).compressobj()
    leave_pending(tmp_path, frame.compress(text) + frame.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK))
    (done,) = recover(tmp_path)
    assert decoded_by_tool(done.path) == text


def test_a_whole_pending_file_is_only_renamed(tmp_path, segment):
    inode = leave_pending(tmp_path, segment).stat().st_ino
    (done,) = recover(tmp_path)
    assert done.path.stat().st_ino == inode
    assert done.path.read_bytes() == segment


def test_zeros_that_a_power_cut_left_are_cut_off(tmp_path, segment):
    leave_pending(tmp_path, segment[:-7] + bytes(4096))
    (done,) = recover(tmp_path)
    assert done.path.read_bytes() == segment
    assert (done.kept_lines, done.lost_bytes) == (20, 4096)


def test_the_end_of_an_open_frame_is_added_where_the_file_lies(tmp_path, segment):
    open_end = segment[:-7]
    inode = leave_pending(tmp_path, open_end).stat().st_ino
    (done,) = recover(tmp_path)
    assert done.path.stat().st_ino == inode, "so it works on a full disk"
    assert done.path.read_bytes()[: len(open_end)] == open_end


@pytest.mark.parametrize("step", ["link", "replace", "rename"])
def test_a_recovery_that_is_cut_short_loses_nothing(tmp_path, segment, monkeypatch, step):
    starts = list(frame_starts(io.BytesIO(segment)))
    damaged = segment[: starts[1]] + b"junk" + segment[starts[2] : -1]
    pending = leave_pending(tmp_path, damaged)
    with monkeypatch.context() as patch:
        patch.setattr(os, step, lambda *args: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        (failed,) = recover(tmp_path)
    assert failed.facts is None
    assert failed.path == pending
    assert failed.reason == f"cannot write {pending}: No space left on device"
    (done,) = recover(tmp_path)
    ts = [m["t"] for m in parsed(decoded(done.path)) if m["type"] == "tick"]
    assert (ts[0], ts[-1]) == (100, 119)
    assert decoded(done.path).count(b'"gap"') == 1


def test_a_finished_segment_of_the_same_name_is_not_overwritten(tmp_path, segment):
    leave_pending(tmp_path, segment)
    recover(tmp_path)
    leave_pending(tmp_path, segment)
    (done,) = recover(tmp_path)
    assert sorted(path.name for path in (tmp_path / "ticks").iterdir()) == [
        "segment_20260124_120000_100.jsonl.zst",
        "segment_20260124_120001_100.jsonl.zst",
    ]
    assert done.facts.name == "segment_20260124_120001_100.jsonl.zst"


def test_every_kind_is_recovered_and_finished_files_are_left_alone(tmp_path, segment, caplog):
    caplog.set_level(logging.INFO)
    for kind in ("metrics", "frames"):
        (tmp_path / kind).mkdir()
        (tmp_path / kind / PENDING.file).write_bytes(segment)
        (tmp_path / kind / make_name(NOON, 5).file).write_bytes(segment)
    assert [(r.facts.kind, r.facts.start_t) for r in recover(tmp_path)] == [("frames", 100), ("metrics", 100)]
    assert caplog.text.count("sealed with all its 20 lines") == 2


def test_an_empty_store_has_nothing_to_recover(tmp_path):
    assert recover(tmp_path) == []
    assert last_t(tmp_path) is None


def test_a_finished_file_without_a_line_has_no_facts(tmp_path):
    path = tmp_path / PENDING.lasting
    path.write_bytes(b"nothing")
    assert read_facts(path, "ticks") == (None, "it begins with 6e6f7468, not 28b52ffd")
    path.write_bytes(b"")
    assert read_facts(path, "ticks") == (None, "the file is empty")


def test_the_last_t_is_that_of_the_newest_file_pending_or_not(tmp_path, segment):
    record(tmp_path, range(100, 120))
    assert last_t(tmp_path) == 119
    writer = ZstdSegmentWriter("ticks", tmp_path, 300, 3, clock=Clock(NOON + 9))
    writer.write_jsonline(message(120), 120)
    assert last_t(tmp_path) == 119, "what is not flushed is not recorded"
    writer.flush()
    assert last_t(tmp_path) == 120
    writer.write_gap(121, 500, "lost")
    writer.flush()
    assert last_t(tmp_path) == 500
    assert last_t(tmp_path, "frames") is None
