"""A host's clock that stands at 1970, leaps, or goes back: the recording is whole, and tells what its clock said."""

from __future__ import annotations

from pathlib import Path

import pytest

from market.timestamps import END_TS
from recorder.manifest.lists import manifest_of
from recorder.manifest.row_writer import save_facts
from recorder.models import Market
from recorder.recovery.reconcile import reconcile
from recorder.segment.layout import KINDS, segment_files
from recorder.tape.history import History
from recorder.tape.recording import Recording
from recorder.verify.verification import Verification
from tests.recorder.tape import NOON, Clock, message

pytestmark = pytest.mark.django_db

DAY = 86_400.0
NEVER_SET = 12.0


@pytest.mark.parametrize(
    "says",
    [
        [NEVER_SET, NOON, NOON + 1],
        [NOON, NOON + DAY, NOON],
        [NOON, NOON - DAY, NOON - DAY + 400],
        [NOON, END_TS, END_TS + 400 * 365 * DAY],
        [END_TS, NEVER_SET, NOON],
    ],
)
def test_whatever_the_clock_says_every_message_is_kept_once(market: Market, tmp_path: Path, says: list[float]) -> None:
    clock, t = Clock(says[0]), 0
    recording = Recording(
        tmp_path,
        segment_seconds=300,
        level=3,
        flush_seconds=1,
        clock=clock,
        on_change=lambda facts: save_facts(market, None, facts),
    )
    for now in says:
        for step in range(50):
            clock.now = now + step / 10
            recording.write(t, message(t), None, None)
            t += 1
    clock.now += 400
    recording.close()
    assert [one.first_t for one in History(market.symbol, tmp_path).messages(["ticks"], -1)] == list(range(t))
    assert list(Verification(market, tmp_path).faults()) == []
    done = reconcile(market, tmp_path)
    assert (done.recovered, done.adopted, done.missing, done.unreadable) == ([], [], [], [])
    for kind in KINDS:
        listed = [one["path"] for one in manifest_of(market, kind)]
        assert sorted(listed) == sorted(f"{kind}/{name.file}" for name in segment_files(tmp_path, kind))


def test_a_clock_that_goes_back_holds_no_flush_and_no_segment_up(market: Market, tmp_path: Path) -> None:
    clock = Clock(NOON)
    recording = Recording(tmp_path, segment_seconds=300, level=3, flush_seconds=1, clock=clock)
    recording.write(0, message(0), None, None)
    clock.now -= DAY
    recording.write(1, message(1), None, None)
    assert len([*History(market.symbol, tmp_path).messages(["ticks"], -1)]) == 2, "flushed at once"
    for t in range(2, 303):
        clock.now += 1
        recording.write(t, message(t), None, None)
    assert len(segment_files(tmp_path, "ticks")) == 2, "its age is counted anew"
    recording.close()
