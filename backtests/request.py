"""The request of a client, parsed from its JSON; every wrong field is refused with its value."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from backtests.catalog import strategy_named
from backtests.engine.engine import DEFAULT_CASH, DEFAULT_FEE
from backtests.errors import BadRequest
from backtests.strategy import Value, check_parameters
from bars.making.resolutions import PERIOD_MS
from bars.making.times import to_ms
from recorder.segment.layout import SYMBOL_PATTERN
from runtime.shown import shown

#: Nothing that is asked for needs more.
MOST_BODY_BYTES = 64 * 1024

DEFAULT_RESOLUTION = "1m"
MOST_CASH = 1e15

#: The end of the year 9999, as far as dates go.
LATEST_MS = 253_402_300_799_999
_TIME = "epoch milliseconds or an ISO 8601 time"


@dataclass(frozen=True)
class Asked:
    """A backtest as it was asked for, checked, with every default."""

    strategy: str
    symbol: str
    resolution: str
    from_ms: int
    to_ms: int
    cash: float
    fee: float
    params: dict[str, Value]


def read(body: bytes, strategies: Mapping[str, type[Any]], symbol: str) -> Asked:
    """The request in a body; `symbol` is the default. Raises BadRequest."""
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        raise BadRequest("the body must be a JSON object, and is no JSON") from None
    if not isinstance(fields, dict):
        raise BadRequest.wrong("the body", "a JSON object", fields)
    return asked(fields, strategies, symbol)


def asked(fields: Mapping[str, Any], strategies: Mapping[str, type[Any]], symbol: str) -> Asked:
    """The request in these fields; a null counts as absent, and unknown fields are ignored. Raises BadRequest."""
    given = {name: value for name, value in fields.items() if value is not None}
    if "strategy" not in given:
        raise BadRequest.missing("strategy", f"one of {', '.join(sorted(strategies))}")
    strategy = strategy_named(given["strategy"], strategies)
    from_ms, to_ms = _time(given, "from"), _time(given, "to")
    if from_ms >= to_ms:
        raise BadRequest(f"from must be before to, got from={from_ms} and to={to_ms}")
    return Asked(
        strategy=given["strategy"],
        symbol=_symbol(given.get("symbol", symbol)),
        resolution=_resolution(given.get("resolution", DEFAULT_RESOLUTION)),
        from_ms=from_ms,
        to_ms=to_ms,
        cash=_cash(given.get("cash", DEFAULT_CASH)),
        fee=_fee(given.get("fee", DEFAULT_FEE)),
        params=check_parameters(strategy, given.get("params", {})),
    )


def _symbol(value: object) -> str:
    if not isinstance(value, str) or not SYMBOL_PATTERN.fullmatch(value):
        raise BadRequest.wrong("symbol", "1 to 32 of A-Z a-z 0-9 . _ -", value)
    return value


def _resolution(value: object) -> str:
    if not isinstance(value, str) or value not in PERIOD_MS:
        raise BadRequest.wrong("resolution", f"one of {', '.join(PERIOD_MS)}", value)
    return value


def _time(given: Mapping[str, Any], name: str) -> int:
    if name not in given:
        raise BadRequest.missing(name, _TIME)
    value = given[name]
    try:
        ms = to_ms(value) if isinstance(value, str) else _integer(value)
    except ValueError:
        raise BadRequest.wrong(name, _TIME, value) from None
    if not 0 <= ms <= LATEST_MS:
        raise BadRequest(f"{name} must lie in the years 1970 to 9999, got {shown(value)}")
    return ms


def _integer(value: object) -> int:
    """An integer, also one that came as 1000.0. Raises ValueError."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if type(value) is not int:
        raise ValueError
    return value


def _number(name: str, value: object) -> float:
    """A finite number; NaN and the infinities, which some JSON holds, are none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= 1e300:
        raise BadRequest.wrong(name, "a finite number", value)
    return float(value)


def _cash(value: object) -> float:
    cash = _number("cash", value)
    if not 0 < cash <= MOST_CASH:
        raise BadRequest(f"cash must be above 0 and at most {MOST_CASH:g}, got {shown(value)}")
    return cash


def _fee(value: object) -> float:
    fee = _number("fee", value)
    if not 0 <= fee < 1:
        raise BadRequest(f"fee must be from 0 to below 1, as a part of a trade's value, got {shown(value)}")
    return fee
