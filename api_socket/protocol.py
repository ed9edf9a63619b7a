"""The messages of `/api/v1/websocket`: a client's, parsed, and the server's, as bytes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from api_socket.errors import InvalidFormat, SubscribeError, TooLarge, UnknownChannel, UnknownSymbol, UnsupportedType
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
    topic: Topic


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    topic: Topic


@dataclass(frozen=True, slots=True)
class Ping:
    timestamp: float | str | None


Command = Subscribe | Unsubscribe | Ping


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
    if not isinstance(message.get("params"), dict | None):
        raise InvalidFormat("字段 params 必须是对象")
    return Subscribe(_topic(message))


def _unsubscribe(message: dict[str, Any]) -> Unsubscribe:
    return Unsubscribe(_topic(message))


def _ping(message: dict[str, Any]) -> Ping:
    timestamp = message.get("timestamp")
    if not isinstance(timestamp, int | float | str | None):
        raise InvalidFormat("字段 timestamp 必须是数字")
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
}


def subscribed(topic: Topic) -> bytes:
    return json_frame({"type": "subscribed", "channel": topic.channel, "symbol": topic.symbol, "data": {}})


def unsubscribed(topic: Topic) -> bytes:
    return json_frame({"type": "unsubscribed", "channel": topic.channel, "symbol": topic.symbol, "data": {}})


def pong(ping: Ping) -> bytes:
    return json_frame({"type": "pong", "timestamp": ping.timestamp})


def error(refused: SubscribeError) -> bytes:
    return json_frame({"type": "error", "error": refused.code, "detail": refused.detail})
