"""A recording: three tapes that stop together when the store fails, go on together, and account for every message."""

import errno
import os
import shutil
from io import FileIO
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.errors import ManifestStopped, RecordingStopped, StoreError
from recorder.recovery.pending import recover
from recorder.segment import segment_file
from recorder.segment.layout import KINDS, segment_files
from recorder.tape.high_water_mark import StreamMark, read_mark
from recorder.tape.recording import Recording
from tests.examples import at_most
from tests.recorder.tape import Clock, decoded, message, parsed

SEGMENT_SECONDS = 20
FRAME_EVERY = 7


class Disk:
    """A disk on which what a test names fails: `failing` holds (kind or None for all, operation) and the errno."""

    def __init__(self, monkeypatch):
        self.failing = {}
        self.free_bytes = 1 << 30
        monkeypatch.setattr(segment_file, "write_all", self._checked(segment_file.write_all, "write"))
        monkeypatch.setattr(os, "rename", self._checked(os.rename, "rename"))
        monkeypatch.setattr(segment_file, "FileIO", self._checked(segment_file.FileIO, "open"))
        monkeypatch.setattr(os, "statvfs", self._statvfs)

    def fails(self, number, operation="write", kind=None):
        self.failing[kind, operation] = number

    def is_well(self):
        self.failing.clear()

    def _checked(self, function, operation):
        def call(target, *args, **more):
            name = str(target.name if isinstance(target, FileIO) else target)
            for (kind, failing), number in self.failing.items():
                if failing == operation and (kind is None or f"/{kind}/" in name):
                    raise OSError(number, os.strerror(number), name)
            return function(target, *args, **more)

        return call

    def _statvfs(self, path):
        blocks = 1 << 18
        return SimpleNamespace(f_frsize=4096, f_blocks=blocks, f_bavail=self.free_bytes // 4096)


class Market:
    """Hands messages to a recording, eight a second, and remembers which."""

    def __init__(self, directory, **options):
        self.directory, self.clock = directory, Clock()
        self.troubles, self.recoveries, self.facts = [], [], []
        self.handed_in = {kind: [] for kind in KINDS}
        self.recording = Recording(
            directory,
            segment_seconds=SEGMENT_SECONDS,
            level=3,
            flush_seconds=1,
            clock=self.clock,
            on_trouble=self.troubles.append,
            on_recovered=self.recoveries.append,
            **{"on_change": self.facts.append, **options},
        )
        self.next_t = 0

    def make(self, ticks):
        for t in range(self.next_t, self.next_t + ticks):
            self.clock.now += 0.125
            frame = message(t, 400) if t % FRAME_EVERY == 0 else None
            self.recording.write(t, message(t), message(t), frame)
            for kind in KINDS if frame else ("ticks", "metrics"):
                self.handed_in[kind].append(t)
        self.next_t += ticks

    def tape(self, kind):
        names = segment_files(self.directory, kind)
        return parsed(b"".join(decoded(self.directory / kind / name.file) for name in names)) if names else []

    def kept(self, kind):
        return [line["t"] for line in self.tape(kind) if line["type"] != "gap"]

    def gaps(self, kind):
        return [(line["from_t"], line["to_t"]) for line in self.tape(kind) if line["type"] == "gap"]

    def assert_accounted_for(self):
        """Each message is on its tape or in a gap, never both; a gap begins and ends with a message that is lost."""
        for kind in KINDS:
            kept, gaps = self.kept(kind), self.gaps(kind)
            lost = [t for t in self.handed_in[kind] if any(a <= t <= b for a, b in gaps)]
            assert sorted(kept + lost) == self.handed_in[kind], kind
            assert kept == sorted(kept)
            assert all(a in lost and b in lost for a, b in gaps), kind
            assert gaps == sorted(gaps), kind


@pytest.fixture
def disk(monkeypatch):
    return Disk(monkeypatch)


@pytest.fixture
def market(tmp_path, disk):
    return Market(tmp_path / "store")


def test_messages_go_to_the_tapes_of_their_kinds(market):
    market.make(30)
    market.recording.close()
    assert market.kept("ticks") == market.kept("metrics") == list(range(30))
    assert market.kept("frames") == [0, 7, 14, 21, 28]
    assert market.troubles == market.recoveries == []


def test_a_full_disk_is_told_once_and_gone_on_with_after_a_gap_in_each_tape(market, disk):
    market.make(25)
    disk.fails(errno.ENOSPC)
    disk.free_bytes = 0
    market.make(100)
    assert market.recording.stopped
    disk.is_well()
    disk.free_bytes = 1 << 30
    market.make(40)
    market.recording.close()
    (trouble,), (recovery,) = market.troubles, market.recoveries
    assert trouble.startswith("the recording has stopped, the stream goes on: cannot write ")
    assert "No space left on device" in trouble
    assert (
        recovery == "the recording goes on; lost: ticks of t 18 to 126, frames of t 21 to 126, metrics of t 18 to 126"
    )
    assert market.gaps("ticks") == market.gaps("metrics") == [(18, 126)]
    assert market.gaps("frames") == [(21, 126)]
    market.assert_accounted_for()


def test_a_tape_that_lost_nothing_has_no_gap(market, disk):
    market.make(33)
    disk.fails(errno.EIO, kind="ticks")
    market.make(4)
    disk.is_well()
    market.make(30)
    market.recording.close()
    assert market.gaps("ticks") == [(27, 38)]
    assert market.gaps("metrics") == [(36, 38)], "stopped with the ticks, after the last frame before 42"
    assert market.gaps("frames") == []
    market.assert_accounted_for()


def test_while_stopped_no_segment_is_open_and_the_losses_are_known(market, disk):
    market.make(25)
    assert market.recording.current_segment()["start_t"] == 0
    assert market.recording.unrecorded_to is None
    disk.fails(errno.EIO)
    market.make(12)
    recording = market.recording
    assert (recording.stopped, recording.current_segment(), recording.open_files) == (True, None, [])
    assert recording.unrecorded_to == 36
    with pytest.raises(StoreError):
        recording.flush()
    disk.is_well()
    market.make(20)
    assert (recording.stopped, recording.unrecorded_to) == (False, None)
    recording.flush()


def test_it_says_which_ticks_are_still_on_their_way_to_the_disk(market, disk):
    market.make(1)
    market.recording.flush()
    assert not market.recording.still_writes(0)
    market.make(5)
    assert not market.recording.still_writes(0)
    assert market.recording.still_writes(1)
    market.recording.flush()
    assert not market.recording.still_writes(5)
    disk.fails(errno.EIO)
    market.make(20)
    assert not market.recording.still_writes(25), "they are lost"


def test_the_stream_mark_is_ahead_of_what_is_handed_in_while_the_store_takes_it(tmp_path, disk):
    market = Market(tmp_path / "store", mark=StreamMark(tmp_path, "boot", Clock()))
    for _ in range(50):
        market.make(1)
        assert read_mark(tmp_path).last_t == market.next_t - 1 < read_mark(tmp_path).bound
    disk.fails(errno.EIO)
    market.make(20)
    ahead = market.recording.unrecorded_to - (market.next_t - 1)
    assert ahead > 0, "who asks each second hears of what is streamed before the next question"
    with pytest.raises(RecordingStopped):
        market.recording.close()
    assert market.recording.unrecorded_to == market.next_t - 1 == read_mark(tmp_path).bound


def test_a_mark_that_cannot_be_kept_is_trouble_like_any_other(tmp_path, disk):
    (tmp_path / "away").mkdir()
    market = Market(tmp_path / "store", mark=StreamMark(tmp_path / "away", "boot", Clock()))
    (tmp_path / "away").rmdir()
    market.make(20)
    assert market.recording.stopped
    (tmp_path / "away").mkdir()
    market.make(20)
    market.recording.close()
    assert market.gaps("ticks")
    market.assert_accounted_for()
    assert read_mark(tmp_path / "away") == (39, 39, "boot")


def test_what_is_whole_since_when_is_known(market, disk):
    market.make(25)
    assert market.recording.holds(0)
    disk.fails(errno.EIO)
    market.make(12)
    assert not market.recording.holds(37)
    disk.is_well()
    market.make(20)
    (gap,) = market.gaps("ticks")
    assert market.recording.holds(gap[1] + 1)
    assert not market.recording.holds(gap[1])


def test_the_store_is_tried_again_once_a_second(market, disk):
    looks = []
    market.recording._hold = lambda: looks.append(market.clock.now)
    market.make(100)
    assert len(looks) == 12
    disk.fails(errno.EIO)
    market.make(100)
    assert 24 <= len(looks) <= 25
    assert len(market.troubles) == 1


def test_it_goes_on_between_two_ticks_when_these_are_far_apart(market, disk):
    market.make(25)
    disk.fails(errno.EIO)
    market.make(12)
    disk.is_well()
    market.clock.now += 1
    market.recording.flush_if_due()
    assert not market.recording.stopped
    assert market.gaps("ticks") == [(18, 36)], "on disk already"
    market.make(1)
    market.recording.close()
    market.assert_accounted_for()


def test_a_clock_that_goes_back_does_not_stop_it_for_ever(market, disk):
    market.make(25)
    disk.fails(errno.EIO)
    market.make(12)
    disk.is_well()
    market.clock.now -= 3600
    market.make(1)
    assert not market.recording.stopped


def test_too_little_room_is_not_gone_on_with(market, disk):
    market.make(25)
    disk.fails(errno.ENOSPC)
    market.make(12)
    disk.is_well()
    disk.free_bytes = (16 << 20) - 4096
    market.make(30)
    assert market.recording.stopped
    with pytest.raises(RecordingStopped, match="16773120 bytes are free and 16777216 are needed to go on"):
        market.recording.close()
    disk.free_bytes = 16 << 20
    market.make(11)
    assert not market.recording.stopped
    assert len(market.troubles) == 1


def test_room_is_asked_for_only_after_the_disk_was_full(market, disk):
    market.make(25)
    disk.fails(errno.EIO)
    disk.free_bytes = 0
    market.make(12)
    disk.is_well()
    market.make(11)
    assert not market.recording.stopped


def test_a_deleted_store_is_made_anew_and_what_was_open_is_told_as_lost(market):
    market.make(230)
    (sealed, opened) = segment_files(market.directory, "ticks")
    assert (sealed.start_t, sealed.pending, opened.pending) == (0, False, True)
    shutil.rmtree(market.directory)
    market.make(30)
    market.recording.close()
    (trouble,) = market.troubles
    assert trouble.endswith("_pending.jsonl.zst: No such file or directory")
    assert len(market.recoveries) == 1
    ((first, last),) = market.gaps("ticks")
    assert first == opened.start_t, "what the deleted file held is lost too"
    assert market.kept("ticks") == list(range(last + 1, 260))
    ((frames_first, _),) = market.gaps("frames")
    assert frames_first == min(t for t in market.handed_in["frames"] if t >= opened.start_t)


def test_a_store_that_comes_back_has_lost_only_what_was_not_kept(market, tmp_path):
    market.make(25)
    market.directory.rename(tmp_path / "elsewhere")
    market.directory.write_text("no directory")
    market.make(30)
    market.directory.unlink()
    (tmp_path / "elsewhere").rename(market.directory)
    market.make(30)
    market.recording.close()
    assert len(market.troubles) == len(market.recoveries) == 1
    assert market.kept("ticks")[:20] == list(range(20))
    market.assert_accounted_for()
    assert all(not name.pending for kind in KINDS for name in segment_files(market.directory, kind))


def test_an_earlier_gap_that_is_deleted_with_its_file_is_told_again(market, disk):
    market.make(25)
    disk.fails(errno.EIO)
    market.make(12)
    disk.is_well()
    market.make(20)
    ((first, _),) = market.gaps("ticks")
    shutil.rmtree(market.directory)
    market.make(30)
    market.recording.close()
    ((again, _),) = market.gaps("ticks")
    assert again == first


def test_a_loss_of_the_source_that_falls_into_the_outage_is_in_its_gap(market, disk):
    market.make(25)
    disk.fails(errno.EIO)
    market.make(12)
    market.recording.write_gap(37, 49, "lost")
    market.next_t = 50
    disk.is_well()
    market.make(30)
    market.recording.close()
    ((first, last),) = market.gaps("ticks")
    assert first == 18
    assert last >= 49
    assert market.kept("ticks")[-1] == 79


def test_a_loss_of_the_source_is_told_in_each_tape_or_in_one(market):
    market.make(5)
    market.recording.write_gap(5, 9, "lost")
    market.recording.write_gap(10, 11, "lost", "ticks")
    market.recording.close()
    assert {kind: market.gaps(kind) for kind in KINDS} == {
        "ticks": [(5, 9), (10, 11)],
        "frames": [(5, 9)],
        "metrics": [(5, 9)],
    }


def test_an_end_while_stopped_is_no_good_end_and_leaves_the_tapes_short_but_whole(market, disk):
    market.make(25)
    disk.fails(errno.ENOSPC)
    disk.free_bytes = 0
    market.make(12)
    with pytest.raises(
        RecordingStopped, match=r"lost: ticks of t 18 to 36, frames of t 21 to 35, metrics of t 18 to 36$"
    ):
        market.recording.close()
    assert market.kept("ticks") == list(range(18))
    assert market.gaps("ticks") == []


def test_a_sealing_that_fails_at_the_end_is_no_good_end(market, disk):
    market.make(5)
    disk.fails(errno.EROFS, "rename", "metrics")
    with pytest.raises(StoreError, match=r"Read-only file system$"):
        market.recording.close()
    assert [segment_files(market.directory, kind)[0].pending for kind in KINDS] == [False, False, True]


def test_a_store_that_somebody_else_holds_ends_the_recording(tmp_path, disk):
    class Held(Exception):
        pass

    def hold():
        raise Held

    market = Market(tmp_path / "store", hold=hold)
    with pytest.raises(Held):
        market.make(25)


def test_a_store_that_cannot_be_held_is_trouble(tmp_path, disk):
    held = []

    def hold():
        if not held:
            raise StoreError(tmp_path, OSError(errno.EACCES, "Permission denied"))

    market = Market(tmp_path / "store", hold=hold)
    market.make(25)
    assert market.recording.stopped
    held.append(True)
    market.make(15)
    market.recording.close()
    assert (len(market.troubles), len(market.recoveries)) == (1, 1)
    market.assert_accounted_for()


def test_a_manifest_that_was_closed_is_not_taken_for_a_full_disk(tmp_path, disk):
    def refuse(facts):
        raise ManifestStopped("IG-USD")

    market = Market(tmp_path / "store", on_change=refuse)
    with pytest.raises(ManifestStopped):
        market.make(25)
    assert market.troubles == []


faults = st.tuples(
    st.sampled_from([errno.ENOSPC, errno.EIO, errno.EROFS, errno.EDQUOT]),
    st.sampled_from(["write", "rename", "open"]),
    st.sampled_from([None, *KINDS]),
)


@settings(max_examples=at_most(60))
@given(
    outages=st.lists(
        st.tuples(st.integers(1, 60), st.lists(faults, min_size=1, max_size=3), st.integers(1, 45)), max_size=4
    ),
    killed=st.booleans(),
)
def test_whatever_fails_every_message_is_kept_or_told(tmp_path_factory, outages, killed):
    """Also when the process is killed and its files are recovered."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        disk = Disk(monkeypatch)
        market = Market(tmp_path_factory.mktemp("store"))
        for ticks_before, what_fails, ticks_during in outages:
            market.make(ticks_before)
            for number, operation, kind in what_fails:
                disk.fails(number, operation, kind)
            market.make(ticks_during)
            disk.is_well()
        market.make(25)
        assert not market.recording.stopped
        if killed:
            market.recording.flush()
            recover(market.directory)
        else:
            market.recording.close()
        market.assert_accounted_for()
        assert len(market.troubles) == len(market.recoveries) <= 3 * len(outages)
        assert all(not name.pending for kind in KINDS for name in segment_files(market.directory, kind))
    shutil.rmtree(market.directory)
