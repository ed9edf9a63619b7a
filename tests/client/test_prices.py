"""What strategies call: the table, what it is asked for with, and the backtest in which nothing later is seen."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd
import pytest

import marketcamera
import wealthdata
from marketcamera import Backtest, Bar, get_bars, get_price
from marketcamera.bars import prices
from marketcamera.bars.bar import bar_of, frequency_of, resolution_of
from marketcamera.errors import BadMessage
from marketcamera.moments import milliseconds
from tests.processes import PATIENCE_SECONDS

HOUR = 3_600_000
DAY = datetime(2026, 1, 5, tzinfo=UTC)
START = int(DAY.timestamp() * 1000)


def bar(n: int) -> Bar:
    return Bar("A", "1h", START + n * HOUR, START + (n + 1) * HOUR, 1.0, 2.0, 0.5, float(n), 3.0)


class Source:
    """A source that gives more than it is asked for: what is later must not be seen."""

    def __init__(self, bars: Sequence[Bar]) -> None:
        self.bars = bars

    def before(self, symbol: str, resolution: str, end_ms: int, count: int) -> Sequence[Bar]:
        assert (symbol, resolution) == ("A", "1h")
        return self.bars


ALL = Source([bar(n) for n in range(48)])


def test_a_backtest_sees_nothing_later_than_the_bar_at_hand() -> None:
    with Backtest(ALL) as test:
        assert get_price("A").empty
        for n in range(48):
            test.at(bar(n).close_time)
            table = get_price("A", count=5)
            assert list(table["close"]) == [float(m) for m in range(max(0, n - 4), n + 1)]
            assert table.attrs["staleness"] == 0.0
            assert len(get_price("A", count=5, end_date="2030-01-01")) == min(5, n + 1)


def test_an_end_before_the_bar_at_hand_is_honoured() -> None:
    with Backtest(ALL) as test:
        test.at(bar(40).close_time)
        table = get_price("A", count=3, end_date=DAY + timedelta(hours=10))
        assert list(table["close"]) == [7.0, 8.0, 9.0]
        assert table.index[-1] == pd.Timestamp("2026-01-05 10:00", tz="UTC")
        assert table.attrs["staleness"] == 31 * 3600


def test_backtests_in_two_threads_do_not_see_each_other() -> None:
    seen: dict[int, float] = {}
    ready = threading.Barrier(2)

    def run(n: int) -> None:
        with Backtest(ALL) as test:
            test.at(bar(n).close_time)
            ready.wait(PATIENCE_SECONDS)
            seen[n] = get_price("A", count=1)["close"].iloc[0]

    threads = [threading.Thread(target=run, args=(n,)) for n in (3, 30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {3: 3.0, 30: 30.0}


def test_the_table_tells_where_it_ends_and_what_is_missing() -> None:
    with Backtest(Source([bar(1), bar(2), bar(5)])) as test:
        test.at(bar(5).close_time + 90_000)
        attrs = get_price("A").attrs
    assert attrs == {
        "symbol": "A",
        "frequency": "1h",
        "position": bar(5).close_time,
        "staleness": 90.0,
        "gaps": [{"from": bar(2).close_time, "to": bar(5).open_time}],
        "lost_ticks": None,
    }


def test_without_a_bar_there_is_no_position() -> None:
    with Backtest(Source([])):
        attrs = get_price("A").attrs
    assert (attrs["position"], attrs["staleness"], attrs["gaps"]) == (None, None, [])


@pytest.mark.parametrize(
    ("fields", "columns"), [(None, 5), ("close", ["close"]), (["high", "open"], ["high", "open"]), (("low",), ["low"])]
)
def test_fields_choose_columns(fields: Any, columns: Any) -> None:
    with Backtest(ALL) as test:
        test.at(bar(3).close_time)
        table = get_price("A", fields=fields)
    assert list(table.columns) == (["open", "high", "low", "close", "volume"] if columns == 5 else columns)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"count": 0}, "count must be an integer of at least 1, got 0"),
        ({"count": True}, "count must be an integer of at least 1, got True"),
        ({"count": "9"}, "count must be an integer of at least 1, got '9'"),
        ({"frequency": "7m"}, "frequency must be one of 1s, 5s, 1m, 5m, 15m, 30m, 1h, 4h, 1d, 1w, got '7m'"),
        ({"fields": "price"}, "fields must be some of open, high, low, close, volume, each once, got 'price'"),
        ({"fields": []}, "fields must be some of open, high, low, close, volume, each once, got []"),
        ({"tz": "Mars/Olympus"}, "tz must be the name of a time zone, or None for UTC without one, got 'Mars/Olympus'"),
        ({"tz": "../UTC"}, "tz must be the name of a time zone, or None for UTC without one, got '../UTC'"),
        ({"tz": 8}, "tz must be the name of a time zone, or None for UTC without one, got 8"),
        ({"end_date": "soon"}, "a moment is an ISO 8601 text, a date, a datetime or milliseconds, got 'soon'"),
    ],
)
def test_what_cannot_be_asked_is_told(arguments: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole text is compared
        get_price("A", **arguments)
    assert str(caught.value) == told


def test_both_names_and_both_modules_are_the_same() -> None:
    assert wealthdata.get_price is marketcamera.get_price
    assert wealthdata.get_bars is marketcamera.get_bars
    with Backtest(ALL) as test:
        test.at(bar(9).close_time)
        pd.testing.assert_frame_equal(get_bars("A", 4, None, "1h", ["close"]), get_price("A", 4, fields="close"))


@pytest.mark.parametrize("frequency", ["1h", "1H", "60m", "60min", "h", "hour", "hourly", " 1h ", "3600s"])
def test_a_frequency_may_be_written_in_several_ways(frequency: str) -> None:
    assert resolution_of(frequency) == "1h"


@pytest.mark.parametrize(
    ("frequency", "meant"),
    [("30m", "30m"), ("30min", "30m"), ("1w", "1w"), ("7d", "1w"), ("weekly", "1w"), ("H", "1h")],
)
def test_prices_come_in_more_lengths_than_a_feed_has(frequency: str, meant: str) -> None:
    assert frequency_of(frequency) == meant


@pytest.mark.parametrize("frequency", ["", "30m", "1", "m1", "0m", "1.5h", "2h", "-1m", "1w", "²m"])
def test_other_frequencies_are_refused(frequency: str) -> None:
    with pytest.raises(ValueError, match="frequency must be one of"):
        resolution_of(frequency)


NEW_YORK = timezone(timedelta(hours=-5))


@pytest.mark.parametrize(
    "moment",
    [
        START,
        "2026-01-05",
        "2026-01-05T00:00",
        "2026-01-05 00:00:00Z",
        "2026-01-04T19:00:00-05:00",
        date(2026, 1, 5),
        datetime(2026, 1, 5),
        datetime(2026, 1, 4, 19, tzinfo=NEW_YORK),
        pd.Timestamp("2026-01-05"),
        pd.Timestamp("2026-01-04 19:00", tz="America/New_York"),
        np.datetime64("2026-01-05"),
        np.int64(START),
    ],
)
def test_a_moment_may_be_written_in_several_ways(moment: Any) -> None:
    assert milliseconds(moment) == START


@pytest.mark.parametrize(
    "moment", [True, 1.5, "", "2026-13-01", None, [], pd.NaT, np.datetime64("NaT"), np.bool_(True)]
)
def test_other_moments_are_refused(moment: Any) -> None:
    with pytest.raises(ValueError, match="a moment is"):
        milliseconds(moment)


def test_a_part_of_a_millisecond_is_cut_off() -> None:
    assert milliseconds("2026-01-05T00:00:00.123999") == START + 123


def test_a_bar_that_cannot_be_read_is_told() -> None:
    with pytest.raises(BadMessage, match="a bar cannot be read"):
        bar_of("A", "1h", {"open_time": 1, "close_time": 2, "open": "high"})


@pytest.fixture
def at_ten() -> Iterator[None]:
    with Backtest(ALL) as test:
        test.at(DAY + timedelta(hours=10))
        yield


@pytest.mark.usefixtures("at_ten")
def test_without_a_count_there_are_as_many_as_usual() -> None:
    pd.testing.assert_frame_equal(get_price("A", count=None), get_price("A"))
    with Backtest(ALL) as test:
        test.at(bar(47).close_time)
        assert len(get_price("A", None)) == len(get_bars("A")) == 20


@pytest.mark.usefixtures("at_ten")
def test_options_of_other_markets_change_nothing() -> None:
    with warnings.catch_warnings(action="error"):
        told = get_price("A", count=3, fq="pre", skip_paused=True, fill_paused=False, panel=False)
        pd.testing.assert_frame_equal(told, get_bars("A", 3, unit="60m", fq=None, skip_paused=False))


@pytest.mark.usefixtures("at_ten")
def test_an_unknown_option_is_told_once_where_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prices, "_warned", set())
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for ask in (get_price, get_bars, get_price):
            assert len(ask("A", count=2, colour="red", start_date="2026")) == 2
    assert [str(one.message) for one in told] == [
        "colour= is not known here and is ignored",
        "start_date= is not known here and is ignored",
    ]
    assert {one.filename for one in told} == {__file__}


@pytest.mark.usefixtures("at_ten")
@pytest.mark.parametrize(
    ("tz", "last"),
    [
        (None, pd.Timestamp("2026-01-05 10:00")),
        ("UTC", pd.Timestamp("2026-01-05 10:00", tz="UTC")),
        ("Asia/Shanghai", pd.Timestamp("2026-01-05 18:00", tz="Asia/Shanghai")),
        (timezone(timedelta(hours=-5)), pd.Timestamp("2026-01-05 05:00-05:00")),
    ],
)
def test_the_times_of_a_table_are_in_the_zone_that_is_asked_for(
    tz: Any, last: pd.Timestamp, monkeypatch: pytest.MonkeyPatch
) -> None:
    for table in (get_price("A", tz=tz), get_bars("A", tz=tz)):
        assert (table.index[-1], table.index[-1].tzinfo is None) == (last, tz is None)
        assert (table.index.name, table.attrs["position"]) == ("close_time", bar(9).close_time)
    monkeypatch.setenv("MARKETCAMERA_TZ", "none" if tz is None else str(tz))
    if not isinstance(tz, timezone):
        pd.testing.assert_frame_equal(get_price("A"), get_price("A", tz=tz))
        assert get_price("A", tz="UTC").index[-1] == pd.Timestamp("2026-01-05 10:00", tz="UTC")


def test_an_empty_table_has_its_zone_too() -> None:
    with Backtest(ALL):
        assert str(get_price("A", tz=None).index.dtype) == "datetime64[ns]"
        assert str(get_price("A").index.dtype) == "datetime64[ns, UTC]"
