"""Places in the recording: few are open, those who wait get theirs in turn, and a slow client holds nobody up."""

from __future__ import annotations

import asyncio
import sys

import pytest

from streaming import open_places
from streaming.open_places import OpenPlaces
from tests.streaming.bounded import run


class Reader:
    """A reader that only has a place or none."""

    def __init__(self, places: OpenPlaces) -> None:
        self.places = places
        self.has_place = False

    async def read(self) -> bool:
        """One batch; returns whether the place is kept behind it."""
        self.places.go_on(self)
        await self.places.come(self)
        self.has_place = True
        self.places.keep(self)
        return self.has_place

    def close(self) -> None:
        self.has_place = False
        self.places.leave(self)


@pytest.fixture(autouse=True)
def _endless(monkeypatch: pytest.MonkeyPatch) -> None:
    """No time passes but that which a test sets."""
    for name in ("SLOW_SECONDS", "_QUICK_SECONDS", "_TURN_SECONDS", "_LONGEST_WAIT_SECONDS"):
        monkeypatch.setattr(open_places, name, 3600.0)


def test_those_who_find_all_places_taken_wait_and_get_them_in_turn() -> None:
    async def test() -> None:
        places = OpenPlaces(2, wait=True)
        one, two, three, four = (Reader(places) for _ in range(4))
        assert await one.read()
        assert await two.read()
        third, fourth = asyncio.create_task(three.read()), asyncio.create_task(four.read())
        await asyncio.sleep(0)
        assert await one.read()
        assert not third.done()
        two.close()
        assert await third
        assert not fourth.done()
        one.close()
        assert await fourth
        assert [reader.has_place for reader in (one, two, three, four)] == [False, False, True, True]

    run(test)


def test_who_has_waited_long_reads_without_a_place(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        places = OpenPlaces(1, wait=True)
        one, two, three = (Reader(places) for _ in range(3))
        assert await one.read()
        monkeypatch.setattr(open_places, "_LONGEST_WAIT_SECONDS", 0.0)
        assert not await two.read()
        one.close()
        assert await three.read()
        three.close()
        assert await two.read()

    run(test)


def test_where_others_wait_a_turn_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        places = OpenPlaces(1, wait=True)
        one, two = Reader(places), Reader(places)
        monkeypatch.setattr(open_places, "_TURN_SECONDS", -1.0)
        assert await one.read()
        assert await one.read(), "nobody waits"
        waiting = asyncio.create_task(two.read())
        await asyncio.sleep(0)
        assert not await one.read()
        assert await waiting

    run(test)


@pytest.mark.parametrize("when", ["before", "behind"])
def test_a_slow_client_loses_its_place_to_who_waits(monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    async def test() -> None:
        places = OpenPlaces(1, wait=True)
        slow, other = Reader(places), Reader(places)
        monkeypatch.setattr(open_places, "_QUICK_SECONDS", 0.0)
        if when == "before":
            assert await slow.read()
            assert await other.read()
        else:
            await places.come(slow)
            waiting = asyncio.create_task(other.read())
            await asyncio.sleep(0)
            places.keep(slow)
            assert await waiting
        assert not slow.has_place

    run(test)


def test_a_slow_client_loses_its_place_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        reader = Reader(OpenPlaces(1))
        monkeypatch.setattr(open_places, "SLOW_SECONDS", 0.0)
        assert await reader.read()
        while reader.has_place:
            await asyncio.sleep(0)
        assert await reader.read()
        reader.places.go_on(reader)
        for _ in range(5):
            await asyncio.sleep(0.001)
        assert reader.has_place, "it reads"

    run(test)


def test_those_who_go_while_they_wait_take_no_place() -> None:
    async def test() -> None:
        places = OpenPlaces(1, wait=True)
        one, gone, late, other = (Reader(places) for _ in range(4))
        assert await one.read()
        tasks = [asyncio.create_task(reader.read()) for reader in (gone, late, other)]
        await asyncio.sleep(0)
        tasks[0].cancel()
        one.close()  # in the same step
        assert await tasks[1]
        tasks[2].cancel()
        late.close()  # what it is given it cannot take any more
        await asyncio.wait(tasks)
        other.close()
        assert await one.read()

    run(test)


def test_replays_take_the_place_of_the_one_that_has_been_idle_longest() -> None:
    async def test() -> None:
        places = OpenPlaces(2)
        one, two, three = (Reader(places) for _ in range(3))
        assert await one.read()
        assert await two.read()
        assert await one.read()
        assert await three.read()
        assert (one.has_place, two.has_place) == (True, False)
        for reader in (one, three):
            places.go_on(reader)
        assert not await two.read(), "all others read"

    run(test)


def test_where_clients_may_take_little_memory_few_places_are_open() -> None:
    places = OpenPlaces(64)
    for megabytes, most in ((100, 4), (480, 20), (1 << 20, 64)):
        places.within(megabytes << 20)
        assert places.most == most
    places.within(sys.maxsize)
    assert places.most == 64
