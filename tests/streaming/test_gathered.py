"""Messages that are gathered into arrays when the market gets another store: they are sent, or told as missing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from streaming.options import StreamRequest
from streaming.relay.relay import Relay
from streaming.session import follow
from tests.streaming.past.test_session import Watch, live, timed, with_market
from tests.streaming.tape import Socket, Tape, moment
from tests.streaming.test_store_change import NEW, OLD, TENS, Market, gap, heard, run

ARRAYS = [[*range(t, t + 10)] for t in range(0, 1000, 10)]
BEGUN_ANEW = [[0, 1], "caught_up 1"]


@pytest.fixture(autouse=True)
def _hasty(hasty: None) -> None: ...


def begin_anew(tape: Tape, relay: Relay) -> None:
    """Another store, of two ticks, takes the place of the market's."""
    tape.kept[:] = timed(0, 1)
    tape.on_disk = relay.history.on_disk = NEW  # type: ignore[attr-defined]
    relay.enter(NEW)


def after_each_put(socket: Socket, do: Callable[[], None]) -> None:
    put = socket.client.put

    async def put_and_do(wire: bytes) -> None:
        await put(wire)
        do()

    socket.client.put = put_and_do  # type: ignore[method-assign]


def test_what_is_gathered_for_a_client_that_resumes_is_sent_before_the_new_store_is_told() -> None:
    async def test() -> None:
        market = Market(OLD, *range(1000))
        market.relay.ring.append(moment(999))
        feed = market.relay.feeds.of(TENS)
        socket = Socket(feed)
        after_each_put(socket, lambda: begin_anew(market.tape, market.relay))
        following = asyncio.create_task(follow(socket.client, market.relay, feed, StreamRequest(None, -1, TENS, OLD)))
        told = [[*range(250, 256)], gap(256, 999)]
        assert await heard(socket, "caught_up 1") == [*ARRAYS[:25], *told, *BEGUN_ANEW]
        following.cancel()

    run(test)


def with_past(test: Callable[[Tape, Relay, Watch], Any], ticks: int) -> None:
    tape = Tape(*timed(*range(ticks)))
    tape.on_disk = OLD
    with_market(tape, lambda relay, watch: test(tape, relay, watch), ticks - 1)


def test_what_is_gathered_for_a_replay_is_sent_before_another_store_is_told() -> None:
    async def test(tape: Tape, relay: Relay, watch: Watch) -> None:
        viewer = watch("0..", "0", TENS, store=OLD)
        after_each_put(viewer.socket, lambda: begin_anew(tape, relay))
        told = [[*range(250, 256)], gap(256, 999)]
        assert await viewer.until("caught_up 1") == [*ARRAYS[:25], *told, *BEGUN_ANEW]

    with_past(test, 1000)


def test_so_it_is_on_the_way_of_a_replay_into_the_present() -> None:
    async def test(tape: Tape, relay: Relay, watch: Watch) -> None:
        viewer = watch("0..", "0", TENS, store=OLD)

        def go_on() -> None:
            if relay.ring.last_t == 9:
                live(relay, *range(10, 1000))
            elif viewer.replay._live:
                begin_anew(tape, relay)

        after_each_put(viewer.socket, go_on)
        told = [[*range(260, 266)], gap(266, 999)]
        assert await viewer.until("caught_up 1") == [*ARRAYS[:26], *told, *BEGUN_ANEW]

    with_past(test, 10)


def test_what_a_seek_leaves_behind_is_told_with_another_store() -> None:
    """A replay tells that it goes on with what is gathered, and has sent nothing of it."""

    async def test(tape: Tape, relay: Relay, watch: Watch) -> None:
        viewer = watch("5..", "1", TENS, store=OLD)
        while len(viewer.replay._steps) != 4:
            await asyncio.sleep(0.001)
        viewer.replay.command('{"type":"pause"}')
        assert await viewer.until("replay 5") == ["replay 5"]
        begin_anew(tape, relay)
        viewer.replay.command('{"type":"seek","t":"2026-11-28T10:08:20Z"}')
        assert await viewer.until(gap(5, 9)) == [gap(5, 9)]

    with_past(test, 10)
