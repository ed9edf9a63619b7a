"""Resume: from any place in the past into the live stream, exactly once, in order, every loss told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from streaming.options import Options
from streaming.relay.relay import Relay
from streaming.resume import Resume
from tests.streaming.tape import Socket, Tape, frames, loss, moment, ticks

TICKS = Options(types=frozenset(["tick"]))
TENS = Options(types=frozenset(["tick"]), batch=10)


def with_relay(tape: Tape, test: Callable[[Relay], Awaitable[None]], *, ring_ticks: int = 1000) -> None:
    async def run() -> None:
        relay = Relay(tape, ring_ticks, 1 << 20, 0.0)  # type: ignore[arg-type]
        relay.filling.end()
        await test(relay)

    asyncio.run(run())


async def resumed(relay: Relay, since: int, options: Options = TICKS) -> Socket:
    feed = relay.feeds.of(options)
    socket = Socket(feed)
    await Resume(socket.client, relay, feed, since).run()
    return socket


def pass_on(relay: Relay, *ts: int) -> None:
    for t in ts:
        if relay.ring:
            relay.pass_on(moment(t))
        else:
            relay.ring.append(moment(t))


def test_tape_then_ring_then_live() -> None:
    async def test(relay: Relay) -> None:
        pass_on(relay, *range(100))
        socket = await resumed(relay, 40)
        pass_on(relay, 100, 101)
        assert await socket.settled() == [*range(41, 100), "caught_up 99", 100, 101]

    with_relay(Tape(*ticks(*range(100))), test, ring_ticks=20)


def test_who_is_ahead_of_a_market_that_has_not_begun_is_told_so_and_gets_only_what_is_later() -> None:
    async def test(relay: Relay) -> None:
        socket = await resumed(relay, 3)
        pass_on(relay, *range(6))
        assert await socket.settled() == ["caught_up -1", 4, 5]

    with_relay(Tape(), test)


def test_the_feed_stays_while_somebody_catches_up_for_it() -> None:
    async def test(relay: Relay) -> None:
        live, feed = await resumed(relay, -1), relay.feeds.of(TICKS)
        late = Socket(feed)
        relay.leave(live.client, feed)
        await Resume(late.client, relay, feed, -1).run()
        relay.pass_on(moment(0))
        relay.pass_on(moment(1))
        assert await late.settled() == ["caught_up -1", 0, 1]
        relay.leave(late.client, feed)
        assert relay.feeds == {}

    with_relay(Tape(), test)


def test_a_hole_in_memory_is_told_to_who_comes_later() -> None:
    async def test(relay: Relay) -> None:
        pass_on(relay, 0, 1, 2)
        relay.filling.catch_up(moment(7))
        pass_on(relay, 8)
        socket = await resumed(relay, 0)
        assert await socket.settled() == [1, 2, "gap tick 3-6 lost", 7, 8, "caught_up 8"]
        behind = await resumed(relay, 4)
        assert await behind.settled() == ["gap tick 5-6 lost", 7, 8, "caught_up 8"]
        batched = await resumed(relay, 0, TENS)
        assert await batched.settled() == [[1, 2], "gap tick 3-6 lost", [7, 8], "caught_up 8"]
        of_frames = await resumed(relay, 0, Options(types=frozenset(["frame"])))
        assert await of_frames.settled() == ["gap frame 3-6 lost", "caught_up 8"]

    with_relay(Tape(), test)


def test_what_the_tape_lacks_before_memory_begins_is_told() -> None:
    async def test(relay: Relay) -> None:
        pass_on(relay, *range(100, 200))
        socket = await resumed(relay, 40)
        heard = await socket.settled()
        assert heard == [*range(41, 50), "gap tick 50-99 expired", *range(100, 200), "caught_up 199"]

    with_relay(Tape(*ticks(*range(50), *range(100, 190))), test)


def test_a_loss_that_the_tape_tells_is_told_once() -> None:
    async def test(relay: Relay) -> None:
        pass_on(relay, *range(100, 200))
        socket = await resumed(relay, 40)
        heard = await socket.settled()
        assert heard == [*range(41, 50), "gap tick 50-99 lost", *range(100, 200), "caught_up 199"]

    tape = Tape(*ticks(*range(50)), loss("ticks", 50, 99, "lost"), *ticks(*range(100, 190)))
    with_relay(tape, test)


def test_a_ping_while_it_catches_up_brings_a_pong_and_nothing_of_the_others() -> None:
    async def test(relay: Relay) -> None:
        feed = relay.feeds.of(TENS)
        other, socket = Socket(feed), Socket(feed)
        relay.subscribe(other.client, feed)
        pass_on(relay, *range(95))
        feed.tell(socket.client, "pong")
        await Resume(socket.client, relay, feed, 80).run()
        pass_on(relay, *range(95, 101))
        heard = await socket.settled()
        assert heard == [
            "pong",
            [*range(81, 90)],
            [*range(90, 95)],
            "caught_up 94",
            [*range(95, 100)],
        ]

    with_relay(Tape(*ticks(*range(95))), test)


def test_a_client_ahead_of_its_market_gets_nothing_twice_in_arrays_either() -> None:
    async def test(relay: Relay) -> None:
        pass_on(relay, *range(5))
        socket = await resumed(relay, 25, TENS)
        pass_on(relay, *range(5, 41))
        assert await socket.settled() == ["caught_up 4", [26, 27, 28, 29], [*range(30, 40)]]

    with_relay(Tape(), test)


def test_a_loss_stands_behind_what_waits_already() -> None:
    async def test(relay: Relay) -> None:
        socket = await resumed(relay, -1)
        socket.open.clear()
        for t in (0, 1, 2):
            relay.pass_on(moment(t))
        relay.filling.catch_up(moment(7))
        socket.open.set()
        assert await socket.settled() == ["caught_up -1", 0, 1, 2, "gap tick 3-6 lost", 7]

    with_relay(Tape(), test)


def test_the_first_fill_leaves_what_is_on_its_way_to_the_stream() -> None:
    """Tapes are flushed each for itself: of t=10 the tick is on disk and the frame is not."""

    async def run() -> None:
        relay = Relay(Tape(*frames(0), *ticks(*range(13))), 1000, 1 << 20, 0.0)  # type: ignore[arg-type]
        for t in range(9, 14):
            relay.pass_on(moment(t, frame=t == 10))
        await relay.filling.fill(at_rest=False)
        assert [one.t for one in relay.ring.after(-1, 100)] == [*range(14)]
        (tenth,) = relay.ring.after(9, 1)
        assert tenth.frame is not None

    asyncio.run(run())


def test_the_first_fill_takes_all_that_is_left_of_a_moment() -> None:
    async def run() -> None:
        tape = Tape(*ticks(4), *frames(5), loss("metrics", 5, 5, "damaged"), *ticks(5))
        relay = Relay(tape, 1000, 1 << 20, 0.0)  # type: ignore[arg-type]
        await relay.filling.fill(at_rest=True)
        assert relay.ring.after(4, 1) == [moment(5, frame=True)]

    asyncio.run(run())


def test_a_hole_is_looked_for_however_long_a_flush_takes(monkeypatch) -> None:
    monkeypatch.setattr("streaming.relay.filling._HOLE_SECONDS", 0.0)

    async def test(relay: Relay) -> None:
        relay.ring.append(moment(0))
        socket = await resumed(relay, 0)
        relay.pass_on(moment(5))
        while relay.ring.last_t != 5:
            await asyncio.sleep(0.001)
        assert await socket.settled() == ["caught_up 0", 1, 2, 3, 4, 5]

    with_relay(Tape(*ticks(*range(10))), test)


async def until(relay: Relay, t: int) -> None:
    while relay.ring.last_t != t:
        await asyncio.sleep(0.001)


def test_each_of_several_holes_is_closed_from_the_tape(hasty: None) -> None:
    async def test(relay: Relay) -> None:
        pass_on(relay, 0)
        socket = await resumed(relay, 0)
        for t in (1, 5, 6, 9, 10, 14):
            relay.pass_on(moment(t))
        await until(relay, 14)
        assert await socket.settled() == ["caught_up 0", *range(1, 15)]

    with_relay(Tape(*ticks(*range(30))), test)


def test_more_than_can_be_held_back_is_read_from_the_tape(hasty: None) -> None:
    async def test(relay: Relay) -> None:
        pass_on(relay, 0)
        socket = await resumed(relay, 0)
        for t in range(50, 100):
            relay.pass_on(moment(t))
        await until(relay, 99)
        assert await socket.settled() == ["caught_up 0", *range(1, 100)]

    with_relay(Tape(*ticks(*range(100))), test, ring_ticks=20)


def test_a_hole_of_memory_is_no_loss_where_the_tape_has_it() -> None:
    async def test(relay: Relay) -> None:
        pass_on(relay, 0, 1, 2)
        relay.filling.catch_up(moment(7))
        relay.history.kept += [*ticks(3), loss("ticks", 4, 4, "lost"), *frames(5), *ticks(5, 6, 7)]  # type: ignore[attr-defined]
        ticks_only = await resumed(relay, 0)
        assert await ticks_only.settled() == [1, 2, 3, "gap tick 4-4 lost", 5, 6, 7, "caught_up 7"]
        of_frames = await resumed(relay, 0, Options(types=frozenset(["frame"])))
        assert await of_frames.settled() == ["frame 5", "caught_up 7"]

    with_relay(Tape(*ticks(0, 1, 2)), test)


def test_what_was_recorded_while_nothing_was_heard_comes_first(hasty: None) -> None:
    async def test(relay: Relay) -> None:
        tape = relay.history
        early = await resumed(relay, -1)
        tape.kept += ticks(*range(50))  # type: ignore[attr-defined]
        late = await resumed(relay, 10)
        tape.kept += ticks(*range(50, 60))  # type: ignore[attr-defined]
        relay.pass_on(moment(60))
        await until(relay, 60)
        assert await early.settled() == ["caught_up -1", *range(61)]
        assert await late.settled() == [*range(11, 50), "caught_up 49", *range(50, 61)]

    with_relay(Tape(), test)


def test_a_market_that_is_heard_first_in_its_midst_is_read_from_its_beginning(hasty: None) -> None:
    async def test(relay: Relay) -> None:
        early = await resumed(relay, -1)
        relay.history.kept += ticks(*range(60))  # type: ignore[attr-defined]
        relay.pass_on(moment(60))
        await until(relay, 60)
        assert await early.settled() == ["caught_up -1", *range(61)]

    with_relay(Tape(), test, ring_ticks=20)
