"""The cache of bars: bounded, one bar a close time, and safe among threads."""

from __future__ import annotations

import copy
import json
import pickle
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketcamera import Bar, BarCache, ParseError
from marketcamera.bars.cache import CAPACITY
from tests.processes import wait_until


def bar(n: int, close: float = 1.0, symbol: str = "A", resolution: str = "1s") -> Bar:
    return Bar(symbol, resolution, n * 1000, (n + 1) * 1000, 1.0, 2.0, 0.5, close, 3.0)


def test_bars_come_back_oldest_first_and_the_newest_so_many() -> None:
    cache = BarCache()
    for n in (2, 0, 1):
        cache.put(bar(n))
    assert cache.get_bars("A", "1s", 2) == [bar(1), bar(2)]
    assert cache.get_bars("A", "1s") == [bar(0), bar(1), bar(2)]
    assert cache.get_bars("A", "1s", 0) == []
    assert cache.get_latest_bar("A", "1s") == bar(2)


def test_what_is_not_there_is_empty() -> None:
    cache = BarCache()
    cache.put(bar(0, symbol="B"))
    assert (cache.get_bars("A", "1s", 5), cache.get_latest_bar("B", "1m")) == ([], None)
    assert cache.get_cached_symbols() == ["B"]
    assert (cache.get_last_update_time("A", "1s"), cache.get_cache_size("A")) == (None, 0)
    with pytest.raises(ValueError, match="count must be at least 0, got -1"):
        cache.get_bars("A", "1s", -1)


@given(st.lists(st.tuples(st.integers(0, 30), st.floats(0, 9)), max_size=60))
def test_the_last_write_of_a_close_time_wins(writes: list[tuple[int, float]]) -> None:
    cache = BarCache()
    for n, close in writes:
        cache.put(bar(n, close))
    assert cache.get_bars("A", "1s") == [bar(n, close) for n, close in sorted(dict(writes).items())]


def test_a_thousand_bars_of_each_pair_are_kept() -> None:
    cache = BarCache()
    for n in range(CAPACITY + 50):
        cache.put(bar(n))
        cache.put(bar(n, resolution="1m"))
    for resolution in ("1s", "1m"):
        kept = cache.get_bars("A", resolution)
        assert (len(kept), kept[0].open_time) == (1000, 50_000)


def begin(cache: BarCache, store: str, *, history_end: bool = True) -> list[str]:
    return cache.connected({"A": store}, history_end=history_end)


def test_a_history_is_there_from_one_moment_to_the_next() -> None:
    cache = BarCache()
    begin(cache, "old")
    for n in range(5):
        cache.put(bar(n))
        assert cache.wait_for_bar("A", "1s", timeout_seconds=0) is None, "there are newer ones"
    cache.add_bar("B", "1s", dict(bar(0)))
    assert cache.get_cached_symbols() == ["B"]
    cache.history_ends()
    assert cache.wait_for_bar("A", "1s", timeout_seconds=0) == bar(4)
    cache.put(bar(5))
    assert cache.get_latest_bar("A", "1s") == bar(5)


def test_a_hole_within_a_history_stays_one() -> None:
    cache = BarCache()
    begin(cache, "old")
    for n in (0, 1):
        cache.put(bar(n))
    cache.interrupted()  # by a message that could not be read
    cache.put(bar(3))
    cache.history_ends()
    assert cache.whole_bars("A", "1s") == ([bar(3)], True)


def test_a_connection_that_ends_within_its_history_leaves_nothing_behind() -> None:
    cache = BarCache()
    begin(cache, "old")
    cache.put(bar(0))
    begin(cache, "old")
    cache.put(bar(1))
    cache.put(bar(1, symbol="B"))
    cache.clear("B")
    cache.history_ends()
    assert (cache.get_bars("A", "1s"), cache.get_cached_symbols()) == ([bar(1)], ["A"])


def test_bars_of_another_recording_are_forgotten() -> None:
    cache = BarCache()
    for n in range(5):
        cache.put(bar(n))
        cache.put(bar(n, symbol="B"))
    assert begin(cache, "old", history_end=False) == [], "what was not known is taken for the same"
    assert begin(cache, "old", history_end=False) == []
    assert cache.get_cache_size("A") == 5
    assert begin(cache, "new") == ["A"]
    assert (cache.get_cached_symbols(), cache.store_of("A"), cache.store_of("B")) == (["B"], "new", None)


def test_who_waits_behind_a_time_of_another_recording_gets_the_bars_of_an_earlier_one() -> None:
    cache = BarCache()
    begin(cache, "old", history_end=False)
    cache.put(bar(100))
    begin(cache, "new")
    cache.put(bar(3))
    cache.history_ends()
    after = bar(100).close_time
    assert cache.wait_for_bar("A", "1s", after=after, timeout_seconds=0) == bar(3)
    assert cache.wait_for_bar("A", "1s", after=bar(3).close_time, timeout_seconds=0) is None
    assert cache.wait_for_bar("A", "1s", after=after + 1, timeout_seconds=0) is None, "a time of neither"


def test_threads_read_while_bars_arrive() -> None:
    cache, ended, wrong = BarCache(), threading.Event(), []

    def read() -> None:
        while not ended.is_set():
            times = [one.close_time for one in cache.get_bars("A", "1s", 100)]
            if times != list(range(times[0], times[0] + 1000 * len(times), 1000)) if times else False:
                wrong.append(times)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for n in range(3000):
        cache.put(bar(n))
    ended.set()
    for reader in readers:
        reader.join()
    assert not wrong
    assert cache.get_latest_bar("A", "1s") == bar(2999)


