"""Proof: metrics and frames made again from the ticks are those on the tapes, and any that is not is found."""

from __future__ import annotations

import pytest
import zstandard

from recorder.models import Segment
from recorder.verify.deep_verify import DeepVerification
from recorder.verify.verification import Verification, runs_of
from tests.recorder.made_once import made_once
from tests.recorder.store import Store
from tests.recorder.tape import decoded

pytestmark = pytest.mark.django_db


@pytest.fixture
def store(market, tmp_path):
    return made_once(market, tmp_path, recorded)


def recorded(store):
    store.record(60)
    store.record(40)


def prove(store):
    """(what is wrong, how many metrics and frames were proved and could not be)."""
    verification = Verification(store.market, store.directory)
    list(verification.faults())
    proof = DeepVerification(store.directory, verification.tapes, runs_of(store.market, store.directory))
    faults = [": ".join(fault) for fault in proof.faults()]
    return faults, {kind: (tally.proved, tally.unproved) for kind, tally in proof.tallies.items()}


def rewrite(store, kind, number, change):
    """Changes the text of a finished segment."""
    path = store.paths(kind)[number]
    path.write_bytes(zstandard.ZstdCompressor(write_checksum=True).compress(change(decoded(path))))


def remove(store, kind, number):
    path = store.paths(kind)[number]
    path.unlink()
    row = Segment.objects.get(kind=kind, name=path.name)
    Segment.objects.filter(pk=row.pk).update(removed_at=row.created_at)


def test_a_whole_store_is_proved_to_its_last_message(store):
    faults, tallies = prove(store)
    assert faults == []
    assert tallies == {"metrics": (50, 0), "frames": (16, 0)}


def test_a_second_run_is_proved_with_its_own_settings(store):
    store.begin_run(5, cam_w=10, cam_stride=3, cam_metric_downsample=5)
    store.record(50)
    faults, tallies = prove(store)
    assert faults == []
    assert tallies == {"metrics": (60, 0), "frames": (16 + 13, 0)}


def test_a_changed_metric_is_found_where_it_differs(store):
    rewrite(store, "metrics", 0, lambda text: text.replace(b'"N":6', b'"N":7', 1))
    (fault,) = prove(store)[0]
    assert fault.startswith("metrics: t=0 differs from what the ticks give at byte ")
    assert '"N":7' in fault
    assert '"N":6' in fault


def test_a_changed_frame_and_a_changed_tick_are_found(store):
    rewrite(store, "frames", 0, lambda text: text.replace(b'"none_count":', b'"none_count":1', 1))
    assert [fault[:16] for fault in prove(store)[0]] == ["frames: t=20 dif"]
    rewrite(store, "ticks", 1, lambda text: text.replace(b'"experience":0', b'"experience":9', 1))
    assert len(prove(store)[0]) > 2


def lines_without(*numbers):
    def change(text):
        return b"".join(line for i, line in enumerate(text.splitlines(keepends=True)) if i not in numbers)

    return change


def test_what_is_lacking_is_found_and_told_as_ranges(store):
    rewrite(store, "metrics", 0, lines_without(3, 4, 5, 9))
    rewrite(store, "frames", 1, lines_without(0))
    assert prove(store)[0] == [
        "metrics: t=6 to 10, every 2: lacking, though the ticks give it",
        "metrics: t=18: lacking, though the ticks give it",
        "frames: t=60: lacking, though the ticks give it",
    ]


def test_what_nobody_made_is_found(store):
    rewrite(store, "metrics", 0, lambda text: text.replace(b'"t":2,', b'"t":1,', 1))
    found = prove(store)[0]
    assert "metrics: t=1 is there, and the ticks give none" in found
    assert "metrics: t=2: lacking, though the ticks give it" in found


def test_what_a_gap_line_tells_of_is_not_lacking(market, tmp_path):
    store = Store(market, tmp_path)
    store.record(30)
    recording = store.recording()
    recording.write_gap(30, 34, "lost", "metrics")
    recording.close()
    store.clock.now += 300
    rewritten = store.next_t
    store.record(30)
    rewrite(store, "metrics", 2, lines_without(0, 1, 2))
    assert rewritten == 30
    assert prove(store)[0] == []


def test_removed_messages_are_not_lacking(store):
    remove(store, "frames", 0)
    remove(store, "metrics", 1)
    faults, tallies = prove(store)
    assert faults == []
    assert tallies == {"metrics": (30, 0), "frames": (8, 0)}


def test_without_their_ticks_messages_are_not_provable(store):
    remove(store, "ticks", 0)
    faults, tallies = prove(store)
    assert faults == []
    assert tallies["metrics"] == (20, 30)
    assert sum(tallies["frames"]) == 16
    assert tallies["frames"][0] >= 3, "those whose window begins behind the hole"


def test_behind_a_gap_in_the_ticks_proof_goes_on_when_the_window_is_whole_again(market, tmp_path):
    store = Store(market, tmp_path)
    store.record(40)
    store.record(60, gap=3)
    faults, tallies = prove(store)
    assert faults == []
    assert tallies["metrics"][0] > 45
    assert tallies["frames"][0] >= 4 + 8


def test_a_run_whose_settings_nobody_knows_proves_nothing(store):
    store.run.settings = {}
    store.run.save()
    faults, tallies = prove(store)
    assert faults == []
    assert tallies == {"metrics": (0, 50), "frames": (0, 16)}


def test_a_line_that_is_no_tick_is_found(store):
    rewrite(store, "ticks", 1, lambda text: text.replace(b'"agents":[', b'"agents":[1,', 1))
    assert prove(store)[0][0].startswith("ticks: t=60: ")


def test_progress_is_told(store):
    verification = Verification(store.market, store.directory)
    list(verification.faults())
    told = []
    proof = DeepVerification(store.directory, verification.tapes, runs_of(store.market, store.directory), told.append)
    list(proof.faults())
    assert told == list(range(1, 101))
