"""Events: whatever connection ends wherever, a browser that resumes by its last id has each message once, in order."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from recorder.tape.history import Message
from streaming.fanout.stream_client import Outlet, StreamClient
from streaming.options import EVENTS, Options, StreamRequest
from streaming.position import Position, parse_position
from streaming.protocol import KINDS, Moment, StreamError
from streaming.relay.relay import Relay
from streaming.session import follow
from tests.processes import PATIENCE_SECONDS
from tests.streaming.events import EventParser
from tests.streaming.tape import Tape, text

STORE, OTHER = "a" * 32, "b" * 32
STRIDE, METRIC_EVERY = 4, 2


def moment(t: int) -> Moment:
    """Tick of every t, metric of every second, frame of every fourth."""
    return Moment(
        t,
        text("tick", t),
        metric=text("metric", t) if t % METRIC_EVERY == 0 else None,
        frame=text("frame", t) if t % STRIDE == 0 else None,
    )


def recorded(t: int) -> list[Message]:
    made = moment(t)
    return [Message(f"{kind}s", t, t, getattr(made, kind)) for kind in KINDS if getattr(made, kind) is not None]


class Market:
    """A relay, and its tape, which has all that was streamed."""

    def __init__(self) -> None:
        self.tape = Tape()
        self.tape.store_id = self.tape.on_disk = STORE
        self.begin_process(ring_ticks=50)

    def begin_process(self, ring_ticks: int = 5) -> None:
        """Another process with an empty memory, as after kill -9."""
        self.relay = Relay(self.tape, ring_ticks, 1 << 20, 0.0)  # type: ignore[arg-type]
        self.relay.filling.end()

    def pass_on(self, ts: range) -> None:
        for t in ts:
            self.tape.kept += recorded(t)
            if self.relay.ring:
                self.relay.pass_on(moment(t))
            else:
                self.relay.ring.append(moment(t))


class Browser:
    """Connects as often as a test says, each time with its last id."""

    def __init__(self, market: Market, options: Options) -> None:
        self.market, self._options = market, replace(options, encoding=EVENTS)
        self.heard: list[tuple[str, Any]] = []
        self.last_id, self.sent = "", b""

    async def connect(self, most: int, meanwhile: range, beats: int = 0) -> None:
        """A connection that breaks behind `most` bytes, while the market passes on a range of t."""
        relay, sent = self.market.relay, bytearray()

        async def put(wire: bytes) -> None:
            sent.extend(wire)

        feed = relay.feeds.of(self._options)
        client = StreamClient(Outlet(put), 1 << 20, feed.encoder.slow_gap)
        feed.users.add(client)
        tasks = [asyncio.create_task(one) for one in (client.pump(), follow(client, relay, feed, self._request()))]
        async with asyncio.timeout(PATIENCE_SECONDS):
            while client not in feed.clients:
                await asyncio.sleep(0.001)
        self.market.pass_on(meanwhile)
        for _ in range(beats):
            feed.beat(client, 0)
        await client.emptied()
        relay.leave(client, feed)
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        self.sent = bytes(sent[:most])
        self._take(self.sent)

    def _request(self) -> StreamRequest:
        if not self.last_id:
            return StreamRequest(None, None, self._options, STORE)
        position = parse_position(self.last_id)
        since = min(position.ts[kind] for kind in self._options.types)
        return StreamRequest(None, since, self._options, position.store_id, position.ts)

    def _take(self, sent: bytes) -> None:
        parser = EventParser(self.last_id)
        parser.feed(sent)
        self.last_id = parser.last_id
        for event in parser.events:
            told = event.json if isinstance(event.json, list) else [event.json]
            self.heard += [(message["type"], message.get("t")) for message in told if message["type"] != "caught_up"]


options_of_clients = st.builds(
    Options,
    types=st.sets(st.sampled_from(KINDS), min_size=1).map(frozenset),
    every=st.integers(1, 3),
    batch=st.sampled_from([0, 0, 1, 3, 7]),
)
#: Bytes, of which the first tell where the client begins; ticks while it is open, and then; whether kill -9 follows.
connections = st.tuples(st.integers(60, 1500), st.integers(0, 9), st.integers(0, 9), st.booleans())


@settings(phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink])
@example(  # cut twice while one kind is ahead of another
    options=Options(types=frozenset(["frame", "metric"]), every=3),
    cuts=[(132, 0, 0, False), (84, 0, 0, False)],
    before=5,
)
@given(options=options_of_clients, cuts=st.lists(connections, min_size=1, max_size=6), before=st.integers(1, 12))
def test_each_message_comes_once_wherever_the_connection_is_cut(
    options: Options, cuts: list[tuple[int, int, int, bool]], before: int
) -> None:
    async def run() -> tuple[int, list[tuple[str, Any]]]:
        market = Market()
        market.pass_on(range(before))
        browser, at = Browser(market, options), before
        for most, while_open, while_away, is_killed in cuts:
            await browser.connect(most, range(at, at + while_open))
            at += while_open
            if is_killed:
                market.begin_process()
            market.pass_on(range(at, at + while_away))
            at += while_away
        await browser.connect(10**6, range(at, at))
        return at, browser.heard

    end, heard = asyncio.run(run())
    assert {kind for kind, _ in heard} <= options.types, "nothing is told as lost"
    for kind in KINDS:
        step = {"frame": STRIDE, "metric": METRIC_EVERY, "tick": 1}[kind]
        every = 1 if kind == "frame" else options.every
        due = [t for t in range(end) if kind in options.types and t % step == 0 and t % every == 0]
        first = max((t for t in due if t < before), default=0)
        assert [t for heard_kind, t in heard if heard_kind == kind] == [t for t in due if t >= first], kind


def of(*kinds: str) -> Options:
    return Options(types=frozenset(kinds))


def test_what_another_process_has_sent_in_part_is_waited_for() -> None:
    async def run() -> list[tuple[str, Any]]:
        market = Market()
        market.pass_on(range(4))
        browser = Browser(market, of(*KINDS))
        browser.last_id = f"4,4,3:{STORE}"
        asyncio.get_running_loop().call_later(0.01, market.pass_on, range(4, 6))
        await browser.connect(10**6, range(6, 7))
        return browser.heard

    assert asyncio.run(run()) == [("tick", 4), ("tick", 5), ("metric", 6), ("tick", 6)]


def test_the_bytes_of_a_stream() -> None:
    async def run() -> tuple[bytes, bytes]:
        market = Market()
        market.pass_on(range(7))
        browser = Browser(market, of("frame", "tick"))
        await browser.connect(10**6, range(7, 9))
        new, browser.last_id = browser.sent, f"8,8,7:{STORE}"
        await browser.connect(10**6, range(0))
        return new, browser.sent

    new, resumed = asyncio.run(run())
    assert new == (
        b"id: 3,6,5:%(store)b\n\n"
        b'event: frame\nid: 6,6,5:%(store)b\ndata: {"type":"frame","t":4}\n\n'
        b'event: tick\nid: 6:%(store)b\ndata: {"type":"tick","t":6}\n\n'
        b'event: tick\nid: 7:%(store)b\ndata: {"type":"tick","t":7}\n\n'
        b'event: frame\nid: 8,8,7:%(store)b\ndata: {"type":"frame","t":8}\n\n'
        b'event: tick\nid: 8:%(store)b\ndata: {"type":"tick","t":8}\n\n'
    ) % {b"store": STORE.encode()}
    assert resumed == (
        b'event: tick\nid: 8:%(store)b\ndata: {"type":"tick","t":8}\n\n'
        b'event: caught_up\nid: 8:%(store)b\ndata: {"type":"caught_up","t":8,"store":"%(store)b"}\n\n'
    ) % {b"store": STORE.encode()}


def test_a_position_in_another_recording_begins_the_new_one() -> None:
    async def run() -> bytes:
        market = Market()
        market.pass_on(range(2))
        browser = Browser(market, of("tick"))
        browser.last_id = f"900:{OTHER}"
        await browser.connect(10**6, range(0))
        return browser.sent

    begin = (
        b'event: gap\ndata: {"type":"gap","kind":"tick","from_t":901,"to_t":901,"reason":"store_changed",'
        b'"store":"%(store)b"}\n\nevent: tick\nid: 0:%(store)b\ndata: {"type":"tick","t":0}\n\n'
    )
    assert asyncio.run(run()).startswith(begin % {b"store": STORE.encode()})


def test_a_heartbeat_is_a_comment_and_ends_no_array() -> None:
    async def run() -> bytes:
        market = Market()
        market.pass_on(range(2))
        browser = Browser(market, replace(of("tick"), batch=100))
        await browser.connect(10**6, range(2, 4), beats=1)
        return browser.sent

    assert asyncio.run(run()).endswith(b"\n\n: heartbeat\n\n")


@pytest.mark.parametrize(
    ("text", "ts", "store_id"),
    [
        ("12", (12, 12, 12), None),
        (f"12:{STORE}", (12, 12, 12), STORE),
        (f"12,11,-1:{STORE}", (12, 11, -1), STORE),
        ("-1", (-1, -1, -1), None),
        (f"7:{STORE}:end", (7, 7, 7), STORE),
        ("7:end", (7, 7, 7), None),
    ],
)
def test_an_id_says_what_a_client_has(text: str, ts: tuple[int, ...], store_id: str | None) -> None:
    assert parse_position(text) == Position(dict(zip(KINDS, ts, strict=True)), store_id, text.endswith(":end"))
    assert parse_position(text).text() == text


@pytest.mark.parametrize(
    "text", ["", "-2", "x", "1,2", "1,2,3,4", "1:", "1:x", f"1:{STORE}:{STORE}", f":{STORE}", "9" * 16, "１", "1 "]
)
def test_an_id_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(StreamError, match="Last-Event-ID must be an id of this stream") as refused:
        parse_position(text)
    assert refused.value.code == "bad_parameter"
