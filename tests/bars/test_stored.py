"""Bars in the database: written once, made again, gone on from, and read at every resolution as they were live."""

import threading
from functools import partial
from itertools import count, islice
from types import SimpleNamespace

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from bars import coarse, reading, stored
from bars.errors import BarsStopped
from bars.making import keeper as keeper_module
from bars.making.builder import Builder
from bars.making.keeper import BarKeeper
from bars.making.live import LiveBars
from bars.making.resolutions import PERIOD_MS
from bars.models import Bar
from market.price_range import PriceRanges
from runtime import supervision
from streaming.protocol import Moment
from tests.bars.conftest import walk
from tests.bars.kept import OLD, built, expected, rows
from tests.database_steps import Steps, sqlite_only
from tests.processes import PATIENCE_SECONDS


def observe(live, ticks):
    """What a live observer saw in ticks."""
    live.catch_up(60)
    return [live.observe(one, Moment(one.t)) for one in ticks]


@pytest.mark.parametrize("resolution", PERIOD_MS)
def test_what_is_read_is_what_was_live(market, resolution):
    ticks = walk(600, step=7.3 if PERIOD_MS[resolution] < 900_000 else 400.0)
    closings, closed = built(ticks)
    stored.save(market, closings)
    live = [bar.row() for bar in closed if bar.resolution == resolution]
    assert len(live) >= 2
    assert [bar.row() for bar in reading.closed_bars("IG-USD", resolution)] == live
    assert [bar.row() for bar in reading.last_bars("IG-USD", resolution, 7)] == live[-7:]


def test_bars_are_written_anew_in_one_statement_whether_they_are_there_or_not(market):
    closings, _ = built(walk(600))
    bars = [bar for closing in closings for bar in closing.bars]
    stored.save_bars(market, [bar._replace(close=1.0, matches=0, price_close=2.0, next_ms=0) for bar in bars[:99]])
    with CaptureQueriesContext(connection) as queries:
        stored.save_bars(market, bars)
    assert rows()[0] == sorted(map(tuple, bars))
    assert len([one for one in queries if "INSERT" in one["sql"]]) == 1


@pytest.mark.parametrize("resolution", ["1s", "5s", "1m", "15m"])
@pytest.mark.parametrize("offset", [0, 1, 59_999])
def test_a_range_holds_the_bars_that_lie_in_it(market, monkeypatch, resolution, offset):
    monkeypatch.setattr(reading, "_PAGE_ROWS", 7)  # many pages
    closings, closed = built(walk(600, step=7.3))
    stored.save(market, closings)
    live = [bar for bar in closed if bar.resolution == resolution]
    from_ms, to_ms = live[0].open_ms + offset, live[-1].close_ms - offset
    inside = [bar.row() for bar in live if bar.open_ms >= from_ms and bar.close_ms <= to_ms]
    found = reading.closed_bars("IG-USD", resolution, from_ms=from_ms, to_ms=to_ms)
    assert [bar.row() for bar in found] == inside
    last = reading.last_bars("IG-USD", resolution, 3, to_ms=to_ms)
    assert [bar.row() for bar in last] == [
        bar.row() for bar in live if bar.close_ms <= to_ms
    ][-3:]  # fmt: skip
    behind = reading.last_bars("IG-USD", resolution, 9999, after_ms=live[0].open_ms)
    assert [bar.row() for bar in behind] == [bar.row() for bar in live[1:]]


@pytest.mark.parametrize("cut", [0, 1, 2, 119, 120, 121, 122, 240, 251, 252, 300])
def test_a_market_that_broke_off_anywhere_goes_on_as_if_it_had_not(market, tape, cut):
    ticks = [*walk(200), *walk(200, first_t=200, traded=True)]
    # Some rows are of ticks that are on the tape, some of them never got there, some are missing.
    closings, _ = built(ticks)
    kept = [closing for closing in closings if closing.t < cut - 30 or (cut > 200 and closing.t < cut + 9)]
    stored.save(market, kept)
    history = tape([one for one in ticks if one.t < cut])
    live = LiveBars(market, history, cut)
    seen = observe(live, [one for one in ticks if one.t >= cut])
    assert live.close(60)
    assert rows() == expected(ticks)
    reference = Builder()
    for one in ticks:
        closed = [bar.row() for bar in reference.take(one)]
        if one.t > cut:
            told = seen[[x.t for x in ticks if x.t >= cut].index(one.t)]
            assert told == {"closed": closed, "day": reference.day(), "kept_t": reference.closed_t}


@pytest.mark.parametrize("cut", [250, 290, 300, 301, 302, 420, 700])
def test_an_old_tape_behind_newer_ticks_makes_bars_too_however_it_breaks_off(market, tape, cut):
    behind, ahead = [one for one in OLD if one.t < cut], [one for one in OLD if one.t >= cut]
    stored.save(market, [closing for closing in built(OLD)[0] if closing.t < cut + 9])
    live = LiveBars(market, tape(behind), cut)
    observe(live, ahead)
    assert live.close(60)
    assert rows() == expected(OLD)
    bars = reading.last_bars("IG-USD", "1s", 9999)
    assert len(bars) > 300
    assert bars == sorted(bars, key=lambda bar: bar.last_t)


