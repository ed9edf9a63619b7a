"""A replay of one client: what it is sent, and how it obeys, with a recording in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from recorder.tape.history import Message
from streaming.fanout.stream_client import Outlet, StreamClient
from streaming.options import EVENTS, Options, StreamRequest
from streaming.past.request import parse_past
from streaming.past.session import Replay
from streaming.position import Position, parse_position
from streaming.protocol import KINDS, Moment
from streaming.relay.relay import Relay
from tests.processes import PATIENCE_SECONDS
from tests.streaming.events import EventParser
from tests.streaming.tape import Socket, Tape, frames, loss, ticks

TICKS = Options(types=frozenset(["tick"]))
TENS = Options(types=frozenset(["tick"]), batch=10)
#: The market time of t=0, and that of a tick: at speed 1 the end of a test's recording is days away.
BEGIN, STEP = 1_795_860_000.0, 100.0
OLD, NEW, OTHER = "a" * 32, "b" * 32, "c" * 32


def timed(*ts: int) -> list[Message]:
    """Ticks that each take STEP of market time."""
    return [Message("ticks", t, t, b'{"type":"tick","t":%d,"ts":%.1f}' % (t, BEGIN + STEP * t)) for t in ts]


class Viewer:
    """A client with a replay, and what it heard."""

    def __init__(self, relay: Relay, options: Options, replay: str, speed: str | None, store: str | None) -> None:
        feed = relay.feeds.of(options)
        self.socket = Socket(feed)
        request = StreamRequest(None, None, options, store, past=parse_past(replay, speed))
        self.replay = Replay(self.socket.client, relay, feed, request, has_commands=True)
        self.task = asyncio.create_task(self.replay.run())

    async def until(self, *last: Any) -> list[Any]:
        """What was heard up to these messages; forgotten then."""
        heard = self.socket.heard
        while not (len(heard) >= len(last) and heard[-len(last) :] == list(last)):
            assert not self.task.done(), (self.task.exception(), heard)
            await asyncio.sleep(0.001)
        found = list(heard)
        heard.clear()
        return found

    async def leave(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


Watch = Callable[..., Viewer]


def with_market(tape: Tape, test: Callable[[Relay, Watch], Awaitable[None]], *in_memory: int) -> None:
    """Run a test with a recording. At speed 1 the second message of a replay is due when that is over."""

    async def run() -> None:
        relay = Relay(tape, 1000, 1 << 20, 0.0)  # type: ignore[arg-type]
        relay.filling.end()
        for message in timed(*in_memory):
            relay.ring.append(Moment(message.first_t, message.text))
        viewers = list[Viewer]()

        def watch(replay: str, speed: str | None = "0", options: Options = TICKS, store: str | None = None) -> Viewer:
            viewers.append(Viewer(relay, options, replay, speed, store))
            return viewers[-1]

        await asyncio.wait_for(test(relay, watch), PATIENCE_SECONDS)
        for viewer in viewers:
            await viewer.leave()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("streaming.past.clock.MOST_PAUSE_SECONDS", STEP)
        asyncio.run(run())


def live(relay: Relay, *ts: int) -> None:
    for message in timed(*ts):
        relay.pass_on(Moment(message.first_t, message.text))


@pytest.mark.parametrize(
    ("options", "replay", "heard"),
    [
        (TICKS, "40..43", [40, 41, 42, 43, "replay_end 43"]),
        (TICKS, "97..103", [97, 98, 99, 100, 101, 102, 103, "replay_end 103"]),  # from the tape into memory
        (TICKS, "118..9999", [118, 119, "replay_end 119"]),  # no more than there is
        (TICKS, "300..400", ["replay_end 299"]),
        (TENS, "5..24", [[5, 6, 7, 8, 9], [*range(10, 20)], [*range(20, 25)], "replay_end 24"]),
        (Options(types=frozenset(["frame"])), "20..50", ["frame 33", "replay_end 50"]),
        (Options(types=frozenset(["tick", "frame"])), "32..34", [32, "frame 33", 33, 34, "replay_end 34"]),
        (Options(types=frozenset(["tick"]), every=10), "15..45", [20, 30, 40, "replay_end 45"]),
    ],
)
def test_a_part_is_sent_and_its_end_is_told(options: Options, replay: str, heard: list[Any]) -> None:
    async def test(relay: Relay, watch: Watch) -> None:
        assert await watch(replay, "0", options).until(heard[-1]) == heard

    tape = Tape(*sorted([*timed(*range(100)), *frames(33)], key=lambda one: (one.first_t, one.kind)))
    with_market(tape, test, *range(100, 120))


def test_a_replay_without_an_end_becomes_the_stream() -> None:
    async def test(relay: Relay, watch: Watch) -> None:
        viewer = watch("117..")
        assert await viewer.until("caught_up 119") == [117, 118, 119, "caught_up 119"]
        live(relay, 120, 121)
        assert await viewer.until(121) == [120, 121]
        ahead = watch("125..")
        assert await ahead.until("caught_up 121") == ["caught_up 121"]
        live(relay, *range(122, 127))
        assert await ahead.until(126) == [125, 126]

    with_market(Tape(*timed(*range(100))), test, *range(100, 120))


def test_what_is_missing_is_told_as_far_as_the_part_goes() -> None:
    async def test(relay: Relay, watch: Watch) -> None:
        assert await watch("0..12").until("replay_end 12") == [
            0,
            "gap tick 1-4 expired",
            5,
            "gap tick 6-12 lost",
            "replay_end 12",
        ]
        assert await watch("0..12", "0", TENS).until("replay_end 12") == [
            [0],
            "gap tick 1-4 expired",
            [5],
            "gap tick 6-12 lost",
            "replay_end 12",
        ]

    tape = Tape(*timed(0), loss("ticks", 1, 4), *timed(5), loss("ticks", 6, 20, "lost"), *timed(21))
    with_market(tape, test)


def test_a_replay_obeys_while_it_waits() -> None:
    """Each command acts before the second tick is due."""

    async def test(relay: Relay, watch: Watch) -> None:
        viewer = watch("3..8", "1")
        await viewer.until(3)
        viewer.replay.command('{"type":"pause"}')
        assert await viewer.until("replay 4") == ["replay 4"]
        viewer.replay.command('{"type":"seek","t":7}')
        assert await viewer.until("replay 7") == ["replay 7"]
        viewer.replay.command('{"type":"play","speed":0}')
        assert await viewer.until("replay_end 8") == ["replay 7", 7, 8, "replay_end 8"]
        viewer.replay.command('{"type":"seek","t":6}')
        assert await viewer.until("replay_end 8") == ["replay 6", 6, 7, 8, "replay_end 8"]

    with_market(Tape(*timed(*range(100))), test)


def test_after_a_seek_nothing_older_arrives_however_slow_the_client() -> None:
    async def test(relay: Relay, watch: Watch) -> None:
        viewer = watch("0..")
        viewer.socket.open.clear()
        await asyncio.sleep(0)
        viewer.replay.command('{"type":"seek","t":900}')
        viewer.replay.command('{"type":"play","speed":0}')
        viewer.socket.open.set()
        heard = await viewer.until("caught_up 999")
        at = heard.index("replay 900")
        assert heard[:at] == [*range(at)]
        assert heard[at:] == ["replay 900", "replay 900", *range(900, 1000), "caught_up 999"]

    with_market(Tape(*timed(*range(1000))), test, *range(990, 1000))


def test_the_present_is_left_and_joined_again() -> None:
    async def test(relay: Relay, watch: Watch) -> None:
        viewer = watch("8..")
        await viewer.until("caught_up 9")
        live(relay, 10)
        viewer.replay.command('{"type":"play","speed":0}')
        assert await viewer.until("replay 11") == [10, "replay 11"]
        viewer.replay.command('{"type":"pause"}')
        await viewer.until("replay 11")
        live(relay, 11, 12)
        viewer.replay.command('{"type":"play"}')
        assert await viewer.until("caught_up 12") == ["replay 11", 11, 12, "caught_up 12"]
        viewer.replay.command('{"type":"seek","t":11}')
        assert await viewer.until("caught_up 12") == ["replay 11", 11, 12, "caught_up 12"]
        live(relay, 13)
        await viewer.until(13)
        assert len(relay.feeds.clients()) == 1

    with_market(Tape(), test, *range(10))


def test_a_replay_in_the_present_rests_between_commands_and_leaves_no_task_behind() -> None:
    async def test(relay: Relay, watch: Watch) -> None:
        before = asyncio.all_tasks()
        viewer, turns = watch("8.."), list[None]()
        await viewer.until("caught_up 9")
        viewer.replay.command('{"type":"play","speed":0}')
        await viewer.until("replay 10")
        turn = viewer.replay._turn

        async def counted() -> None:
            turns.append(None)
            await turn()

        viewer.replay._turn = counted  # type: ignore[method-assign]
        for _ in range(100):
            await asyncio.sleep(0)
        assert len(turns) <= 1
        await viewer.leave()
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {*before, viewer.socket._pump}

    with_market(Tape(), test, *range(10))


@pytest.mark.parametrize(
    ("command", "heard"),
    [
        ('{"type":"seek","t":8}', [10, "replay 8", *range(8, 15), "caught_up 14"]),
        ('{"type":"pause"}', [*range(10, 15), "replay 15"]),
    ],
)
def test_a_seek_drops_what_waits_for_a_slow_client_and_a_pause_does_not(command: str, heard: list[Any]) -> None:
    async def test(relay: Relay, watch: Watch) -> None:
        viewer = watch("9..")
        await viewer.until("caught_up 9")
        viewer.socket.open.clear()
        live(relay, 10)
        while viewer.socket.client._outbox:  # 10 is on its way
            await asyncio.sleep(0)
        live(relay, *range(11, 15))
        viewer.replay.command(command)
        for _ in range(200):  # it is obeyed while the client takes nothing
            await asyncio.sleep(0)
        viewer.socket.open.set()
        assert await viewer.until(heard[-1]) == heard

    with_market(Tape(), test, *range(10))


@pytest.mark.parametrize(
    "text",
    [None, "x", "[]", '{"type":"stop"}', '{"type":"play","speed":-1}', '{"type":"seek"}', '{"type":"seek","t":"x"}'],
)
def test_a_wrong_command_is_answered_and_changes_nothing(text: str | None) -> None:
    async def test(relay: Relay, watch: Watch) -> None:
        viewer = watch("0..2", "1")
        await viewer.until(0)
        viewer.replay.command(text)
        assert await viewer.until("error") == ["error"]
        viewer.replay.command('{"type":"play","speed":0}')
        assert await viewer.until("replay_end 2") == ["replay 1", 1, 2, "replay_end 2"]

    with_market(Tape(*timed(*range(10))), test)


def test_a_paused_replay_sends_heartbeats() -> None:
    async def test(relay: Relay, watch: Watch) -> None:
        viewer = watch("0..")
        viewer.socket.client._heartbeat_seconds = 0.05
        await viewer.until("caught_up 999")
        viewer.replay.command('{"type":"seek","t":500}')
        viewer.replay.command('{"type":"pause"}')
        await viewer.until("heartbeat 499")
        viewer.replay.command('{"type":"play","speed":0}')
        heard = [one for one in await viewer.until("caught_up 999") if "heartbeat" not in str(one)]
        assert heard == ["replay 500", *range(500, 1000), "caught_up 999"]

    with_market(Tape(*timed(*range(1000))), test, 999)


@pytest.mark.parametrize("known", [OLD, None])
def test_a_market_begun_anew_is_told_and_goes_on_from_its_beginning(known: str | None) -> None:
    async def test(relay: Relay, watch: Watch) -> None:
        to_the_present, of_a_part = watch("2..", "1", store=known), watch("2..5", "1", store=known)
        await to_the_present.until(2)
        await of_a_part.until(2)
        tape.kept[:] = timed(0, 1)
        tape.on_disk = relay.history.on_disk = NEW  # type: ignore[attr-defined]
        relay.enter(NEW)
        for viewer in (to_the_present, of_a_part):
            viewer.replay.command('{"type":"seek","t":4}')
            viewer.replay.command('{"type":"play","speed":0}')
        heard = await to_the_present.until("caught_up 1")
        assert heard[-4:] == ["gap tick 4-9 store_changed", 0, 1, "caught_up 1"]
        assert (await of_a_part.until("replay_end 3"))[-2:] == ["gap tick 4-9 store_changed", "replay_end 3"]
        await of_a_part.task

    tape = Tape(*timed(*range(10)))
    tape.on_disk = OLD
    with_market(tape, test)


def test_a_market_begun_anew_is_followed_in_the_present() -> None:
    async def test(relay: Relay, watch: Watch) -> None:
        viewer = watch("8..")
        await viewer.until("caught_up 9")
        tape.kept[:] = timed(0, 1)
        tape.on_disk = relay.history.on_disk = NEW  # type: ignore[attr-defined]
        relay.enter(NEW)
        assert await viewer.until("caught_up 1") == ["gap tick 10-10 store_changed", 0, 1, "caught_up 1"]

    tape = Tape(*timed(*range(10)))
    tape.on_disk = OLD
    with_market(tape, test, *range(10))


def test_a_market_begun_anew_twice_while_a_viewer_of_the_present_takes_nothing_is_told_twice() -> None:
    async def test(relay: Relay, watch: Watch) -> None:
        viewer = watch("8..")
        await viewer.until("caught_up 9")
        viewer.socket.open.clear()
        live(relay, 10)
        for store_id, ts in ((NEW, range(2)), (OTHER, range(4))):
            tape.kept[:] = timed(*ts)
            tape.on_disk = relay.history.on_disk = store_id  # type: ignore[attr-defined]
            relay.enter(store_id)
            await relay.ready()
        viewer.socket.open.set()
        told = ["gap tick 11-11 store_changed", "gap tick 0-1 store_changed"]
        assert await viewer.until("caught_up 3") == [10, *told, 0, 1, 2, 3, "caught_up 3"]
        assert viewer.socket.stores == [OLD, NEW, OTHER, OTHER]

    tape = Tape(*timed(*range(10)))
    tape.on_disk = OLD
    with_market(tape, test, *range(10))


def test_a_part_of_another_recording_is_refused_by_its_store() -> None:
    async def test(relay: Relay, watch: Watch) -> None:
        viewer = watch("7..9", store=NEW)
        assert await viewer.until("replay_end 6") == ["gap tick 7-7 store_changed", "replay_end 6"]

    tape = Tape(*timed(*range(10)))
    tape.on_disk = OLD
    with_market(tape, test)


@pytest.mark.parametrize(("store", "end"), [(OLD, 9), (NEW, 6)])
def test_the_id_of_the_end_names_the_recording_of_the_part(store: str, end: int) -> None:
    async def test(relay: Relay, watch: Watch) -> None:
        sent = bytearray()

        async def put(wire: bytes) -> None:
            sent.extend(wire)

        options = Options(types=frozenset(["tick"]), encoding=EVENTS)
        feed = relay.feeds.of(options)
        client = StreamClient(Outlet(put), 1 << 20, feed.slow_gap)
        request = StreamRequest(None, None, options, store, past=parse_past("7..9", "0"))
        await Replay(client, relay, feed, request, has_commands=False).run()
        browser = EventParser()
        browser.feed(sent)
        assert parse_position(browser.last_id) == Position(dict.fromkeys(KINDS, end), store, is_end=True)

    tape = Tape(*timed(*range(10)))
    tape.on_disk = OLD
    with_market(tape, test)


def test_ticks_without_a_time_take_none() -> None:
    async def test(relay: Relay, watch: Watch) -> None:
        assert await watch("0..3", "1").until("replay_end 3") == [0, 1, 2, 3, "replay_end 3"]

    with_market(Tape(*ticks(*range(10))), test)


def test_a_replay_that_ended_waits_a_while_for_a_seek() -> None:
    async def test(relay: Relay, watch: Watch) -> None:
        viewer = watch("3..4")
        await viewer.until("replay_end 4")
        viewer.replay._end_seconds = 0.0
        viewer.replay.command('{"type":"seek","t":4}')
        await viewer.task
        assert viewer.socket.heard == ["replay 4", 4, "replay_end 4"]

    with_market(Tape(*timed(*range(10))), test)
