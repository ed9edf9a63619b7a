"""A recording in memory, and a client that keeps what reaches its socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator
from copy import copy
from typing import Any

from recorder.errors import OtherStore
from recorder.tape.history import Message
from streaming.fanout.feed import Feed
from streaming.fanout.stream_client import StreamClient, socket_outlet
from streaming.protocol import Moment, messages_in


def text(kind: str, t: int) -> bytes:
    return b'{"type":"%s","t":%d}' % (kind.encode(), t)


def moment(t: int, *, frame: bool = False) -> Moment:
    return Moment(t, text("tick", t), frame=text("frame", t) if frame else None)


def ticks(*ts: int) -> list[Message]:
    return [Message("ticks", t, t, text("tick", t)) for t in ts]


def frames(*ts: int) -> list[Message]:
    return [Message("frames", t, t, text("frame", t)) for t in ts]


def loss(kind: str, from_t: int, to_t: int, reason: str = "expired") -> Message:
    return Message(kind, from_t, to_t, None, reason)


class Tape:
    """Answers as a `History` does, from messages in the order of their t; more may be added at any time."""

    symbol = "IG-USD"
    loss_reason = "lost"

    def __init__(self, *messages: Message) -> None:
        self.kept = list(messages)
        self.reads = 0
        #: The id of the recording that is read, and the one that lies there by now; then `kept` is of that.
        self.store_id: str | None = None
        self.on_disk: str | None = None

    def id_on_disk(self) -> str | None:
        return self.on_disk

    def known_id(self) -> str | None:
        return self.on_disk

    def of_store(self, store_id: str) -> Tape:
        other = copy(self)
        other.store_id = store_id
        return other

    def check(self) -> None:
        if None not in (self.store_id, self.on_disk) and self.store_id != self.on_disk:
            raise OtherStore(str(self.on_disk))

    def last_t(self, kind: str = "ticks") -> int | None:
        self.check()
        return max((m.last_t for m in self.kept if m.kind == kind and m.text is not None), default=None)

    def messages(self, kinds: Iterable[str], after_t: int, to_t: int | None = None) -> Iterator[Message]:
        self.reads += 1
        wanted = list(kinds)
        self.check()
        for message in self.kept:
            if message.kind in wanted and message.last_t > after_t and (to_t is None or message.first_t <= to_t):
                yield message


class Socket:
    """A client of a feed, and what it heard, short: 5 for tick 5, [5, 6] for an array, "gap tick 5-6", "pong"."""

    def __init__(self, feed: Feed) -> None:
        self.heard: list[Any] = []
        #: The stores that were named to it, one after the other.
        self.stores: list[str] = []
        self.open = asyncio.Event()
        self.open.set()
        self.client = StreamClient(socket_outlet(self._send, {}), 1 << 20, feed.encoder.slow_gap)
        feed.users.add(self.client)
        self._pump = asyncio.create_task(self.client.pump())

    async def _send(self, message: dict[str, Any]) -> None:
        await self.open.wait()
        told = [json.loads(payload) for payload, _ in messages_in(message["market_camera.frames"])]
        self.heard += [_short(one) for one in told]
        self.stores += [one["store"] for one in told if "store" in one]

    async def settled(self) -> list[Any]:
        """What was heard when nothing waits any more."""
        while self.client._outbox or self.client._sending:
            await asyncio.sleep(0)
        return self.heard


def _short(message: Any) -> Any:
    if isinstance(message, list):
        return [_short(one) for one in message]
    if message["type"] == "gap":
        return f"gap {message['kind']} {message['from_t']}-{message['to_t']} {message['reason']}"
    if message["type"] == "tick":
        return message["t"]
    return f"{message['type']} {message['t']}" if "t" in message else message["type"]
