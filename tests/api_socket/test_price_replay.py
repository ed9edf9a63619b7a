"""Prices of the past whose client moves them while the database is read."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from api_socket.price_replay import PriceReplay
from api_socket.protocol import Control, Topic
from bars import stored
from bars.past.replay import BarReplay
from bars.past.request import PastBars
from recorder.models import Market
from runtime import pools
from tests.api_socket.listening import Listener
from tests.bars.conftest import walk
from tests.bars.kept import built
from tests.bars.ticks import NOON
from tests.processes import PATIENCE_SECONDS

pytestmark = pytest.mark.django_db(transaction=True)

BEGIN_MS = int(NOON) * 1000
END_MS = BEGIN_MS + 1_500_000
EARLY_MS, LATE_MS = BEGIN_MS + 100_000, BEGIN_MS + 1_400_000
TOPIC = Topic("market_data", "A")

Asked = Callable[..., Awaitable[Any]]


@pytest.fixture(autouse=True)
def _recorded(transactional_db: None) -> None:
    """A market of 25 minutes."""
    closings, _ = built(walk(1300, whole=True))
    stored.save(Market.objects.create(symbol="A"), closings)


class HeldPool:
    """A pool whose answers come once `open` is set; `asked` tells of a question that waits for that."""

    def __init__(self) -> None:
        self.open, self.asked = asyncio.Event(), asyncio.Event()
        self.open.set()
        self._pool = pools.past_bars

    async def ask_on(self, *question: Any) -> Any:
        return await self._held(self._pool.ask_on, *question)

    async def go_on(self, *work: Any) -> Any:
        return await self._held(self._pool.go_on, *work)

    async def _held(self, ask: Asked, *question: Any) -> Any:
        answer = await ask(*question)
        self.asked.set()
        await self.open.wait()
        return answer

    async def hold(self) -> None:
        """Returns once the next question waits."""
        self.open.clear()
        self.asked.clear()
        await asyncio.wait_for(self.asked.wait(), PATIENCE_SECONDS)


class Replayed:
    """A replay of the market's prices up to END_MS, and what its client heard."""

    def __init__(self, from_ms: int, speed: float) -> None:
        self.client = Listener(most_bytes=1 << 24)
        bars = BarReplay([("A", "1s")], PastBars(from_ms, END_MS, speed))
        self._replay = PriceReplay(TOPIC, bars, self.client, lambda: None, lambda: None)
        self.task = asyncio.create_task(self._replay.run())
        self._said = 0
        self._seek: int | None = None  # how many commands were said before the last of these

    def say(self, type: str, **fields: Any) -> None:
        self._seek = self._said if type == "seek" else self._seek
        self._said += 1
        self._replay.obey(Control(type, TOPIC, **fields))

    async def heard(self, type: str) -> list[dict[str, Any]]:
        """What it heard since it was moved last, up to the first message of a type."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while type not in [one["type"] for one in self._since()]:
                assert not self.task.done(), self.task.exception()
                await asyncio.sleep(0.01)
        return self._since()

    def _since(self) -> list[dict[str, Any]]:
        answers = [index for index, one in enumerate(self.client.messages) if one["type"] == "replay"]
        if self._seek is None:
            return self.client.messages
        return self.client.messages[answers[self._seek] :] if len(answers) > self._seek else []

    def end(self) -> None:
        self.task.cancel()
        self.client.pumping.cancel()


@contextmanager
def replayed(from_ms: int, speed: float = 0) -> Iterator[Replayed]:
    replay = Replayed(from_ms, speed)
    try:
        yield replay
    finally:
        replay.end()


async def check_moved(replay: Replayed, to_ms: int) -> None:
    """It goes on as one that was begun there."""
    told, *heard, price, _ = await replay.heard("replay_end")
    assert told["data"]["timestamp"] * 1000 == to_ms
    assert all(one["data"]["timestamp"] * 1000 >= to_ms for one in heard)
    with replayed(to_ms) as other:
        *_, expected, _ = await other.heard("replay_end")
    assert price == expected


def checked(monkeypatch: pytest.MonkeyPatch, scenario: Callable[[HeldPool], Awaitable[None]]) -> None:
    async def run() -> None:
        pool = HeldPool()
        monkeypatch.setattr(pools, "past_bars", pool)
        await scenario(pool)

    asyncio.run(run())


@pytest.mark.parametrize(("first_ms", "to_ms"), [(LATE_MS, EARLY_MS), (EARLY_MS, LATE_MS)])
def test_a_second_seek_while_the_days_of_the_first_are_read(
    monkeypatch: pytest.MonkeyPatch, first_ms: int, to_ms: int
) -> None:
    async def scenario(pool: HeldPool) -> None:
        with replayed(END_MS - 1000) as replay:
            await replay.heard("replay_end")
            replay.say("seek", time_ms=first_ms)
            await pool.hold()
            replay.say("seek", time_ms=to_ms)
            pool.open.set()
            await check_moved(replay, to_ms)

    checked(monkeypatch, scenario)


@pytest.mark.parametrize(("from_ms", "to_ms"), [(LATE_MS, EARLY_MS), (EARLY_MS, LATE_MS)])
def test_a_seek_while_a_page_is_read(monkeypatch: pytest.MonkeyPatch, from_ms: int, to_ms: int) -> None:
    async def scenario(pool: HeldPool) -> None:
        with replayed(from_ms, speed=0.001) as replay:
            await pool.hold()  # the day
            pool.open.set()
            await pool.hold()  # a page
            replay.say("seek", time_ms=to_ms)
            pool.open.set()
            await replay.heard("market_data")
            replay.say("play", speed=0)
            await check_moved(replay, to_ms)
            times = [
                one["data"]["timestamp"] * 1000 for one in await replay.heard("replay_end") if one["type"] == "replay"
            ]
            assert to_ms <= times[1] <= to_ms + 2000

    checked(monkeypatch, scenario)
