"""The stream mark: exact while the system lives, ahead of the stream on the disk, never behind what it once told."""

from __future__ import annotations

import os

import pytest

from recorder.errors import StoreError
from recorder.tape import high_water_mark
from recorder.tape.high_water_mark import NO_MARK, Mark, StreamMark, raise_mark, read_mark
from tests.recorder.tape import Clock


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda handle: None)


@pytest.fixture
def clock():
    return Clock(0.0)


def stream(mark, clock, directory, ts, ticks_a_second=10):
    """Streams these ticks; how far ahead the bound was at each."""
    ahead = []
    for t in ts:
        mark.cover(t)
        found = read_mark(directory)
        assert found.last_t == t
        assert found.is_open
        ahead.append(found.bound - t)
        clock.now += 1 / ticks_a_second
    return ahead


@pytest.mark.parametrize("ticks_a_second", [0.1, 1, 10, 1000])
def test_the_bound_is_ahead_of_every_tick_by_some_seconds_at_most(tmp_path, clock, ticks_a_second):
    ahead = stream(StreamMark(tmp_path, "a", clock), clock, tmp_path, range(10_000), ticks_a_second)
    assert min(ahead) > 0
    assert max(ahead[6000:]) <= max(4, 8 * ticks_a_second)
    assert min(ahead[6000:]) >= max(2, ticks_a_second)


def test_in_the_same_boot_the_last_tick_is_known_and_after_a_power_cut_the_bound(tmp_path, clock):
    stream(StreamMark(tmp_path, "a", clock), clock, tmp_path, range(100))
    mark = read_mark(tmp_path)
    assert (mark.streamed_to("a"), mark.streamed_to("b"), mark.streamed_to("")) == (99, mark.bound, mark.bound)
    stream(StreamMark(tmp_path, "", clock), clock, tmp_path, range(200, 210))
    assert read_mark(tmp_path).streamed_to("") == read_mark(tmp_path).bound


def test_the_bound_is_on_the_disk_before_the_stream_comes_to_it(tmp_path, clock, monkeypatch):
    synced = [-1]
    monkeypatch.setattr(high_water_mark, "_sync", lambda path: synced.append(read_mark(tmp_path).bound))
    mark = StreamMark(tmp_path, "a", clock)
    for t in range(3000):
        mark.cover(t)
        if mark._syncing is not None:
            mark._syncing.result()  # a disk that is done before half of the way to the bound is gone
        assert synced[-1] > t
        clock.now += 0.1
    assert 3000 / 40 < len(synced) < 3000 / 10


class SlowDisk:
    """A thread whose disk is done only when somebody waits for it."""

    def submit(self, work, *arguments):
        self._is_done, self._work = False, lambda: work(*arguments)
        return self

    def done(self):
        return self._is_done

    def result(self):
        if not self._is_done:
            self._work()
            self._is_done = True


def test_the_stream_waits_for_a_disk_that_is_slower_than_it(tmp_path, clock, monkeypatch):
    synced = []
    monkeypatch.setattr(high_water_mark, "_sync", lambda path: synced.append(read_mark(tmp_path).bound))
    mark = StreamMark(tmp_path, "a", clock)
    mark._thread = SlowDisk()
    for t in range(3000):
        mark.cover(t)
        assert synced[-1] >= t
        clock.now += 0.1
    assert len(synced) < 3000 / 10


def test_a_disk_that_fails_to_sync_holds_no_tick_up(tmp_path, clock, monkeypatch, caplog):
    def failing(path):
        raise OSError("it fails")

    mark = StreamMark(tmp_path, "a", clock)
    mark.cover(0)
    monkeypatch.setattr(high_water_mark, "_sync", failing)
    mark._thread = SlowDisk()
    stream(mark, clock, tmp_path, range(1, 100))
    assert "does not reach the disk: it fails" in caplog.text


def test_in_good_order_it_ends_with_the_last_tick(tmp_path, clock):
    mark = StreamMark(tmp_path, "a", clock)
    stream(mark, clock, tmp_path, range(100))
    mark.close(99)
    assert read_mark(tmp_path) == Mark(99, 99, "a")
    assert not read_mark(tmp_path).is_open


@pytest.mark.parametrize("boot", ["a", "b"])
def test_who_goes_on_behind_a_crash_does_not_take_back_what_was_streamed(tmp_path, clock, boot):
    stream(StreamMark(tmp_path, "a", clock), clock, tmp_path, range(100))
    crashed = read_mark(tmp_path).streamed_to(boot)
    second = StreamMark(tmp_path, boot, clock)
    for t in range(60, 70):
        second.cover(t)
        assert read_mark(tmp_path).streamed_to(boot) == crashed
    second.close(69)
    assert read_mark(tmp_path) == Mark(crashed, crashed, boot)
    third = StreamMark(tmp_path, boot, clock)
    for t in range(70, 300):
        third.cover(t)
    third.close(299)
    assert read_mark(tmp_path) == Mark(299, 299, boot)


def test_it_can_be_raised_and_not_lowered(tmp_path, clock):
    assert read_mark(tmp_path) == NO_MARK
    for t in (7, 9, 8):
        raise_mark(tmp_path, t)
    assert read_mark(tmp_path) == Mark(9, 9, "")
    stream(StreamMark(tmp_path, "a", clock), clock, tmp_path, range(10, 15))
    bound = read_mark(tmp_path).bound
    raise_mark(tmp_path, 20)
    assert read_mark(tmp_path) == Mark(bound, 20, "a")


@pytest.mark.parametrize("content", [b"", bytes(80), b"x", b"1 1 a\n", b"1" * 90, b"0" * 20 + b" " + b"0" * 20 + b" a"])
def test_what_is_no_mark_tells_nothing(tmp_path, content, caplog):
    (tmp_path / "streamed_to").write_bytes(content)
    assert read_mark(tmp_path) == NO_MARK
    assert f"{tmp_path / 'streamed_to'} tells nothing" in caplog.text
    raise_mark(tmp_path, 5)
    assert read_mark(tmp_path) == Mark(5, 5, "")


def test_a_mark_that_is_taken_away_is_made_anew(tmp_path, clock):
    mark = StreamMark(tmp_path, "a", clock)
    mark.cover(0)
    (tmp_path / "streamed_to").unlink()
    for t in range(1, 40):
        mark.cover(t)
    assert read_mark(tmp_path).bound > 39


def test_a_store_that_is_not_there_says_so(tmp_path, clock):
    mark = StreamMark(tmp_path / "gone", "a", clock)
    for do in (lambda: mark.cover(0), lambda: mark.close(0), lambda: raise_mark(tmp_path / "gone", 0)):
        with pytest.raises(StoreError, match=r"streamed_to: No such file or directory$"):
            do()
