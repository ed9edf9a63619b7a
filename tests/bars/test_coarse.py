"""Bars of an hour and a day in the database: kept as they close, made of minutes where an older version kept none."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bars import coarse, reading, stored
from bars.making.live import LiveBars
from bars.making.ohlcv import Ohlcv
from bars.making.resolutions import COARSE
from bars.models import Bar
from tests.bars.conftest import walk
from tests.bars.test_stored import built, observe

STEP_SECONDS = 1700.0


@pytest.fixture
def live(market):
    """Every bar of some days as it closed, the rows written."""
    closings, closed = built(walk(600, step=STEP_SECONDS))
    stored.save(market, closings)
    return closed


def kept():
    return list(Bar.objects.filter(resolution__in=COARSE).order_by("resolution", "open_ms").values_list(*stored.FIELDS))


def make_older(count=None):
    """As a version leaves the database that knows no hours and days, or knew them until some time."""
    for resolution in COARSE:
        rows = Bar.objects.filter(resolution=resolution).order_by("-open_ms")
        Bar.objects.filter(pk__in=list(rows.values_list("pk", flat=True)[:count])).delete()


@pytest.mark.parametrize("count", [None, 3])
@pytest.mark.parametrize("resolution", ["1h", "4h", "1d"])
def test_what_an_older_version_kept_is_read_as_what_was_live(live, resolution, count):
    rows = [bar.row() for bar in live if bar.resolution == resolution]
    make_older(count)
    assert [bar.row() for bar in reading.closed_bars("IG-USD", resolution)] == rows
    for last in (1, 2, len(rows)):
        assert [bar.row() for bar in reading.last_bars("IG-USD", resolution, last)] == rows[-last:]
    middle_ms = rows[len(rows) // 2][1]
    found = reading.closed_bars("IG-USD", resolution, from_ms=middle_ms - 1, to_ms=rows[-2][2])
    assert [bar.row() for bar in found] == rows[len(rows) // 2 : -1]


@pytest.mark.parametrize("count", [None, 3])
def test_a_start_makes_them_of_the_minutes_to_the_last_digit(market, tape, count):
    ticks = walk(600, step=STEP_SECONDS, whole=True)
    history = tape(ticks)
    closings, _ = built(ticks)
    stored.save(market, closings)
    before = kept()
    make_older(count)
    live = LiveBars(market, history, ticks[-1].t + 1)
    observe(live, walk(1, first_t=600, step=STEP_SECONDS))
    live.close(60)
    assert set(before) <= set(kept())
    assert {row[0] for row in before} == set(COARSE)


def test_what_was_made_before_an_end_is_not_made_again(live, market, monkeypatch):
    before = kept()
    make_older()
    monkeypatch.setattr(coarse, "_BATCH_BARS", 5)
    stops = iter([False, False, True, True, True])
    coarse.make_up(market, lambda: next(stops))
    assert [row[:2] for row in kept()] == [row[:2] for row in before if row[0] == "1h"][:10]
    written = []
    save = stored.save_bars
    monkeypatch.setattr(stored, "save_bars", lambda market, bars: [written.extend(bars), save(market, bars)])
    coarse.make_up(market)
    assert kept() == before
    assert len(written) == len(before) - 10


@pytest.mark.parametrize("resolution", ["1h", "4h", "1d"])
def test_no_minute_is_read_for_what_is_kept(live, resolution):
    wanted = [bar.row() for bar in live if bar.resolution == resolution]
    with CaptureQueriesContext(connection) as queries:
        assert [bar.row() for bar in reading.last_bars("IG-USD", resolution, 2)] == wanted[-2:]
        found = reading.closed_bars("IG-USD", resolution, to_ms=wanted[-1][2])
        assert [bar.row() for bar in found] == wanted
    assert len(queries) > 3
    assert not [query["sql"] for query in queries if "'1m'" in query["sql"]]


def test_a_day_of_more_matches_than_the_column_holds_has_as_many_as_it_does(market):
    bar = Ohlcv("1d", 0, 1.0, 2.0, 0.5, 1.5, 3.0, 0, None, None, None, None, 0, 9, 86_400_000)
    for matches in (2**31 - 1, 2**31, 10**12):
        stored.save_bars(market, [bar._replace(matches=matches)])
        assert Bar.objects.get().matches == 2**31 - 1
