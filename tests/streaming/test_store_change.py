"""A market whose store is another one: who has part of the old one is told, and gets the new one from its beginning."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from streaming.history_moments import recorded_lines
from streaming.http.incremental import Page
from streaming.options import Options, StreamRequest
from streaming.protocol import LARGEST_T
from streaming.relay.relay import Relay
from streaming.session import follow
from tests.processes import PATIENCE_SECONDS
from tests.streaming.tape import Socket, Tape, frames, moment, text, ticks

OLD, NEW, OTHER = "a" * 32, "b" * 32, "c" * 32
TICKS = Options(types=frozenset(["tick"]))
TENS = Options(types=frozenset(["tick"]), batch=10)


class Market:
    """A relay of a market whose store holds `tape`, and its clients; `anew` puts another store in its place."""

    def __init__(self, store_id: str | None, *ts: int) -> None:
        self.tape = Tape(*ticks(*ts))
        self.tape.on_disk = store_id
        self.relay = Relay(self.tape, 1000, 1 << 20, 0.0)  # type: ignore[arg-type]
        self.relay.filling.end()
        self._tasks: list[asyncio.Task[None]] = []

    def tell(self, t: int | None, store_id: str | None) -> None:
        """A message of the group."""
        tick = None if t is None else moment(t).tick
        status = {"running": True} | ({} if store_id is None else {"store": store_id})
        message = {"type": "moment", "t": t, "tick": tick, "metric": None, "frame": None, "status": status}
        self.relay.take(message)

    def anew(self, store_id: str, *ts: int) -> None:
        """Another store lies there, with these ticks."""
        self.tape.kept[:] = ticks(*ts)
        self.tape.on_disk = self.relay.history.on_disk = store_id  # type: ignore[attr-defined]

    async def client(self, since: int | None = None, store: str | None = None, options: Options = TICKS) -> Socket:
        feed = self.relay.feeds.of(options)
        socket = Socket(feed)
        work = follow(socket.client, self.relay, feed, StreamRequest(None, since, options, store))
        self._tasks.append(asyncio.create_task(work))
        await joined(self, socket)
        return socket


async def joined(market: Market, *sockets: Socket) -> None:
    """Wait until these get what is live."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not all(socket.client in market.relay.feeds.clients() for socket in sockets):
            await asyncio.sleep(0.001)


async def heard(socket: Socket, what: Any) -> list[Any]:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while what not in socket.heard:
            await asyncio.sleep(0.001)
    return await socket.settled()


