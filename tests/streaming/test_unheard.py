"""The last moments before a silence: a relay that did not hear them finds them in the recording, and seldom looks."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from types import SimpleNamespace

import pytest

from streaming.options import Options
from streaming.protocol import Moment
from streaming.relay.relay import Relay
from streaming.relay.unheard import LookTimes
from streaming.resume import Resume
from tests.processes import PATIENCE_SECONDS
from tests.streaming.running import status
from tests.streaming.tape import Socket, Tape, text, ticks

TICKS = Options(types=frozenset(["tick"]))
NEW = "b" * 32


class SlowTape(Tape):
    """Tells its newest t when it is let."""

    def __init__(self, *ts: int) -> None:
        super().__init__(*ticks(*ts))
        self.asked = 0
        self.may_tell = threading.Event()
        self.may_tell.set()

    def last_t(self, kind: str = "ticks") -> int | None:
        self.asked += 1
        assert self.may_tell.wait(PATIENCE_SECONDS)
        return super().last_t(kind)


@pytest.fixture(autouse=True)
def _impatient(hasty: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streaming.relay.unheard._UNHEARD_SECONDS", 0.0)


def with_relay(tape: Tape, test: Callable[[Relay], Awaitable[None]]) -> None:
    async def run() -> None:
        relay = Relay(tape, 1000, 1 << 20, 0.0)  # type: ignore[arg-type]
        await asyncio.create_task(relay.filling.fill(at_rest=True))
        await test(relay)

    asyncio.run(run())


def hear(relay: Relay, *ts: int | None) -> None:
    for t in ts:
        tick = None if t is None else text("tick", t)
        told = {"t": t, "tick": tick, "metric": None, "frame": None, "status": status(segment=None)}
        relay.take({"type": "moment", **told})


async def resumed(relay: Relay, since: int) -> Socket:
    feed = relay.feeds.of(TICKS)
    socket = Socket(feed)
    await Resume(socket.client, relay, feed, since).run()
    return socket


async def beat_until(relay: Relay, what: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not what():
            relay.beat()
            await asyncio.sleep(0.001)


def test_what_was_recorded_last_reaches_all_clients_though_nothing_was_heard_of_it() -> None:
    """What is heard of a market that is quiet, or has ended, has no t."""

    async def test(relay: Relay) -> None:
        live = await resumed(relay, 1)
        tape.kept += ticks(3, 4, 5, 6)
        hear(relay, 3, None)
        await beat_until(relay, lambda: relay.ring.last_t == 6 and relay.filling.at_rest)
        late = await resumed(relay, 2)
        hear(relay, 5, 6, 7)  # what was only late is known
        assert await live.settled() == [2, "caught_up 2", 3, 4, 5, 6, 7]
        assert await late.settled() == [3, 4, 5, 6, "caught_up 6", 7]

    tape = Tape(*ticks(0, 1, 2))
    with_relay(tape, test)


def test_what_comes_late_is_no_market_that_makes_its_ticks_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(relay: Relay) -> None:
        tape.kept += ticks(3, 4)
        await beat_until(relay, lambda: relay.ring.last_t == 4 and relay.filling.at_rest)
        hear(relay, 3, 4)
        for _ in range(3):
            now[0] += 9.0
            hear(relay, None)  # it is quiet
        well, body = await relay.health()
        assert well, body

    now = [time.monotonic()]
    monkeypatch.setattr("streaming.relay.relay.time", SimpleNamespace(monotonic=lambda: now[0]))
    tape = Tape(*ticks(0, 1, 2))
    with_relay(tape, test)


def test_moments_do_not_wait_for_a_look_and_what_is_heard_by_its_end_is_not_read() -> None:
    async def test(relay: Relay) -> None:
        live = await resumed(relay, 2)
        asked, reads = tape.asked, tape.reads
        tape.may_tell.clear()
        await beat_until(relay, lambda: tape.asked > asked)
        tape.kept += ticks(3, 4)
        hear(relay, 3, 4)
        assert await live.settled() == ["caught_up 2", 3, 4]
        tape.may_tell.set()
        await beat_until(relay, lambda: tape.asked > asked + 1)
        assert (relay.ring.last_t, tape.reads) == (4, reads)

    tape = SlowTape(0, 1, 2)
    with_relay(tape, test)


def test_a_recording_of_which_nothing_was_heard_at_all_is_found() -> None:
    async def test(relay: Relay) -> None:
        live = await resumed(relay, -1)
        tape.kept += ticks(0, 1)
        await beat_until(relay, lambda: relay.ring.last_t == 1)
        assert await live.settled() == ["caught_up -1", 0, 1]

    tape = Tape()
    with_relay(tape, test)


def test_a_look_at_another_recording_begins_anew() -> None:
    async def test(relay: Relay) -> None:
        relay.enter("a" * 32)
        tape.kept[:] = ticks(0)
        tape.on_disk = relay.history.on_disk = NEW  # type: ignore[attr-defined]
        relay.status, relay.heard_at = status(), float("inf")  # heard all the time, without a moment
        await beat_until(relay, lambda: relay.store_id == NEW and relay.ring.last_t == 0)

    tape = Tape(*ticks(0, 1, 2))
    with_relay(tape, test)


def test_a_recording_that_cannot_be_read_is_looked_at_again(caplog: pytest.LogCaptureFixture) -> None:
    class Away(Tape):
        fails = 0

        def last_t(self, kind: str = "ticks") -> int | None:
            self.fails -= 1
            if self.fails >= 0:
                raise OSError("the store is away")
            return super().last_t(kind)

    async def test(relay: Relay) -> None:
        tape.fails = 2
        tape.kept += ticks(3)
        await beat_until(relay, lambda: relay.ring.last_t == 3)
        assert caplog.text.count("the store is away") == 2

    tape = Away(*ticks(0, 1, 2))
    with_relay(tape, test)


def test_rare_ticks_cost_few_looks_and_frequent_ones_none() -> None:
    def looks(tick_seconds: int, seconds: int = 3600) -> list[int]:
        times = LookTimes(4.5)
        return [now for now in range(seconds) if times.is_due(now // tick_seconds, float(now))]

    assert looks(3) == looks(5) == []
    assert len(looks(60)) <= 4 * 60
    of_one_that_ended = looks(10**6)
    assert len(of_one_that_ended) <= 65
    pauses = [after - before for before, after in zip([0, *of_one_that_ended], of_one_that_ended, strict=False)]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (5, 60)
    longer = LookTimes(100.0)
    assert [now for now in range(400) if longer.is_due(7, float(now))] == [100, 200, 300]


def test_known_moments_are_dropped_where_they_lie() -> None:
    """A message that arrives while the end is read is one of those that are read, and comes once."""

    async def test(relay: Relay) -> None:
        live = await resumed(relay, 2)
        tape.kept += ticks(*range(3, 50))
        relay.filling.read_end(49)
        for t in (3, 30, 50):
            relay.pass_on(Moment(t, text("tick", t)))
        await beat_until(relay, lambda: relay.ring.last_t == 50)
        assert await live.settled() == ["caught_up 2", *range(3, 51)]

    tape = Tape(*ticks(0, 1, 2))
    with_relay(tape, test)