def test_whoever_waits_for_a_bar_gets_the_next() -> None:
    cache, got = BarCache(), []
    cache.put(bar(0))
    thread = threading.Thread(target=lambda: got.append(cache.wait_for_bar("A", "1s", after=1000)))
    thread.start()
    cache.put(bar(5, symbol="B"))
    cache.put(bar(1))
    wait_until(lambda: got, "the bar")
    assert got == [bar(1)]
    assert cache.wait_for_bar("A", "1s", after=2000, timeout_seconds=0.01) is None


def test_after_a_hole_only_what_follows_is_whole() -> None:
    cache = BarCache()
    for n in (0, 1, 2):
        cache.put(bar(n))
    assert cache.whole_bars("A", "1s") == ([bar(0), bar(1), bar(2)], True)
    cache.interrupted()
    assert cache.whole_bars("A", "1s") == ([bar(0), bar(1), bar(2)], False)
    cache.put(bar(7))
    assert cache.whole_bars("A", "1s") == ([bar(7)], True)
    cache.interrupted()
    cache.put(bar(5))
    cache.put(bar(6))
    assert cache.whole_bars("A", "1s") == ([bar(5), bar(6), bar(7)], True)


@pytest.mark.parametrize("first", [1, 2, 3])
def test_bars_that_overlap_or_adjoin_leave_no_hole(first: int) -> None:
    cache = BarCache()
    for n in (0, 1, 2):
        cache.put(bar(n))
    cache.interrupted()
    for n in range(first, 6):
        cache.put(bar(n))
    assert cache.whole_bars("A", "1s") == ([bar(n) for n in range(6)], True)


def three_pairs() -> BarCache:
    cache = BarCache()
    for n, symbol, resolution in [(0, "B", "1m"), (0, "A", "1h"), (0, "A", "1m"), (1, "A", "1m")]:
        cache.put(bar(n, symbol=symbol, resolution=resolution))
    return cache


def test_what_is_cached_is_named_by_symbol_and_by_pair() -> None:
    cached = three_pairs().get_cached_symbols()
    assert isinstance(cached, list)
    assert [f"{symbol}" for symbol in cached] == ["A", "A", "B"] == cached
    assert [(symbol, resolution) for symbol, resolution in cached] == [("A", "1m"), ("A", "1h"), ("B", "1m")] == cached
    assert [(pair[0], pair[1]) for pair in cached] == cached
    assert "B" in cached
    assert ("B", "1m") in cached
    assert "C" not in cached
    assert ("B", "1h") not in cached
    assert set(cached) == {"A", "B"}
    assert dict(cached) == {"A": "1h", "B": "1m"}


def test_a_cached_symbol_is_a_text_wherever_one_is_wanted() -> None:
    cache = three_pairs()
    last = cache.get_cached_symbols()[-1]
    assert cache.get_bars(last, "1m") == [bar(0, symbol="B", resolution="1m")]
    assert json.dumps([last]) == '["B"]'
    assert (last.lower(), last[:1], last != "B", last != ("B", "1m")) == ("b", "B", False, False)
    for again in (copy.copy(last), copy.deepcopy(last), pickle.loads(pickle.dumps(last))):
        assert again.pair == ("B", "1m")


def test_its_size_and_age_are_told_by_pair() -> None:
    cache = three_pairs()
    sizes = [cache.get_cache_size(*pair) for pair in [(), ("A",), ("A", "1m"), (None, "1m"), ("C",)]]
    assert sizes == [4, 3, 2, 3, 0]
    assert cache.get_last_update_time("A", "1m") == 2000


@pytest.mark.parametrize(
    ("what", "left"),
    [((), []), (("A",), [("B", "1m")]), (("A", "1m"), [("A", "1h"), ("B", "1m")]), ((None, "1m"), [("A", "1h")])],
)
def test_a_part_of_it_is_forgotten(what: tuple[str | None, ...], left: list[tuple[str, str]]) -> None:
    cache = three_pairs()
    cache.clear(*what)
    assert cache.get_cached_symbols() == left


def test_a_bar_of_ones_own_may_be_a_dict_of_texts() -> None:
    cache = BarCache()
    texts = {"open_time": "0", "close_time": 1000, "open": "1.0", "high": "2", "low": ".5", "close": "1", "volume": "3"}
    cache.add_bar("A", "1s", texts)
    assert cache.get_bars("A", "1s") == [bar(0)]
    cache.add_bar("B", "1s", bar(0))
    assert cache.get_latest_bar("B", "1s") == bar(0, symbol="B")
    with pytest.raises(ParseError, match=r"a bar cannot be read \(KeyError\('high'\)\)"):
        cache.add_bar("A", "1s", {name: texts[name] for name in ("open_time", "close_time", "open")})


def test_a_bar_is_read_by_attribute_and_by_key() -> None:
    one = bar(0)
    assert (one.close, one["close"], one.get("close"), one.get("bid", 7)) == (1.0, 1.0, 1.0, 7)
    assert "close" in one
    assert "bid" not in one
    assert dict(one) == {**one} == {name: getattr(one, name) for name in Bar.__dataclass_fields__}
    assert one == bar(0) != bar(1)
    assert len({one, bar(0)}) == 1
    with pytest.raises(KeyError, match="bid"):
        one["bid"]
    with pytest.raises(KeyError, match="get"):
        one["get"]
