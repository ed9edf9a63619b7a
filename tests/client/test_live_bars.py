"""However live bars, reconnects and history interleave, a strategy sees the same row of bars."""

from __future__ import annotations

from dataclasses import replace
from unittest.mock import patch

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketcamera import Bar, BarCache
from marketcamera.bars.history import Recorded
from marketcamera.bars.live_bars import LiveBars
from marketcamera.bars.merge import gaps, merged
from marketcamera.bars.table import bar_table

_CAPACITY = 6


class Market:
    """A market whose bars close one by one, a feed that may be cut, and a history."""

    def __init__(self, starts: list[int]) -> None:
        self.all = [Bar("A", "1s", n * 1000, n * 1000 + 1000, 1.0 + n, 2.0 + n, n, 1.5 + n, n) for n in starts]
        self.closed: list[Bar] = []
        self.cache, self.connected = BarCache(), False
        self.live = LiveBars(self.cache, lambda: self.connected, lambda: self)
        self.asked = 0

    def before(self, symbol: str, resolution: str, end_ms: int | None, count: int) -> Recorded:
        self.asked += 1
        return Recorded(merged((), self.closed, count, end_ms), [])

    def close_bar(self) -> None:
        if len(self.closed) < len(self.all):
            self.closed.append(self.all[len(self.closed)])
            if self.connected:
                self.cache.put(self.closed[-1])

    def connect(self, brings: int) -> None:
        """CONNECTED, and the last bars; if not all of them come, the connection is gone again."""
        self.cache.interrupted()
        past = self.closed[-_CAPACITY:]
        for one in past[:brings]:
            self.cache.put(one)
        self.connected = brings >= len(past)

    def now_ms(self) -> int:
        return self.closed[-1].close_time if self.closed else 0


STEPS = st.one_of(
    st.just(("close", 0)),
    st.just(("close", 0)),
    st.just(("cut", 0)),
    st.tuples(st.just("connect"), st.integers(0, _CAPACITY)),
    st.tuples(st.just("ask"), st.integers(1, 12)),
)


@given(pauses=st.lists(st.integers(1, 3), min_size=1, max_size=30), steps=st.lists(STEPS, max_size=60))
def test_any_interleaving_gives_the_same_table(pauses: list[int], steps: list[tuple[str, int]]) -> None:
    starts = [sum(pauses[: n + 1]) for n in range(len(pauses))]
    market = Market(starts)
    with patch("marketcamera.bars.cache.CAPACITY", _CAPACITY):
        for step, number in [*steps, ("ask", 5), ("ask", 40)]:
            if step == "close":
                market.close_bar()
            elif step == "cut":
                market.connected = False
            elif step == "connect":
                market.connect(number)
            else:
                seen, _ = market.live.before("A", "1s", number, None, market.now_ms())
                pd.testing.assert_frame_equal(bar_table(seen), bar_table(market.closed[-number:]), check_freq=False)
                end_ms = market.now_ms() - 2500
                seen, _ = market.live.before("A", "1s", number, end_ms, market.now_ms())
                assert list(seen) == [one for one in market.closed if one.close_time <= end_ms][-number:]


def test_a_feed_that_has_enough_spares_the_history() -> None:
    market = Market(list(range(10)))
    market.connect(0)
    for _ in range(10):
        market.close_bar()
    assert list(market.live.before("A", "1s", 5, None, market.now_ms())[0]) == market.all[-5:]
    assert market.live.before("A", "1s", 5, 7000, market.now_ms())[1] is None
    assert market.asked == 0
    market.live.before("A", "1s", 5, None, market.now_ms() + 60_000)
    assert market.asked == 1, "a feed that should have brought a bar by now is not believed"


def test_recorded_bars_of_another_recording_are_not_mixed_with_those_of_the_feed() -> None:
    market, other = Market([0, 1, 2]), [Bar("A", "1s", 500, 1500, 7.0, 7.0, 7.0, 7.0, 7.0)]
    market.cache.connected({"A": "old"})
    market.connected = True
    for _ in range(3):
        market.close_bar()
    market.connected = False
    with patch.object(market, "before", return_value=Recorded(other, [], "new")):
        assert market.live.before("A", "1s", 3, None, market.now_ms()) == (other, [])
    with patch.object(market, "before", return_value=Recorded(other, [], "old")):
        assert len(market.live.before("A", "1s", 9, None, market.now_ms())[0]) == 4


def test_where_both_have_a_bar_the_live_one_wins() -> None:
    (bar,) = Market([3]).all
    assert merged([bar], [replace(bar, close=9.0)], 5, None) == [bar]


def test_gaps_are_the_spans_without_a_bar() -> None:
    assert gaps(Market([1, 2, 5, 6, 9]).all) == [{"from": 3000, "to": 5000}, {"from": 7000, "to": 9000}]
    assert gaps([]) == []


@pytest.mark.parametrize("count", [0, 1])
def test_a_table_has_its_types_empty_or_not(count: int) -> None:
    table = bar_table(Market([1]).all[:count])
    assert list(table.columns) == ["open", "high", "low", "close", "volume"]
    assert (table.dtypes == "float64").all()
    assert table.index.name == "close_time"
    assert str(table.index.dtype) == "datetime64[ns, UTC]"
    assert len(table) == count