@pytest.fixture(autouse=True)
def _hasty(hasty: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streaming.resume._MOST_WAIT_SECONDS", 0.0)


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(test())  # type: ignore[arg-type]


def gap(from_t: int, to_t: int, kind: str = "tick") -> str:
    return f"gap {kind} {from_t}-{to_t} store_changed"


def test_live_clients_are_told_and_get_the_new_store_from_its_beginning() -> None:
    async def test() -> None:
        market = Market(OLD)
        market.relay.ring.append(moment(200))
        live, resumed = await market.client(), await market.client(199, OLD)
        market.tell(201, OLD)
        market.anew(NEW, *range(5))
        market.tell(5, NEW)
        await joined(market, live, resumed)
        market.tell(6, NEW)
        assert await heard(live, 6) == [200, 201, gap(202, 202), *range(6), "caught_up 5", 6]
        assert await heard(resumed, 6) == [200, "caught_up 200", 201, gap(202, 202), *range(6), "caught_up 5", 6]
        assert market.relay.store_id == NEW

    run(test)


def test_every_kind_is_told_and_arrays_begin_anew() -> None:
    async def test() -> None:
        market = Market(OLD)
        market.relay.ring.append(moment(200))
        every, arrays = await market.client(options=Options()), await market.client(options=TENS)
        for t in (201, 202):
            market.tell(t, OLD)
        market.anew(NEW)
        market.tell(0, NEW)
        await joined(market, every, arrays)
        for t in range(1, 11):
            market.tell(t, NEW)
        told = [gap(203, 203, kind) for kind in ("frame", "metric", "tick")]
        assert await heard(every, 10) == [200, 201, 202, *told, 0, "caught_up 0", *range(1, 11)]
        assert await heard(arrays, list(range(1, 10))) == [
            [200],
            [201, 202],
            gap(203, 203),
            [0],
            "caught_up 0",
            list(range(1, 10)),
        ]

    run(test)


def test_who_comes_with_another_id_is_told_and_begins_anew() -> None:
    async def test() -> None:
        market = Market(NEW, *range(10))
        for t in range(10):
            market.tell(t, NEW)
        right = await market.client(6, NEW)
        wrong = await market.client(6, OLD)
        ahead = await market.client(500, OLD)
        last = await market.client(LARGEST_T, OLD)
        none = await market.client(6)
        assert await right.settled() == [7, 8, 9, "caught_up 9"]
        assert await wrong.settled() == [gap(7, 7), *range(10), "caught_up 9"]
        assert await ahead.settled() == [gap(501, 501), *range(10), "caught_up 9"]
        assert await last.settled() == [gap(LARGEST_T, LARGEST_T), *range(10), "caught_up 9"]
        assert await none.settled() == [7, 8, 9, "caught_up 9"]

    run(test)


def test_the_gap_reaches_to_the_end_of_the_old_recording_where_that_is_known() -> None:
    async def test() -> None:
        market = Market(OLD)
        market.relay.ring.append(moment(300))
        market.anew(NEW)
        market.tell(0, NEW)
        late = await market.client(200, OLD)
        assert await late.settled() == [gap(201, 300), 0, "caught_up 0"]
        further = await market.client(400, OLD)
        assert await further.settled() == [gap(401, 401), 0, "caught_up 0"]

    run(test)


def test_who_waits_for_a_market_that_has_no_store_yet_is_told_when_it_has_another() -> None:
    async def test() -> None:
        market = Market(None)
        known, unknown = await market.client(200, OLD), await market.client(200)
        market.anew(NEW)
        market.tell(400, NEW)
        await joined(market, known)
        market.tell(401, NEW)
        begun = [gap(201, 201), "gap tick 0-399 lost", 400, "caught_up 400"]
        assert await heard(known, 401) == ["caught_up -1", *begun, 401]
        assert await heard(unknown, 401) == ["caught_up -1", "gap tick 201-399 expired", 400, 401]

    run(test)


def test_a_store_of_the_version_before_that_gets_an_id_is_no_other() -> None:
    async def test() -> None:
        market = Market(None)
        for t in range(3):
            market.tell(t, None)
        client = await market.client(0)
        market.tape.on_disk = market.relay.history.on_disk = OLD  # type: ignore[attr-defined]
        market.tell(3, OLD)
        assert await heard(client, 3) == [1, 2, "caught_up 2", 3]
        assert market.relay.store_id == OLD

    run(test)


def test_a_message_of_the_old_store_that_comes_late_is_dropped() -> None:
    async def test() -> None:
        market = Market(OLD)
        market.relay.ring.append(moment(200))
        market.anew(NEW)
        market.tell(0, NEW)
        await market.relay.ready()
        status = market.relay.status
        market.tell(201, OLD)
        assert market.relay.ring.last_t == 0
        assert market.relay.status is status

    run(test)


def test_while_nothing_is_heard_the_disk_tells() -> None:
    async def test() -> None:
        market = Market(OLD)
        market.relay.ring.append(moment(200))
        client = await market.client(199, OLD)
        market.anew(NEW, *range(3))
        market.relay.beat()
        assert await heard(client, "caught_up 2") == [
            200,
            "caught_up 200",
            gap(201, 201),
            *range(3),
            "caught_up 2",
        ]

    run(test)


def test_a_look_at_the_disk_that_ends_late_leads_back_to_no_former_store() -> None:
    looked, may_tell = threading.Event(), threading.Event()

    def known_id() -> str:
        looked.set()
        assert may_tell.wait(PATIENCE_SECONDS)
        return OLD

    async def test() -> None:
        market = Market(OLD)
        market.relay.ring.append(moment(200))
        market.relay.history.known_id = known_id  # type: ignore[method-assign]
        market.relay.beat()
        assert await asyncio.to_thread(looked.wait, PATIENCE_SECONDS)
        market.anew(NEW)
        market.tell(0, NEW)
        may_tell.set()
        assert market.relay._looker is not None
        await market.relay._looker
        assert market.relay.store_id == NEW

    run(test)


def test_a_store_that_changes_while_a_client_reads_its_tape_is_told_before_anything_of_the_new_one() -> None:
    async def test() -> None:
        market = Market(OLD, *range(100))
        for t in range(90, 100):
            market.relay.ring.append(moment(t))
        market.anew(NEW, *range(300))  # and this process has not heard of it yet
        client = await market.client(50, OLD)
        assert await heard(client, "caught_up 299") == [gap(51, 99), *range(300), "caught_up 299"]
        newcomer = await market.client(250)
        assert await newcomer.settled() == [*range(251, 300), "caught_up 299"]

    run(test)


def test_a_slow_client_gets_the_old_store_first() -> None:
    async def test() -> None:
        market = Market(OLD)
        market.relay.ring.append(moment(200))
        client = await market.client(200, OLD)
        client.open.clear()
        for t in range(201, 206):
            market.tell(t, OLD)
        market.anew(NEW, *range(3))
        market.tell(3, NEW)
        await market.relay.ready()
        client.open.set()
        assert await heard(client, "caught_up 3") == [
            "caught_up 200",
            *range(201, 206),
            gap(206, 206),
            *range(4),
            "caught_up 3",
        ]

    run(test)


def test_a_store_that_changes_again_while_a_slow_client_gets_the_old_one_is_told_too() -> None:
    async def test() -> None:
        market = Market(OLD)
        market.relay.ring.append(moment(200))
        client = await market.client(200, OLD)
        client.open.clear()
        market.tell(201, OLD)
        for store_id, ts in ((NEW, range(3)), (OTHER, range(5))):
            market.anew(store_id, *ts)
            market.tell(len(ts), store_id)
            await market.relay.ready()
        client.open.set()
        told = ["caught_up 200", 201, gap(202, 202), gap(0, 3)]
        assert await heard(client, "caught_up 5") == [*told, *range(6), "caught_up 5"]
        assert client.stores == [OLD, NEW, OTHER, OTHER]

    run(test)


def test_a_page_is_of_one_store() -> None:
    async def test() -> None:
        market = Market(OLD, *range(100))

        async def page(*asked: Any) -> Any:
            return json.loads(await Page(market.relay, *asked).begin())

        for t in range(90, 100):
            market.relay.ring.append(moment(t))
        same = await page(95, 10, OLD)
        assert (same["store"], same.get("gap"), same["count"]) == (OLD, None, 4)
        market.anew(NEW, *range(300))
        other = await page(50, 10, OLD)
        assert (other["store"], other["gap"]) == (NEW, {"from_t": 51, "to_t": 99, "reason": "store_changed"})
        assert other["data"] == [{"type": "tick", "t": t} for t in range(10)]
        assert other["latest_t"] == 299
        last = await page(LARGEST_T, 1, OLD)
        assert last["gap"] == {"from_t": LARGEST_T, "to_t": LARGEST_T, "reason": "store_changed"}
        none = await page(50, 1)
        assert (none.get("gap"), none["data"]) == (None, [{"type": "tick", "t": 51}])

    run(test)


def test_lines_are_of_one_store() -> None:
    tape = Tape(*ticks(*range(10)), *frames(5))
    tape.on_disk = OLD
    history: Any = tape.of_store(OLD)
    told = b'{"type":"gap","kind":"ticks","from_t":3,"to_t":3,"reason":"store_changed","store":"%s"}'
    assert list(recorded_lines(history, "ticks", 3, 4, OLD)) == [text("tick", 3), text("tick", 4)]
    assert list(recorded_lines(history, "ticks", 3, 3, OTHER)) == [told % OLD.encode(), text("tick", 3)]
    history.on_disk = NEW
    assert list(recorded_lines(history, "ticks", 3, 4, OLD)) == [told % NEW.encode()]