class Away:
    """A database that takes no bars for a while."""

    def __init__(self, monkeypatch):
        self.away, self.asked, save = False, threading.Event(), keeper_module.save

        def unless_away(market, closings):
            if self.away:
                self.asked.set()
                raise OperationalError("gone for lunch")
            save(market, closings)

        monkeypatch.setattr(keeper_module, "save", unless_away)


@pytest.fixture
def keeper_told(market, monkeypatch, caplog):
    """How far a keeper makes bars that is to make them up to t=299, where its clock goes two seconds ahead each time
    that it looks at it."""

    def made_to(history, still_writes):
        monkeypatch.setattr(keeper_module, "time", SimpleNamespace(monotonic=partial(next, count(0, 2))))
        monkeypatch.setattr(keeper_module, "_LOOK_SECONDS", 0.001)
        caplog.set_level("INFO")
        made, handed = [], threading.Event()

        def hand_over(builder, to_t):
            made.append(builder.t)
            handed.set()
            return True

        keeper = BarKeeper(market, history, 300, held_from=lambda: 300, hand_over=hand_over, still_writes=still_writes)
        keeper.start()
        assert handed.wait(PATIENCE_SECONDS)
        assert keeper.close(60)
        return made[0]

    return made_to


@pytest.mark.parametrize("most_waiting", [20_000, 20])
def test_a_database_that_was_away_catches_up(market, tape, monkeypatch, most_waiting):
    """What waits is written; what was too much to wait is made from the tape."""
    ticks = walk(700)
    history, database, builder = tape(ticks), Away(monkeypatch), Builder()
    database.away = True
    taken = threading.Event()

    def take_over(_builder, to_t):
        taken.set()
        return True

    keeper = BarKeeper(
        market, history, 0, held_from=lambda: 0, hand_over=take_over,
        write_seconds=0.01, retry_seconds=0.01, most_waiting=most_waiting,
    )  # fmt: skip
    keeper.start()
    assert taken.wait(PATIENCE_SECONDS)
    for one in ticks:
        closing = stored.closing_of(builder, builder.take(one))
        if closing is not None:
            keeper.put(closing)
    assert database.asked.wait(PATIENCE_SECONDS)
    assert keeper.waiting <= most_waiting
    database.away = False
    assert keeper.close(60)
    assert rows() == expected(ticks)


def test_without_any_time_nothing_more_is_written(market, tape):
    keeper = BarKeeper(
        market, tape([]), 0, held_from=lambda: 0, hand_over=lambda builder, to_t: True, write_seconds=3600
    )
    keeper.start()
    for closing in built(walk(200))[0]:
        keeper.put(closing)
    keeper.close(0.0)
    keeper._thread.join()
    assert not Bar.objects.exists()


def test_a_database_that_stays_away_holds_no_end_up(market, tape, monkeypatch):
    history, database = tape([]), Away(monkeypatch)
    database.away = True
    live = LiveBars(market, history, 0)
    observe(live, walk(50))
    assert database.asked.wait(PATIENCE_SECONDS)
    assert not live.close(0.05)


def test_ticks_that_come_while_the_past_is_read_are_waited_for(market, tape, monkeypatch):
    ticks = walk(400)
    history = tape([one for one in ticks if one.t < 300])
    allowed, make = threading.Event(), keeper_module.builder_from

    def wait_for_it(*asked):
        assert allowed.wait(PATIENCE_SECONDS)
        return make(*asked)

    monkeypatch.setattr(keeper_module, "builder_from", wait_for_it)
    live = LiveBars(market, history, 300)
    early = [live.observe(one, Moment(one.t)) for one in ticks if 300 <= one.t < 350]
    assert early == [None] * len(early)
    allowed.set()
    late = observe(live, [one for one in ticks if one.t >= 350])
    assert live.close(60)
    # The first tick behind the wait brings all that closed in it.
    live_rows = [bar.row() for one in built(ticks)[1] for bar in [one] if bar.resolution == "1s"]
    told = [row for seen in late for row in seen["closed"] if row[0] == "1s"]
    assert told == live_rows[-len(told) :]
    assert len(told) >= 48
    assert rows() == expected(ticks)


def test_what_was_held_too_long_is_read_from_the_tape(market, tape, monkeypatch):
    ticks = walk(400)
    history = tape(ticks)
    allowed, make = threading.Event(), keeper_module.builder_from
    monkeypatch.setattr(keeper_module, "builder_from", lambda *asked: allowed.wait(PATIENCE_SECONDS) and make(*asked))
    monkeypatch.setattr("bars.making.live._MOST_HELD", 20)
    live = LiveBars(market, history, 100)
    assert all(live.observe(one, Moment(one.t)) is None for one in ticks if 100 <= one.t < 390)
    allowed.set()
    observe(live, [one for one in ticks if one.t >= 390])
    assert live.close(60)
    assert rows() == expected(ticks)


