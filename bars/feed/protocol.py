"""What goes over `/market_data`: CONNECT from the client; CONNECTED, BAR and ERROR to it; and what is of replays."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from bars.making.ohlcv import Ohlcv, decimal_text
from bars.making.resolutions import PERIOD_MS
from bars.past.request import PastBars, moment_of, past_in_message, speed_in
from runtime.shown import cut, shown
from streaming.protocol import websocket_frame

MOST_HISTORY = 1000

#: So many names are looked at in one CONNECT, and so much of an unknown one is repeated.
MOST_NAMES = 1000


class Refused(Exception):
    """A CONNECT that is refused; the text says why."""


@dataclass(frozen=True, slots=True)
class Connect:
    """What a client asks for: symbols, known or not, by the resolutions that exist, each with so many past bars.

    `past` is the part of the past that it wants them of, None for the present. With `history_end` it wants to know when
    all past bars are sent.
    """

    request_id: str | int | None
    symbols: tuple[str, ...]
    resolutions: tuple[str, ...]
    unknown_resolutions: tuple[str, ...]
    history: int
    past: PastBars | None = None
    history_end: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """PAUSE, PLAY or SEEK; `refused` says why it is none. `speed` is None for that so far."""

    type: str
    speed: float | None = None
    time_ms: int = 0
    refused: str | None = None


def read_message(data: str | bytes, token: str | None) -> Connect | Command | None:
    """The CONNECT or the command in a client's message; None for any other, which is ignored. Raises Refused.

    Only a CONNECT can be refused: this protocol's clients take an ERROR for the end of their subscription.
    """
    try:
        message = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    type = message.get("type") if isinstance(message, dict) else None
    if type in ("PAUSE", "PLAY", "SEEK"):
        return _command(type, message)
    return _connect(message, token) if type == "CONNECT" else None


def _command(type: str, message: dict[str, Any]) -> Command:
    try:
        if type == "PLAY" and message.get("speed") is not None:
            return Command(type, speed=speed_in(message["speed"]))
        return Command(type, time_ms=moment_of("time", message.get("time")) if type == "SEEK" else 0)
    except ValueError as error:
        return Command(type, refused=str(error))


def _connect(message: dict[str, Any], token: str | None) -> Connect:
    if token is not None and not _is_token(message.get("csrf_token"), token):
        raise Refused("csrf_token is not the one this server asks for")
    asked = _names(message, "resolutions")
    resolutions = tuple(name for name in asked if name in PERIOD_MS)
    if not resolutions:
        raise Refused(f"resolutions must name some of {', '.join(PERIOD_MS)}, got {_listed(asked)}")
    unknown = tuple(name for name in asked if name not in PERIOD_MS)
    return Connect(
        _request_id(message.get("request_id")),
        _names(message, "symbols"),
        resolutions,
        unknown,
        _history(message.get("history", 0)),
        _past(message.get("replay")),
        _history_end(message.get("history_end")),
    )


def _request_id(given: object) -> str | int | None:
    return given if isinstance(given, str | int) and not isinstance(given, bool) else None


def _is_token(given: object, token: str) -> bool:
    return isinstance(given, str) and hmac.compare_digest(given.encode(), token.encode())


def _names(message: dict[str, object], field: str) -> tuple[str, ...]:
    """The names of a field, each once, in the order of the message."""
    names = message.get(field)
    if isinstance(names, str):
        names = [names]
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise Refused(f"{field} must be a list of names, got {shown(names)}")
    if len(names) > MOST_NAMES:
        raise Refused(f"{field} may hold {MOST_NAMES} names, got {len(names)}")
    return tuple(dict.fromkeys(names))


def _history(value: object) -> int:
    if type(value) is not int or not 0 <= value <= MOST_HISTORY:
        raise Refused(f"history must be an integer from 0 to {MOST_HISTORY}, got {shown(value)}")
    return value


def _history_end(value: object) -> bool:
    if value is not None and type(value) is not bool:
        raise Refused(f"history_end must be true or false, got {shown(value)}")
    return bool(value)


def _past(value: object) -> PastBars | None:
    try:
        return None if value is None else past_in_message(value)
    except ValueError as error:
        raise Refused(str(error)) from None


def no_symbol(symbols: Iterable[str]) -> Refused:
    """The refusal of a CONNECT of which no symbol is known."""
    return Refused(f"there is no market {_listed(symbols)}")


def connected(connect: Connect, stores: Mapping[str, str | None], unknown_symbols: Iterable[str]) -> bytes:
    """The answer to a CONNECT: a flat object, so names stand in one text, separated by commas.

    `stores` is the recording of each symbol that is known, None for one whose id is not.
    """
    answer: dict[str, str | int | bool] = {"type": "CONNECTED"}
    if connect.request_id is not None:
        answer["request_id"] = connect.request_id
    answer["symbols"] = ",".join(stores)
    answer["stores"] = ",".join(store or "" for store in stores.values())
    answer["resolutions"] = ",".join(connect.resolutions)
    if connect.history_end:
        answer["history_end"] = True
    if unknown := _listed(unknown_symbols):
        answer["unknown_symbols"] = unknown
    if unknown := _listed(connect.unknown_resolutions):
        answer["unknown_resolutions"] = unknown
    return websocket_frame(orjson.dumps(answer))


def history_end() -> bytes:
    """The past bars that a CONNECT asked for are all sent."""
    return websocket_frame(orjson.dumps({"type": "HISTORY_END"}))


def refusal(message: str) -> bytes:
    """An ERROR."""
    return websocket_frame(orjson.dumps({"type": "ERROR", "message": message}))


def bar_message(symbol: str, bar: Ohlcv) -> bytes:
    """A BAR, framed once for all who get it."""
    return websocket_frame(
        orjson.dumps(
            {
                "type": "BAR",
                "symbol": symbol,
                "timeframe": bar.resolution,
                "open_time": bar.open_ms,
                "close_time": bar.close_ms,
                "open": decimal_text(bar.open),
                "high": decimal_text(bar.high),
                "low": decimal_text(bar.low),
                "close": decimal_text(bar.close),
                "volume": decimal_text(bar.volume),
            }
        )
    )


def replay_at(time_ms: int, speed: float, *, paused: bool, refused: str | None = None) -> bytes:
    """How a replay stands: the answer to a command."""
    state = {"type": "REPLAY", "time": time_ms, "speed": speed, "paused": paused}
    return websocket_frame(orjson.dumps(state if refused is None else state | {"refused": refused}))


def replay_end(time_ms: int) -> bytes:
    """All bars of a replay were sent."""
    return websocket_frame(orjson.dumps({"type": "REPLAY_END", "time": time_ms}))


def caught_up(time_ms: int) -> bytes:
    """A replay has come to the present; what follows is live."""
    return websocket_frame(orjson.dumps({"type": "CAUGHT_UP", "time": time_ms}))


def gap(symbol: str, time_ms: int, reason: str, **more: str | int) -> bytes:
    """Something is missing in the bars of a market: ticks (`from_t`, `to_t`), or its recording is another one."""
    told = {"type": "GAP", "symbol": symbol, "time": time_ms, "reason": reason}
    return websocket_frame(orjson.dumps(told | more))


def _listed(names: Iterable[str]) -> str:
    return ",".join(cut(name) for name in names)
