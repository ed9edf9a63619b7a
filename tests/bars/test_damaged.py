"""Bars of a tape that is damaged: none is made of what was not recorded, and what is missing is told."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import pytest
from django.core.management import call_command

from bars.making.resolutions import period_start
from bars.views import _lines
from recorder.recovery.reconcile import reconcile
from recorder.tape.history import History
from tests.bars.conftest import walk
from tests.bars.ticks import literal_bars
from tests.recorder import damaging

TAPE = walk(300, step=7.3, whole=True)
DAMAGES = [
    damaging.flip_a_bit, damaging.cut, damaging.empty, damaging.zero, damaging.swap, damaging.remove,
]  # fmt: skip


@pytest.fixture
def history(market, tape, tmp_path, settings) -> History:
    """Five segments of sixty ticks, which are some minutes."""
    settings.CONFIG = replace(settings.CONFIG, store_dir=tmp_path)
    for at in range(0, len(TAPE), 60):
        history = tape(TAPE[at : at + 60])
    reconcile(market, tmp_path)
    return history


def answer(resolution: str) -> tuple[dict[int, list[float]], set[int]]:
    """What the endpoint gives: bars by their time, and the t that are told as missing."""
    body = json.loads(b"".join(_lines("IG-USD", resolution, None, None, 10_000)))
    names = ("open", "high", "low", "close", "volume")
    gaps = {t for gap in body["gaps"] for t in range(gap["from_t"], gap["to_t"] + 1)}
    return {bar["open_time"]: [bar[name] for name in names] for bar in body["bars"]}, gaps


def segment(history: History, number: int) -> Path:
    paths = (history.directory / "ticks").glob("segment_*.zst")
    return sorted(paths, key=lambda path: int(path.name.split("_")[3].split(".")[0]))[number]


def assert_honest(
    readable: set[int], lost: set[int], bars: dict[int, list[float]], gaps: set[int], resolution: str
) -> None:
    """Each bar is of ticks that can be read, and where it is not of all, that is told; before the first one there may
    have been none."""
    whole = {bar[1]: bar[3:] for bar in literal_bars(TAPE, resolution)}
    left = {bar[1]: bar[3:] for bar in literal_bars([one for one in TAPE if one.t in readable], resolution)}
    for open_ms, (opened, high, low, close, volume) in bars.items():
        held = {one.t for one in TAPE if period_start(int(one.ts * 1000), resolution) == open_ms}
        if held <= readable - gaps:
            assert not volume or [opened, high, low, close, volume] == whole[open_ms], "a whole one is what it was"
        else:
            assert held & lost <= gaps, "what it lacks is told"
            assert volume <= left[open_ms][4]
            assert not volume or left[open_ms][2] <= low <= high <= left[open_ms][1]


@pytest.mark.parametrize("is_repaired", [False, True])
@pytest.mark.parametrize("damage", DAMAGES)
def test_no_bar_is_made_of_what_cannot_be_read_and_that_is_told(history, damage, is_repaired):
    damage(segment(history, 2), random.Random(4))
    before = {one.first_t for one in history.messages(["ticks"], -1) if one.text is not None}
    if is_repaired:
        call_command("repair")
    readable = {one.first_t for one in history.messages(["ticks"], -1) if one.text is not None}
    assert readable >= before
    lost = set(range(len(TAPE))) - readable
    assert bool(lost) != (is_repaired and damage is damaging.swap)
    call_command("rebuildbars")
    lost = {t for t in lost if t > min(readable)}
    for resolution in ("1s", "5s", "1m", "5m", "15m"):
        bars, gaps = answer(resolution)
        assert len(bars) >= 1
        assert_honest(readable, lost, bars, gaps, resolution)
        assert lost <= gaps


@pytest.mark.parametrize("is_repaired", [False, True])
def test_bars_that_were_made_before_the_damage_stay(history, is_repaired):
    call_command("rebuildbars")
    before = {resolution: answer(resolution) for resolution in ("1s", "1m", "5m", "15m")}
    damaging.empty(segment(history, 2), random.Random(0))
    if is_repaired:
        call_command("repair")
    call_command("rebuildbars")
    assert {resolution: answer(resolution) for resolution in before} == before