@pytest.mark.parametrize("looks", [2, 50])
def test_a_flush_is_waited_for_however_long_it_takes(market, tape, keeper_told, caplog, looks):
    ticks, asked = walk(300, whole=True), []
    history = tape([])

    def still_writes(to_t):
        asked.append(to_t)
        if len(asked) == looks:
            tape(ticks)
        return len(asked) < looks

    assert keeper_told(history, still_writes) == 299
    assert rows() == expected(ticks)
    assert set(asked) == {299}
    assert "bars up to t=299 were made from the tape" in caplog.text


def test_ticks_that_no_flush_brings_to_the_tape_are_lost(market, tape, keeper_told, caplog):
    assert keeper_told(tape(walk(200, whole=True)), lambda to_t: False) == 199
    assert "bars up to t=199 were made from the tape" in caplog.text


def test_whatever_a_keeper_fails_of_it_goes_on(market, tape, monkeypatch):
    monkeypatch.setattr(supervision, "FIRST_PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(supervision.supervisor, "_tasks", {})
    monkeypatch.setattr(keeper_module, "RETRY_SECONDS", 0.01)
    tries, real = [], keeper_module.save

    def broken(market, closings):
        tries.append(1)
        if len(tries) < 4:
            raise KeyError("a bug")
        real(market, closings)

    ticks = walk(200)
    monkeypatch.setattr(keeper_module, "save", broken)
    live = LiveBars(market, tape([]), 0)
    live.catch_up(60)
    observe(live, ticks)
    assert live.close(60)
    assert [one.name for one in supervision.supervisor.troubles()] == ["bars of IG-USD"]
    assert rows() == expected(ticks)


def test_a_tick_that_no_bars_can_be_made_of_ends_the_bars_until_the_next_start(market, tape, monkeypatch):
    ticks = walk(200)
    live = LiveBars(market, tape([]), 0)
    live.catch_up(60)
    observe(live, ticks[:100])
    with monkeypatch.context() as patched:
        patched.setattr(Builder, "take", lambda self, tick: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            live.observe(ticks[100], Moment(100))
    for one in ticks[101:]:
        with pytest.raises(BarsStopped, match=r"kept no more: a tick failed of ZeroDivisionError: division by zero$"):
            live.observe(one, Moment(one.t))
    assert live.close(60)
    again = LiveBars(market, tape(ticks), ticks[-1].t + 1)
    again.catch_up(60)
    assert again.close(60)
    assert rows() == expected(ticks)


# -- after years

DAY_MS = PERIOD_MS["1d"]
EVERY_MS = 5 * PERIOD_MS["1m"]


def fill(market, days):
    """Bars of whole days and five hours more, a tick every five minutes; when the last day begins."""
    Bar.objects.all().delete()
    begins = range(0, days * DAY_MS + 5 * PERIOD_MS["1h"], EVERY_MS)
    same = dict.fromkeys(("open", "high", "low", "close", "volume"), 1.0) | {"matches": 1, "market": market}
    made = [
        Bar(resolution=resolution, open_ms=ms, next_ms=ms + EVERY_MS, first_t=t, last_t=t, **same)
        for t, ms in enumerate(begins)
        for resolution in ("1s", "1m")
    ]
    Bar.objects.bulk_create(made)
    coarse.make_up(market)
    return days * DAY_MS


QUESTIONS = {
    "the state to go on from": lambda market, day_ms: stored.builder_from(market, PriceRanges()),
    "what a crash left": lambda market, day_ms: stored.take_back(market, 10**9),
    "what hours and days lack": lambda market, day_ms: coarse.make_up(market),
    **{
        f"{resolution} from a day on": lambda market, day_ms, resolution=resolution: list(
            reading.closed_bars("IG-USD", resolution, from_ms=day_ms)
        )
        for resolution in PERIOD_MS
    },
    **{
        f"three of {resolution}": lambda market, day_ms, resolution=resolution: list(
            islice(reading.closed_bars("IG-USD", resolution, from_ms=0), 3)
        )
        for resolution in ("1s", "1m", "1h", "4h")
    },
    **{
        f"the last of {resolution}": lambda market, day_ms, resolution=resolution: reading.last_bars(
            "IG-USD", resolution, 2, to_ms=day_ms
        )
        for resolution in PERIOD_MS
    },
}


def test_bars_of_a_symbol_are_not_joined_with_markets():
    """PostgreSQL would sort them all to find the last one."""
    assert "JOIN" not in str(stored.rows("IG-USD", "1m").query)


@sqlite_only
def test_no_question_costs_more_with_six_times_the_bars(market):
    costs = []
    for days in (2, 12):
        day_ms, cost = fill(market, days), {}
        for name, ask in QUESTIONS.items():
            with Steps() as steps:
                ask(market, day_ms)
            cost[name] = steps.count
        costs.append(cost)
    few, many = costs
    assert {name: (few[name], many[name]) for name in few if many[name] > 1.3 * few[name]} == {}
