"""One trade, and its fields as other people write them."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, NamedTuple

from market.tick_message import LARGEST, MOST_NAME_CHARACTERS, MarketError, is_name
from market.timestamps import EXPECTED, is_moment
from runtime.shown import shown

Taker = Literal["buy", "sell"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

#: Seconds, milliseconds, microseconds and nanoseconds: how many make a second, and how many microseconds one is. They
#: cannot be confused, since a time in one of them lies outside 1971 to 2199 in every other.
_UNITS = ((1.0, Decimal(1_000_000)), (1e3, Decimal(1_000)), (1e6, Decimal(1)), (1e9, Decimal("0.001")))

_TAKERS: dict[str, Taker | None] = {
    **dict.fromkeys(("buy", "b", "bid", "buyer", "1", "+1"), "buy"),
    **dict.fromkeys(("sell", "s", "ask", "a", "seller", "-1"), "sell"),
    **dict.fromkeys(("", "none", "null", "unknown", "nan", "0"), None),
}


class Micros(int):
    """A time in microseconds since 1970, of a table that says so: its unit is not to be told by its size."""


class TradeError(MarketError, ValueError):
    """A value that no trade can have; the text says what it must be, without the field's name."""


class Trade(NamedTuple):
    """Two parties that exchanged `size` at `price`.

    `time` is Unix seconds in whole microseconds; price and size are above 0; `buyer` and `seller` are names; `taker` is
    the side that crossed the spread, None where that is unknown; `id` is the venue's, if it has one.
    """

    time: float
    price: float
    size: float
    buyer: str
    seller: str
    taker: Taker | None = None
    id: str | None = None


def moment(value: Any) -> float:
    """Unix seconds, cut to whole microseconds so that no trade moves into the next interval.

    `value` is ISO 8601 (without an offset it is UTC), a datetime, Micros, or another number since the epoch in s, ms,
    µs or ns, told by its size. Raises TradeError.
    """
    micros = _micros(value)
    if micros is None or not is_moment(micros / 1e6):
        raise TradeError(f"must be ISO 8601 or {EXPECTED}, or the same in ms, µs or ns, got {shown(value)}")
    return micros / 1e6


def _micros(value: Any) -> int | None:
    if isinstance(value, Micros):
        return value
    if isinstance(value, datetime):
        return _since_epoch(value)
    if isinstance(value, bool) or not isinstance(value, (str, int, float, Decimal)):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return _iso(str(value))
    if number.is_nan():
        return None
    rough = float(number)
    unit = next((micros for a_second, micros in _UNITS if is_moment(rough / a_second)), None)
    return None if unit is None else math.floor(number * unit)


def _iso(text: str) -> int | None:
    text = text.strip()
    try:  # " UTC" is how query tools of warehouses write their timestamps
        return _since_epoch(datetime.fromisoformat(text.removesuffix(" UTC")))
    except ValueError:
        return None


def _since_epoch(at: datetime) -> int:
    return ((at if at.tzinfo else at.replace(tzinfo=UTC)) - _EPOCH) // _MICROSECOND


def amount(value: Any) -> float:
    """A price or a size: a number above 0. Raises TradeError."""
    number = math.nan
    is_number = isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)
    if is_number or (isinstance(value, str) and "_" not in value):  # float() reads 1_000, which is more likely damage
        try:
            number = float(value)
        except (ValueError, OverflowError):
            pass
    if not 0 < number <= LARGEST:
        raise TradeError(f"must be a number above 0 and within 2^53, got {shown(value)}")
    return number


def party(value: Any) -> str:
    """The name of a buyer or seller: 1 to 128 printable characters, or an account's number. Raises TradeError."""
    name = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if isinstance(name, str) and is_name(name := name.strip()):
        return name
    raise TradeError(f"must be a name of 1 to {MOST_NAME_CHARACTERS} printable characters, got {shown(value)}")


def taker(value: Any) -> Taker | None:
    """The taker's side; None where it is unknown. Raises TradeError."""
    side = "" if value is None else str(value).strip().lower()
    if side not in _TAKERS:
        raise TradeError(f"must be buy, sell or unknown, got {shown(value)}")
    return _TAKERS[side]


def identifier(value: Any) -> str | None:
    """The venue's id of a trade; None where it has none."""
    return None if value is None or value == "" else str(value)
