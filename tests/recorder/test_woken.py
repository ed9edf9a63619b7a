"""A writer that was suspended until another took its market over: what that one has sealed stays as it is."""

from __future__ import annotations

import pytest

from recorder.errors import RecordingStopped, StoreError
from recorder.recovery.pending import recover
from recorder.tape.high_water_mark import StreamMark, read_mark
from recorder.tape.recording import Recording
from tests.recorder.tape import Clock, message


class Writer:
    """Writes three ticks a second to all tapes; `is_mine` is what it is told of the market."""

    def __init__(self, directory):
        self.directory, self.clock, self.is_mine, self.next_t = directory, Clock(), True, 0
        self.recording = Recording(
            directory, segment_seconds=300, level=3, flush_seconds=1.0, clock=self.clock,
            is_mine=lambda: self.is_mine, mark=StreamMark(directory, "boot", self.clock),
        )  # fmt: skip

    def write(self, ticks):
        for t in range(self.next_t, self.next_t + ticks):
            self.clock.now += 0.3
            self.recording.write(t, message(t), message(t), message(t))
        self.next_t += ticks


@pytest.fixture
def writer(tmp_path):
    """A writer with lines on disk, others that are not, and a frame that is open."""
    writer = Writer(tmp_path)
    writer.write(20)
    writer.recording.flush()
    writer.clock.now += 0.3
    writer.recording.write(20, message(20), message(20), message(20))
    writer.next_t = 21
    return writer


def contents(directory):
    return {path: path.read_bytes() for path in directory.rglob("segment_*")}


def sealed_by_the_next(directory):
    recovered = recover(directory)
    assert [one.facts.end_t for one in recovered] == [19, 19, 19]
    return contents(directory)


@pytest.mark.parametrize("slept_seconds", [600, 0], ids=["it knows", "its clock stood still too"])
@pytest.mark.parametrize("does", ["write", "flush", "flush_if_due", "close"])
def test_what_the_next_writer_sealed_stays_as_it_is(writer, tmp_path, does, slept_seconds):
    sealed = sealed_by_the_next(tmp_path)
    writer.clock.now += slept_seconds
    try:
        if does == "write":
            writer.write(10)
        else:
            getattr(writer.recording, does)()
        writer.recording.close()
    except (StoreError, RecordingStopped) as error:
        assert str(tmp_path) in str(error)
    now = contents(tmp_path)
    assert {path: now[path] for path in sealed} == sealed


def test_who_knows_of_the_next_writer_leaves_everything_as_it_is(writer, tmp_path):
    found, mark = contents(tmp_path), read_mark(tmp_path)
    writer.is_mine = False
    with pytest.raises(StoreError, match="another process writes the market now"):
        writer.recording.flush()
    writer.recording.close()
    assert contents(tmp_path) == found, "pending, for the next writer"
    assert read_mark(tmp_path) == mark
    assert mark.is_open
