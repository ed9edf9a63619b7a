"""A store that cannot be written: what the writer says, what it leaves on disk, and how it goes on."""

import errno
import os
import resource
import subprocess
import sys
from contextlib import contextmanager
from io import FileIO

import pytest

from recorder.errors import StoreError
from recorder.recovery.pending import recover
from recorder.segment.writer import ZstdSegmentWriter
from tests.recorder.tape import NOON, Clock, decoded, decoded_by_tool, message, only_file, parsed


@contextmanager
def files_limited_to(size: int):
    """The operating system refuses every byte of a file beyond `size`, as a full disk does."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def told():
    return []


@pytest.fixture
def writer(tmp_path, clock, told):
    return ZstdSegmentWriter("ticks", tmp_path, 300, 3, clock=clock, on_change=told.append)


def write(writer, clock, ts, text_bytes=2000):
    """Ten messages a second."""
    for t in ts:
        clock.now = NOON + t / 10
        writer.write_jsonline(message(t, text_bytes), t)


def test_a_write_that_fails_costs_only_what_was_not_flushed(writer, clock, told, tmp_path):
    with files_limited_to(30_000), pytest.raises(StoreError) as caught:
        write(writer, clock, range(1000))
    error = caught.value
    path = only_file(tmp_path / "ticks")
    kept = [m["t"] for m in parsed(decoded(path))]
    assert kept == list(range(22)), "two seconds were flushed"
    assert error.lost == (22, 32)
    assert error.lost_lines == 11
    assert error.errno == errno.EFBIG
    assert str(error) == f"cannot write {error.path}: File too large; 11 lines of t 22 to 32 not kept"


def test_the_file_is_cut_back_ended_and_sealed_when_the_disk_lets_it(writer, clock, told, tmp_path):
    with files_limited_to(30_000), pytest.raises(StoreError):
        write(writer, clock, range(1000))
    path = only_file(tmp_path / "ticks")
    assert "_pending" not in path.name
    assert decoded_by_tool(path) == decoded(path)
    facts = told[-1]
    assert (facts.pending, facts.end_t, facts.lines, facts.bytes) == (False, 21, 22, path.stat().st_size)
    assert subprocess.check_output(["sha256sum", path]).split()[0].decode() == facts.sha256


def test_what_was_lost_can_be_handed_in_again_or_told_as_a_gap(writer, clock, told, tmp_path):
    with files_limited_to(30_000), pytest.raises(StoreError) as caught:
        write(writer, clock, range(1000))
    first, last = caught.value.lost
    writer.write_gap(first, last - 1, "lost")
    write(writer, clock, range(last, last + 20))
    writer.close()
    old, new = sorted((tmp_path / "ticks").iterdir())
    assert new.name.endswith(f"_{last}.jsonl.zst")
    lines = parsed(decoded(old) + decoded(new))
    assert [m.get("t", m) for m in lines] == [
        *range(first),
        {"type": "gap", "kind": "ticks", "from_t": first, "to_t": last - 1, "reason": "lost"},
        *range(last, last + 20),
    ]


def test_a_first_flush_that_fails_leaves_no_file_and_no_row(writer, clock, told, tmp_path):
    with files_limited_to(10), pytest.raises(StoreError) as caught:
        write(writer, clock, range(1000))
    assert caught.value.lost == (0, 10)
    assert list((tmp_path / "ticks").iterdir()) == []
    assert told == []
    write(writer, clock, range(1000, 1020))
    writer.close()
    assert parsed(decoded(only_file(tmp_path / "ticks")))[0]["t"] == 1000


def test_a_frame_that_cannot_be_ended_loses_the_line_that_would_have_followed(writer, clock, tmp_path):
    writer.write_jsonline(message(0), 0)
    writer.write_jsonline(message(1), 1)
    clock.now = NOON - 1
    with files_limited_to(20), pytest.raises(StoreError) as caught:
        writer.write_jsonline(message(2), 2)
    assert (caught.value.lost, caught.value.lost_lines) == ((0, 2), 3)


def test_a_disk_that_is_really_full(clock, told, tmp_path):
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", tmp_path], capture_output=True)
    if mounted.returncode:
        pytest.skip("may not mount a file system here")
    try:
        writer = ZstdSegmentWriter("ticks", tmp_path, 300, 3, clock=clock, on_change=told.append)
        with pytest.raises(StoreError, match="No space left on device; 11 lines of t") as caught:
            write(writer, clock, range(1000))
        first_lost = caught.value.lost[0]
        path = only_file(tmp_path / "ticks")
        assert [m["t"] for m in parsed(decoded_by_tool(path))] == list(range(first_lost))
        assert not told[-1].pending
        with pytest.raises(StoreError):  # it is still full
            write(writer, clock, range(first_lost, 1000))
        path.unlink()  # as a clean-up does
        writer.write_jsonline(message(1000), 1000)
        writer.close()
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def test_a_place_that_can_hold_no_directory_is_named_with_its_reason(clock, tmp_path):
    (tmp_path / "store").write_text("a file")
    writer = ZstdSegmentWriter("ticks", tmp_path / "store", 300, 3, clock=clock)
    with pytest.raises(StoreError) as caught:
        writer.write_jsonline(message(5), 5)
    path = tmp_path / "store" / "ticks" / "segment_20260124_120000_5_pending.jsonl.zst"
    assert str(caught.value) == f"cannot write {path}: Not a directory; 1 line of t 5 to 5 not kept"
    (tmp_path / "store").unlink()
    writer.write_jsonline(message(5), 5)
    writer.close()
    assert decoded(only_file(tmp_path / "store" / "ticks")) == message(5) + b"\n"


def test_a_gap_that_cannot_be_written_is_told_as_lost_too(clock, tmp_path):
    (tmp_path / "ticks").write_text("a file")
    writer = ZstdSegmentWriter("ticks", tmp_path, 300, 3, clock=clock)
    with pytest.raises(StoreError) as caught:
        writer.write_gap(5, 9, "lost")
    assert caught.value.lost == (5, 9)


class ShortFile(FileIO):
    """A file that takes seven bytes at a time, as a system may at any time."""

    def write(self, data):
        return super().write(bytes(data)[:7])


def test_a_short_write_is_gone_on_with(writer, clock, tmp_path, monkeypatch):
    monkeypatch.setattr("recorder.segment.segment_file.FileIO", ShortFile)
    write(writer, clock, range(30))
    writer.close()
    assert [m["t"] for m in parsed(decoded(only_file(tmp_path / "ticks")))] == list(range(30))


class StuckFile(FileIO):
    """A file that takes a hundred bytes and then nothing, without an error."""

    def write(self, data):
        return super().write(bytes(data)[: max(0, 100 - self.tell())])


def test_a_file_that_takes_no_more_is_an_error(writer, clock, tmp_path, monkeypatch):
    monkeypatch.setattr("recorder.segment.segment_file.FileIO", StuckFile)
    with pytest.raises(StoreError, match=r"only 100 of \d+ bytes were taken"):
        write(writer, clock, range(30))


def failing_once(function):
    """`function`, but its first call is refused with EIO."""
    calls = []

    def call(*args):
        calls.append(args)
        if len(calls) == 1:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return function(*args)

    return call


@pytest.mark.parametrize("step", ["fsync", "rename"])
def test_a_sealing_that_fails_loses_nothing_and_is_tried_again(writer, clock, told, tmp_path, monkeypatch, step):
    write(writer, clock, range(30))
    monkeypatch.setattr(os, step, failing_once(getattr(os, step)))
    with pytest.raises(StoreError, match=r"Input/output error$") as caught:
        writer.close()
    assert caught.value.lost is None
    path = only_file(tmp_path / "ticks")
    assert [m["t"] for m in parsed(decoded_by_tool(path))] == list(range(30))
    assert (told[-1].file, told[-1].lines, told[-1].bytes) == (path.name, 30, path.stat().st_size)
    assert not told[-1].pending


def test_what_the_disk_did_not_take_is_left_for_recovery(writer, clock, told, tmp_path, monkeypatch):
    """Linux tells once that it could not write a page, and takes the next fsync as if it were there."""
    sync = failing_once(os.fsync)

    def lose_a_page(handle):
        try:
            sync(handle)
        except OSError:
            path = only_file(tmp_path / "ticks")
            with path.open("r+b") as file:
                file.seek(path.stat().st_size // 2)
                file.write(bytes(100))
            raise

    write(writer, clock, range(30))
    write(writer, clock, [600])  # the last frame is read back anyhow, before it is ended
    monkeypatch.setattr(os, "fsync", lose_a_page)
    with pytest.raises(StoreError):
        writer.close()
    write(writer, clock, range(601, 610))
    writer.close()
    assert [facts.start_t for facts in told if not facts.pending] == [601]
    (recovered,) = recover(tmp_path)
    assert recovered.lost_bytes > 0
    assert recovered.kept_lines < 30


def always_failing(*args):
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_what_cannot_be_sealed_stays_pending_and_is_sealed_with_the_next_segment(
    writer, clock, told, tmp_path, monkeypatch
):
    write(writer, clock, range(30))
    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", always_failing)
        with pytest.raises(StoreError):
            writer.close()
    assert told[-1].pending
    assert only_file(tmp_path / "ticks").name == told[-1].file
    write(writer, clock, range(30, 50))
    assert [facts.start_t for facts in told if not facts.pending] == [0]
    writer.close()
    assert [facts.start_t for facts in told if not facts.pending] == [0, 30]
    assert all("_pending" not in path.name for path in (tmp_path / "ticks").iterdir())


def test_what_could_never_be_sealed_is_left_for_recovery(writer, clock, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", always_failing)
        with files_limited_to(30_000), pytest.raises(StoreError):
            write(writer, clock, range(1000))
    assert "_pending" in only_file(tmp_path / "ticks").name
    (recovered,) = recover(tmp_path)
    assert (recovered.kept_lines, recovered.lost_bytes) == (22, 0)


def test_the_same_t_in_the_same_second_overwrites_no_file(writer, clock, tmp_path, monkeypatch):
    writer.write_jsonline(message(0), 0)
    writer.flush()
    other = ZstdSegmentWriter("ticks", tmp_path, 300, 3, clock=clock)
    other.write_jsonline(message(0), 0)
    other.close()
    writer.close()
    assert sorted(path.name for path in (tmp_path / "ticks").iterdir()) == [
        "segment_20260124_120000_0.jsonl.zst",
        "segment_20260124_120001_0.jsonl.zst",
    ]


@pytest.mark.parametrize("flushes", [1, 2, 3])
def test_a_process_killed_after_a_flush_leaves_all_that_was_flushed(tmp_path, flushes):
    program = (
        "import os, signal, sys\n"
        "from recorder.segment.writer import ZstdSegmentWriter\n"
        "from tests.recorder.tape import message\n"
        "writer = ZstdSegmentWriter('ticks', sys.argv[1], 300, 3)\n"
        f"for t in range({flushes} * 10):\n"
        "    writer.write_jsonline(message(t), t)\n"
        "    if t % 10 == 9: writer.flush()\n"
        f"writer.write_jsonline(message({flushes} * 10), {flushes} * 10)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    root = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))
    done = subprocess.run([sys.executable, "-c", program, tmp_path], cwd=root)
    assert done.returncode == -9
    assert [m["t"] for m in parsed(decoded(only_file(tmp_path / "ticks")))] == list(range(flushes * 10))
