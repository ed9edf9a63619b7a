"""The messages of `/api/v1/websocket`: a client's, parsed, and the server's, as bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import orjson

from api_socket.errors import InvalidFormat, SubscribeError, TooLarge, UnknownChannel, UnknownSymbol, UnsupportedType
from bars.past.request import PastBars, moment_of, past_in_message, speed_in
from recorder.segment.layout import SYMBOL_PATTERN
from streaming.protocol import json_frame

CHANNELS = ("market_data", "agent_status", "backtest_progress", "alerts")

#: The longest message of a client; none needs more.
MOST_MESSAGE_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Topic:
    """A subscription: a channel, of one symbol or, with None, of all."""

    channel: str
    symbol: str | None = None

    def covers(self, channel: str, symbol: str | None) -> bool:
        """Whether a message of this channel and symbol belongs to the topic; one without a symbol concerns all."""
        return channel == self.channel and (symbol is None or self.symbol in (None, symbol))


@dataclass(frozen=True, slots=True)
class Subscribe:
    """`past` is the part of the past that is wanted in place of the present."""

    topic: Topic
    past: PastBars | None = None


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    topic: Topic


@dataclass(frozen=True, slots=True)
class Ping:
    timestamp: float | str | None


@dataclass(frozen=True, slots=True)
class Control:
    """`pause`, `play` or `seek` of the replay of a topic; `speed` is None for that so far."""

    type: str
    topic: Topic
    speed: float | None = None
    time_ms: int = 0


Command = Subscribe | Unsubscribe | Ping | Control


def parse(payload: str | bytes) -> Command:
    """Parse a client's message. Raises SubscribeError for anything else."""
    if len(payload) > MOST_MESSAGE_BYTES:
        raise TooLarge(len(payload), MOST_MESSAGE_BYTES)
    try:
        message = orjson.loads(payload)
    except orjson.JSONDecodeError:
        raise InvalidFormat from None
    if not isinstance(message, dict):
        raise InvalidFormat
    type = message.get("type")
    read = _READERS.get(type) if isinstance(type, str) else None
    if read is None:
        raise UnsupportedType(type)
    return read(message)


def _subscribe(message: dict[str, Any]) -> Subscribe:
    params = message.get("params")
    if not isinstance(params, dict | None):
        raise InvalidFormat("字段 params 必须是对象")
    topic, replay = _topic(message), (params or {}).get("replay")
    if replay is None:
        return Subscribe(topic)
    if topic.channel != "market_data":
        raise InvalidFormat("字段 params.replay 只适用于频道 market_data")
    with _as_format("params.replay"):
        return Subscribe(topic, past_in_message(replay))


def _control(message: dict[str, Any]) -> Control:
    type, topic = message["type"], _topic(message)
    with _as_format(type):
        if type == "seek":
            return Control(type, topic, time_ms=moment_of("time", message.get("time")))
        speed = message.get("speed") if type == "play" else None
        return Control(type, topic, None if speed is None else speed_in(speed))


@contextmanager
def _as_format(name: str) -> Iterator[None]:
    """Turn a wrong value into an error of the protocol."""
    try:
        yield
    except ValueError as error:
        raise InvalidFormat(f"{name} 无效: {error}") from None


def _unsubscribe(message: dict[str, Any]) -> Unsubscribe:
    return Unsubscribe(_topic(message))


def _ping(message: dict[str, Any]) -> Ping:
    timestamp = message.get("timestamp")
    if isinstance(timestamp, bool) or not isinstance(timestamp, int | float | str | None):
        raise InvalidFormat("字段 timestamp 必须是数字或字符串")
    return Ping(timestamp)


def _topic(message: dict[str, Any]) -> Topic:
    channel, symbol = message.get("channel"), message.get("symbol")
    if not isinstance(channel, str) or channel not in CHANNELS:
        raise UnknownChannel(channel)
    if symbol is not None and (not isinstance(symbol, str) or not SYMBOL_PATTERN.fullmatch(symbol)):
        raise UnknownSymbol(symbol)
    return Topic(channel, symbol)


_READERS: dict[str, Callable[[dict[str, Any]], Command]] = {
    "subscribe": _subscribe,
    "unsubscribe": _unsubscribe,
    "ping": _ping,
    "pause": _control,
    "play": _control,
    "seek": _control,
}


def subscribed(topic: Topic) -> bytes:
    return json_frame({"type": "subscribed", "channel": topic.channel, "symbol": topic.symbol, "data": {}})


def unsubscribed(topic: Topic) -> bytes:
    return json_frame({"type": "unsubscribed", "channel": topic.channel, "symbol": topic.symbol, "data": {}})


def pong(ping: Ping) -> bytes:
    return json_frame({"type": "pong", "timestamp": ping.timestamp})


def of_replay(type: str, symbol: str | None, data: dict[str, Any]) -> bytes:
    """What is said of the replay of a topic: `replay`, `replay_end`, `caught_up`, or a `gap` of a market."""
    return json_frame({"type": type, "channel": "market_data", "symbol": symbol, "data": data})


def error(refused: SubscribeError) -> bytes:
    return json_frame({"type": "error", "error": refused.code, "detail": refused.detail})
