"""Ticks whose ts is in another unit, as older versions took them in: bars pass over them, and over what was made of
them, wherever that is read."""

from __future__ import annotations

import dataclasses

import pytest

from bars import reading, stored
from bars.making.builder import Builder
from bars.making.live import LiveBars
from bars.making.rebuild import Rebuild
from bars.models import Bar, Gap
from tests.bars.conftest import walk

MILLISECONDS, MICROSECONDS = 1e3, 1e6
SOUND = walk(400, whole=True)


def in_another_unit(ticks, factor):
    return [dataclasses.replace(one, ts=one.ts * factor) for one in ticks]


def made_by_an_older_version(ticks):
    """The closings of ticks that were taken whatever their ts."""
    builder, closings = Builder(), []
    for one in ticks:
        closing = stored.closing_of(builder, builder.take(one))
        if closing is not None:
            closings.append(closing)
    return closings


def bars_of(ticks):
    builder = Builder()
    return [bar.row() for one in ticks for bar in builder.take(one) if bar.resolution == "1s"]


@pytest.fixture(params=[MILLISECONDS, MICROSECONDS])
def spoilt(request, market, tape):
    """A market whose tape tells of 300 sound ticks and 60 others, and whose bars were made of all; its history."""
    ticks = [*SOUND[:300], *in_another_unit(SOUND[300:360], request.param)]
    stored.save(market, made_by_an_older_version(ticks))
    assert Bar.objects.order_by("-open_ms")[0].open_ms > 1e15
    return tape(ticks)


def shown():
    return [bar.row() for bar in reading.closed_bars("IG-USD", "1s")]


@pytest.mark.parametrize("resolution", ["1s", "5s", "1m", "1d"])
def test_bars_of_no_time_are_not_read(spoilt, resolution):
    found = [*reading.closed_bars("IG-USD", resolution), *reading.last_bars("IG-USD", resolution, 999)]
    assert all(bar.close_ms < 2e12 and bar.next_ms < 2e12 for bar in found)
    assert shown()[:-1] == bars_of(SOUND[:300])


def test_a_market_goes_on_at_its_own_time(market, spoilt):
    live = LiveBars(market, spoilt, 360)
    live.catch_up(60)
    for one in SOUND[360:]:
        live.observe(one, None)
    assert live.close(60)
    assert not Bar.objects.filter(open_ms__gt=2e12).exists()
    assert not Gap.objects.filter(at_ms__gt=2e12).exists()
    behind = [bar for bar in shown() if bar[1] >= SOUND[361].ts * 1000]
    assert behind == [bar for bar in bars_of(SOUND) if bar[1] >= SOUND[361].ts * 1000]
    assert list(Gap.objects.values_list("from_t", "to_t")) == [(300, 359)], "who asks for bars is told what they lack"


def test_rebuilding_passes_over_them(market, spoilt):
    Rebuild(market, spoilt).run()
    assert shown()[:-1] == bars_of(SOUND[:300])
