"""The replay of bars: one order over markets and resolutions, what is written meanwhile, and markets begun anew."""

import asyncio
import math

import pytest
from asgiref.sync import sync_to_async

from bars import stored
from bars.making.builder import Builder
from bars.past import replay as replay_module
from bars.past import row as row_module
from bars.past.replay import BarReplay
from bars.past.request import PastBars
from bars.past.row import Lost
from recorder.models import Market
from tests.bars.conftest import walk
from tests.bars.ticks import NOON

pytestmark = pytest.mark.django_db(transaction=True)

BEGIN_MS = int(NOON) * 1000
RESOLUTIONS = ("1s", "5s", "1m", "5m")


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch):
    monkeypatch.setattr(row_module, "_PAGE", 7)


def closings_of(symbol, ticks):
    """A market's row, and what each of its ticks closed."""
    builder, found = Builder(), []
    for one in ticks:
        found.append(stored.closing_of(builder, builder.take(one)))
    return Market.objects.get_or_create(symbol=symbol)[0], [closing for closing in found if closing is not None]


async def heard(replay):
    """All that is due."""
    found = []
    while True:
        more, wait_seconds = await replay.due(50)
        found += more
        if wait_seconds == math.inf:
            return found


def names(happenings):
    return [
        (one.symbol, *one.what) if isinstance(one.what, Lost) else (one.symbol, *one.what[:2]) for one in happenings
    ]


def test_bars_of_all_come_in_the_order_of_their_close_and_one_missing_ticks_tells_first(transactional_db):
    made = {
        symbol: closings_of(symbol, walk(700, seed=seed, step=step))
        for symbol, seed, step in (("A", 1, 0.5), ("B", 2, 1.7))
    }
    for market, closings in made.values():
        stored.save(market, closings)
    pairs = [(symbol, resolution) for symbol in made for resolution in RESOLUTIONS]

    async def run():
        return await heard(BarReplay(pairs, PastBars(BEGIN_MS + 30_500, BEGIN_MS + 600_000, 0)))

    found = asyncio.run(run())
    keys = [(one.at_ms, one.rank) for one in found]
    assert keys == sorted(keys)
    assert len(set(names(found))) == len(found)
    for symbol, (_, closings) in made.items():
        seconds = [bar for closing in closings for bar in closing.bars if bar.resolution == "1s"]
        lost = [
            closing.gap
            for closing in closings
            if closing.gap and BEGIN_MS + 30_500 < closing.at_ms <= BEGIN_MS + 600_000
        ]
        ends = {
            one.what.close_ms
            for one in found
            if one.symbol == symbol and not isinstance(one.what, Lost) and one.what.resolution == "1s"
        }
        assert ends == {bar.close_ms for bar in seconds if BEGIN_MS + 30_500 < bar.close_ms <= BEGIN_MS + 600_000}
        assert [tuple(one.what) for one in found if one.symbol == symbol and isinstance(one.what, Lost)] == lost


def test_what_is_written_while_it_runs_comes_once_and_then_it_is_at_the_present(transactional_db):
    market, closings = closings_of("A", walk(400, whole=True))
    parts = [closings[begin : begin + 50] for begin in range(0, len(closings), 50)]

    async def run():
        await sync_to_async(stored.save)(market, parts[0])
        replay, found = BarReplay([("A", "1s"), ("A", "5s")], PastBars(BEGIN_MS, None, 0)), []
        for part in parts[1:]:
            for _ in range(4):
                found += (await replay.due(10))[0]
            await sync_to_async(stored.save)(market, part)
        return found + await heard(replay), replay

    found, replay = asyncio.run(run())
    last_ms = closings[-1].at_ms
    expected = [("1s", bar.open_ms) for closing in closings for bar in closing.bars if bar.resolution == "1s"]
    assert [name[1:] for name in names(found) if name[1] == "1s"] == expected
    assert replay.caught_up
    assert {tape.resolution: tape.taken_ms for tape in replay.tapes} == {
        "1s": expected[-1][1],
        "5s": last_ms - last_ms % 5000 - 5000,
    }


def test_a_market_begun_anew_is_told_and_goes_on_with_its_new_bars(transactional_db, monkeypatch):
    stores = {"A": "first"}
    monkeypatch.setattr(replay_module, "_store_of", stores.get)
    market, closings = closings_of("A", walk(200, whole=True))
    stored.save(market, closings)
    _, other = closings_of("A", walk(60, seed=9, whole=True, back=-3600))

    def begin_anew():
        stored.take_back(market, 0)
        stored.save(market, other)

    async def run():
        replay = BarReplay([("A", "1s")], PastBars(BEGIN_MS, None, 0))
        before, _ = await replay.due(10)
        assert replay.moved_stores() == []
        await sync_to_async(begin_anew)()
        stores["A"] = "second"
        assert replay.moved_stores() == [("A", "second")]
        assert replay.moved_stores() == []
        return before, await heard(replay)

    before, after = asyncio.run(run())
    assert [one.what.open_ms for one in before] == list(range(BEGIN_MS, BEGIN_MS + 10_000, 1000))
    expected = [bar.open_ms for closing in other for bar in closing.bars if bar.resolution == "1s"]
    assert expected
    assert [one.what.open_ms for one in after] == expected
