"""Pools: one kind of work waits behind no other, and what would wait for too long is refused."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from contextlib import ExitStack

import pytest

from runtime.pools import Busy, Pool, RequestThreads, TooManyAway, away
from runtime.waiting_line import FEW, client


def with_held_pool(test: Callable[[Pool, threading.Event], Awaitable[None]], most_waiting: int = 2) -> None:
    """Run a test on a pool whose only thread is at work until the event is set."""

    async def run() -> None:
        pool, gate = Pool("slow work", most_waiting=most_waiting), threading.Event()
        pool.start(1)
        ownership = asyncio.ensure_future(pool.run(gate.wait))
        await asyncio.sleep(0)
        try:
            await test(pool, gate)
        finally:
            gate.set()
            await ownership

    asyncio.run(run())


def test_what_would_wait_behind_too_many_is_refused_and_what_has_begun_goes_on() -> None:
    async def test(pool: Pool, gate: threading.Event) -> None:
        waiting = [asyncio.ensure_future(pool.run(int, n)) for n in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Busy, match="2 requests wait for slow work; come again in 2 s"):
            await pool.run(int)
        going_on = asyncio.ensure_future(pool.go_on(int, 7))
        await asyncio.sleep(0)
        gate.set()
        assert await asyncio.gather(*waiting, going_on) == [0, 1, 7]
        while True:  # what is done makes room with the next turn of the loop
            try:
                assert await pool.run(int, 8) == 8
                return
            except Busy:
                await asyncio.sleep(0)

    with_held_pool(test)


def test_one_client_that_fills_a_pool_keeps_out_no_other() -> None:
    async def test(pool: Pool, gate: threading.Event) -> None:
        waiting = [*await begun(pool, "one", 5), *await begun(pool, "another", FEW), *await begun(pool, "a third", 2)]
        for one in ("one", "another", "a third", None):
            client.set(one)
            with pytest.raises(Busy):
                await pool.run(int)
        gate.set()
        assert await asyncio.gather(*waiting) == [0] * 11

    with_held_pool(test, most_waiting=5)


def test_what_goes_on_takes_nothing_of_what_a_full_pool_takes_in() -> None:
    async def test(pool: Pool, gate: threading.Event) -> None:
        going_on = [asyncio.ensure_future(pool.go_on(int)) for _ in range(20)]
        await asyncio.sleep(0)
        with pytest.raises(Busy):
            await pool.run(int)
        waiting = await begun(pool, "one", FEW)
        gate.set()
        assert await asyncio.gather(*going_on, *waiting) == [0] * 24

    with_held_pool(test, most_waiting=5)


def test_clients_take_turns() -> None:
    async def test(pool: Pool, gate: threading.Event) -> None:
        done: list[tuple[str, int]] = []
        waiting = []
        for one, count in (("many", 4), ("few", 2), ("one", 1)):
            client.set(one)
            waiting += [asyncio.ensure_future(pool.go_on(done.append, (one, n))) for n in range(count)]
            await asyncio.sleep(0)
        waiting[0].cancel()
        await asyncio.wait(waiting[:1])
        gate.set()
        await asyncio.wait(waiting)
        assert done == [("few", 0), ("one", 0), ("many", 1), ("few", 1), ("many", 2), ("many", 3)]
        assert pool.taken == 0

    with_held_pool(test)


def test_an_error_reaches_who_asked_for_the_work() -> None:
    async def test(pool: Pool, gate: threading.Event) -> None:
        gate.set()
        with pytest.raises(ZeroDivisionError):
            await pool.run(divmod, 1, 0)
        assert await pool.run(int, 7) == 7

    with_held_pool(test)


async def begun(pool: Pool, one: str, count: int) -> list[asyncio.Future[int]]:
    """So many pieces of work of a client, each of which waits in the pool."""
    client.set(one)
    waiting: list[asyncio.Future[int]] = [asyncio.ensure_future(pool.run(int)) for _ in range(count)]
    await asyncio.sleep(0)
    return waiting


def test_who_leaves_gives_up_the_place_in_the_queue() -> None:
    async def test(pool: Pool, gate: threading.Event) -> None:
        for _ in range(10):
            waiting = [asyncio.ensure_future(pool.run(int)) for _ in range(2)]
            await asyncio.sleep(0)
            for one in waiting:
                one.cancel()
            await asyncio.wait(waiting)
            await asyncio.sleep(0)
        assert all(one.cancelled() for one in waiting)

    with_held_pool(test)


def test_one_pool_does_not_wait_for_another() -> None:
    async def test(pool: Pool, gate: threading.Event) -> None:
        assert await Pool("other work").run(int, 3) == 3

    with_held_pool(test)


def test_threads_run_before_there_is_work() -> None:
    pool = Pool("early")
    pool.start(3)
    assert threads_of(pool) == 3
    asyncio.run(pool.run(int))
    assert threads_of(pool) == 3


def threads_of(pool: Pool) -> int:
    return sum(thread.name.startswith(pool.name) for thread in threading.enumerate())


def test_requests_share_single_threads_evenly_up_to_a_limit() -> None:
    hands = RequestThreads("steps", most_waiting=2)
    hands.start(2)
    with hands.hand() as first, hands.hand() as second:
        assert first is not second
        with hands.hand(), hands.hand(), pytest.raises(Busy), hands.hand():
            pass
        with hands.hand() as third:
            assert third in (first, second)


def test_one_client_that_takes_all_single_threads_keeps_out_no_other() -> None:
    hands = RequestThreads("steps", most_waiting=2 * FEW)
    with ExitStack() as held:
        client.set("one")
        for _ in range(1 + 2 * FEW):
            held.enter_context(hands.hand())
        with pytest.raises(Busy), hands.hand():
            pass
        client.set("another")
        with hands.hand():
            assert hands.taken == 2 + 2 * FEW
    assert hands.taken == 0


def test_clients_take_turns_on_a_single_thread() -> None:
    async def run() -> None:
        hands, gate, done = RequestThreads("steps"), threading.Event(), list[str]()
        hands.start(1)
        with hands.hand() as thread:
            held = thread.submit(gate.wait)
            steps = []
            for one in ("many", "many", "many", "one"):
                client.set(one)
                steps.append(asyncio.get_running_loop().run_in_executor(thread, done.append, one))
            gate.set()
            await asyncio.gather(*steps)
            assert held.result()
        assert done == ["many", "one", "many", "many"]

    asyncio.run(run())


def test_work_that_waits_remotely_takes_no_place_from_other_work() -> None:
    async def run() -> None:
        pool, gate, left = Pool("slow work", waits_remotely=True), threading.Event(), threading.Semaphore(0)
        pool.start(1, away=2)

        def wait_remotely() -> str:
            with away():
                left.release()
                gate.wait()
            return "answered"

        remote = [asyncio.ensure_future(pool.run(wait_remotely)) for _ in range(2)]
        await asyncio.to_thread(left.acquire)
        await asyncio.to_thread(left.acquire)
        assert await pool.run(int, 7) == 7
        with pytest.raises(TooManyAway, match="2 reads wait for it already"):
            await pool.run(wait_remotely)
        assert await pool.run(int, 8) == 8
        gate.set()
        assert await asyncio.gather(*remote) == ["answered"] * 2
        assert await pool.run(wait_remotely) == "answered"

    asyncio.run(run())
