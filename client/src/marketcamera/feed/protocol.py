"""The bar feed's protocol, without sockets: the CONNECT that is sent, and what each message that comes means."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from marketcamera.addresses import Address
from marketcamera.bars.bar import RESOLUTIONS, Bar, bar_of, resolution_of
from marketcamera.decoding import decode
from marketcamera.errors import BadMessage, FeedRefused
from marketcamera.feed.span import Span, span_of


@dataclass(frozen=True, slots=True)
class Connected:
    """CONNECT was accepted; of the symbols asked for these are not known there. `stores` are the recordings of others,
    as far as the server tells; `history_end` tells that it says when all past bars were sent."""

    unknown_symbols: tuple[str, ...] = ()
    stores: dict[str, str] = field(default_factory=dict)
    history_end: bool = False


@dataclass(frozen=True, slots=True)
class HistoryEnd:
    """The past bars that were asked for are all there."""


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """A replay has come to the present: what follows is live."""


@dataclass(frozen=True, slots=True)
class ReplayEnd:
    """A replay is over."""


@dataclass(frozen=True, slots=True)
class Missing:
    """Something is missing in the bars of a replay; `reason` as in `Gap`, `detail` in words."""

    symbol: str
    reason: str
    detail: str


Told = Bar | Connected | HistoryEnd | CaughtUp | ReplayEnd | Missing


@dataclass(frozen=True, slots=True)
class Subscription:
    """Which bars to ask for, where, and what the feed wants to know. `replay` is the text of a span of the past."""

    endpoint: str = "ws://localhost:8000/market_data"
    symbols: tuple[str, ...] = ()
    resolutions: tuple[str, ...] = ("1m",)
    csrf_token: str = ""
    market_type: str = ""
    replay: str = ""

    @property
    def span(self) -> Span | None:
        """The part of the past that is asked for, by `replay` or by the endpoint's query; None for the present.

        Raises ValueError.
        """
        query = Address(self.endpoint).query
        if not self.replay and "replay" in query:
            return span_of(f"{query['replay']}@{query.get('speed', '1')}")
        return span_of(self.replay) if self.replay else None

    def changed(
        self,
        *,
        endpoint: str | None = None,
        symbols: str | Iterable[str] | None = None,
        resolutions: str | Iterable[str] | None = None,
        csrf_token: str | None = None,
        market_type: str | None = None,
        replay: str | None = None,
    ) -> Subscription:
        """With what is given put in place of what was. Raises ValueError."""
        new: dict[str, Any] = {"endpoint": endpoint, "csrf_token": csrf_token, "market_type": market_type}
        if replay is not None:
            new["replay"] = replay.strip()
        if endpoint is not None:
            Address(endpoint)
        if symbols is not None:
            new["symbols"] = tuple(_names(symbols))
        if resolutions is not None:
            new["resolutions"] = tuple(dict.fromkeys(resolution_of(name) for name in _names(resolutions)))
        made = replace(self, **{name: value for name, value in new.items() if value is not None})
        _ = made.span  # which raises ValueError where it is none
        return made

    def check(self) -> None:
        """Raises ValueError where there is nothing to ask for."""
        if not self.symbols:
            raise ValueError("no symbols: configure(symbols=[…]) or set WEBSOCKET_SYMBOLS")
        if not self.resolutions:
            raise ValueError(f"no resolutions: give some of {', '.join(RESOLUTIONS)}")

    def connect_message(self, request_id: int, history: int, replay: dict[str, Any] | None = None) -> str:
        """CONNECT, with so many closed bars of each pair first; of a part of the past if one is given."""
        message = {
            "type": "CONNECT",
            "request_id": str(request_id),
            "symbols": self.symbols,
            "resolutions": self.resolutions,
            "csrf_token": self.csrf_token,
            "market_type": self.market_type,
            "history": history,
            "history_end": True,
        }
        return json.dumps(message if replay is None else message | {"replay": replay})


def feed_message(text: str | bytes) -> Told | None:
    """What a message of the feed says; None for one that says nothing to us. Raises FeedRefused, BadMessage."""
    if isinstance(text, bytes):
        raise BadMessage("the feed's messages are text", text)
    (message, *_) = decode(text) or [{"type": ""}]
    if message["type"] == "BAR":
        symbol, resolution = message.get("symbol"), message.get("timeframe")
        if not isinstance(symbol, str) or not isinstance(resolution, str) or resolution not in RESOLUTIONS:
            raise BadMessage("a bar has a symbol and a timeframe", text)
        return bar_of(symbol, resolution, message)
    if message["type"] == "CONNECTED":
        unknown = _unknown_symbols(message.get("unknown_symbols"), text)
        return Connected(unknown, _stores(message), message.get("history_end") is True)
    if message["type"] == "HISTORY_END":
        return HistoryEnd()
    if message["type"] == "ERROR":
        raise FeedRefused(str(message.get("message")))
    if message["type"] == "GAP":
        return _missing(message)
    if message["type"] == "CAUGHT_UP":
        return CaughtUp()
    return ReplayEnd() if message["type"] == "REPLAY_END" else None


def _missing(message: dict[str, Any]) -> Missing:
    symbol, reason = str(message.get("symbol")), str(message.get("reason"))
    if reason == "store_changed":
        return Missing(symbol, reason, f"{symbol} has another recording now, {message.get('store')}")
    ticks = f"ticks {message.get('from_t')} to {message.get('to_t')}"
    return Missing(symbol, reason, f"{ticks} of {symbol} are {reason}: no bar has them")


def _unknown_symbols(told: Any, text: str) -> tuple[str, ...]:
    names = told.split(",") if isinstance(told, str) else told or []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise BadMessage("unknown_symbols are names", text)
    return tuple(_names(names))


def _stores(message: dict[str, Any]) -> dict[str, str]:
    """The recording of each symbol, of which other servers say nothing."""
    symbols, stores = message.get("symbols"), message.get("stores")
    if not isinstance(symbols, str) or not isinstance(stores, str):
        return {}
    return {symbol: store for symbol, store in zip(symbols.split(","), stores.split(","), strict=False) if store}


def _names(names: str | Iterable[str]) -> list[str]:
    parts = names.split(",") if isinstance(names, str) else names
    return list(dict.fromkeys(part.strip() for part in parts if part.strip()))
