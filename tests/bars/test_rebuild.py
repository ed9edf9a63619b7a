"""Bars made again from the tape, beside ticks that are gone too."""

import pytest

from bars import stored
from bars.making.live import LiveBars
from bars.making.rebuild import Rebuild
from bars.models import Bar, Gap
from tests.bars.conftest import walk
from tests.bars.kept import OLD, built, expected, rows
from tests.bars.ticks import NOON, tick


def test_rebuilding_gives_what_was_live(market, tape):
    ticks = walk(700)
    history = tape(ticks)
    live = LiveBars(market, history, ticks[-1].t + 1)
    live.catch_up(60)
    assert live.close(60)
    assert rows() == expected(ticks)
    Bar.objects.filter(open_ms__gte=1769256100000, open_ms__lt=1769256190000).update(close=1.0)
    Bar.objects.filter(open_ms=1769256011000).delete()
    Bar.objects.filter(open_ms=1769256012000).update(open_ms=1769256012001)  # a bar of a period that is none
    Gap.objects.all().delete()
    rebuild = Rebuild(market, history)
    rebuild.run()
    assert rows() == expected(ticks)
    assert rebuild.ticks == len(ticks)


def test_of_an_old_tape_the_same_is_rebuilt_also_behind_removed_ticks(market, tape, tmp_path):
    for first, last in ((0, 320), (320, 500), (500, 1000)):
        history = tape([one for one in OLD if first <= one.t < last])
    stored.save(market, built(OLD)[0])
    before = rows()
    Rebuild(market, history).run()
    assert rows() == before
    (middle,) = [path for path in (tmp_path / "ticks").iterdir() if "_320." in path.name]
    middle.unlink()
    Rebuild(market, history).run()
    assert rows() == before


@pytest.mark.parametrize("late", [{100: 58}, {100: 58, 101: 59}, {119: 80, 120: 82}], ids=str)
def test_behind_removed_ticks_those_that_are_late_tear_no_minute(market, tape, late):
    """Their segments were removed up to ticks whose ts belongs to a second, or a minute, before."""
    ticks = [tick(t, NOON + late.get(t, t), price_norm=t / 1000) for t in range(300)]
    stored.save(market, built(ticks)[0])
    before = rows()
    rebuild = Rebuild(market, tape(ticks[min(late) :]))
    rebuild.run()
    assert rows() == before
    assert rebuild.bars > 150


def test_rebuilding_leaves_bars_alone_whose_ticks_were_removed(market, tape, tmp_path):
    ticks = walk(900, step=1.0)
    # Three segments, of which the middle one goes.
    for first, last in ((0, 300), (300, 600), (600, 900)):
        history = tape([one for one in ticks if first <= one.t < last])
    stored.save(market, built(ticks)[0])
    before = rows()
    (middle,) = [path for path in (tmp_path / "ticks").iterdir() if "_300." in path.name]
    middle.unlink()
    Rebuild(market, history).run()
    assert rows() == before
    # Without the rows, only the minute in which the tape goes on again cannot be made.
    Bar.objects.all().delete()
    Rebuild(market, history).run()
    assert set(rows()[0]) < set(before[0])
    assert {bar[-3] // 300 for bar in rows()[0]} == {0, 2}
