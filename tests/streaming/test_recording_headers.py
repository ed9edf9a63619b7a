"""The headers that tell of a recording fit into a head that clients and proxies take, however many runs it has."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from streaming.protocol import PRICES_HEADER, STORE_HEADER, recording_headers

STORE_ID = "0123456789abcdef" * 2


def test_prices_are_told_run_by_run_while_these_are_few() -> None:
    told = recording_headers(STORE_ID, [(0, 40000.0, 60000.0), (70, 1.5, 4.5)])
    assert told == {STORE_HEADER: STORE_ID, PRICES_HEADER: "0:40000.0:60000.0, 70:1.5:4.5"}
    assert recording_headers(None, []) == {}


def test_of_many_runs_the_header_has_the_number() -> None:
    for count in (100, 1000, 100_000):
        told = recording_headers(STORE_ID, [(t * 10**9, 1 / 3 + t, 2 / 3 + t) for t in range(count)])
        assert told == {STORE_HEADER: STORE_ID, PRICES_HEADER: f"many {count}"}
    shortest = recording_headers(None, [(t, 0.1 + t, 2.1 + t) for t in range(135)])[PRICES_HEADER]
    assert shortest.count(":") == 2 * 135
    assert len(shortest) <= 2000


class Unread(list[tuple[int, float, float]]):
    """Price ranges at which nobody may look."""

    def __iter__(self) -> Iterator[tuple[int, float, float]]:
        raise AssertionError("the header has their number alone")


def test_of_runs_that_must_be_too_many_only_the_number_is_looked_at() -> None:
    """Every request and every socket has this header made on the event loop."""
    prices = [(t, 0.0, 1.0) for t in range(2000)]
    assert recording_headers(None, Unread(prices)) == {PRICES_HEADER: "many 2000"}


@pytest.mark.parametrize(("count", "told"), [(286, ", ".join(["0:0:1"] * 286)), (287, "many 287")])
def test_the_shortest_ranges_are_told_as_long_as_they_fit(count: int, told: str) -> None:
    assert recording_headers(None, [(0, 0, 1)] * count) == {PRICES_HEADER: told}
    assert len(", ".join(["0:0:1"] * count)) == 7 * count - 2
