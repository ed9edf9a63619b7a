"""The bar: open, high, low, close and volume of one period of a market, and what periods there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from math import isfinite
from typing import Any

from marketcamera.errors import BadMessage

#: Milliseconds of each resolution a server makes bars of.
RESOLUTIONS = {
    "1s": 1_000,
    "5s": 5_000,
    "1m": 60_000,
    "5m": 300_000,
    "15m": 900_000,
    "1h": 3_600_000,
    "4h": 14_400_000,
    "1d": 86_400_000,
}

_UNITS = {"s": 1_000, "sec": 1_000, "m": 60_000, "min": 60_000, "t": 60_000, "h": 3_600_000, "d": 86_400_000}
_WORDS = {"minute": "1m", "hour": "1h", "hourly": "1h", "day": "1d", "daily": "1d"}
#: The year 2200; tables hold times up to 2262.
_LATEST_MS = 7_258_118_400_000
_BY_LENGTH = {length: name for name, length in RESOLUTIONS.items()}


@dataclass(frozen=True, slots=True)
class Bar(Mapping[str, Any]):
    """A closed bar; times are milliseconds since 1970, its ticks have open_time <= ts < close_time.

    `bar["close"]` is `bar.close`, and `dict(bar)` has all of it.
    """

    symbol: str
    resolution: str
    open_time: int
    close_time: int
    open: float
    high: float
    low: float
    close: float
    volume: float

    def __getitem__(self, name: str) -> Any:
        if name not in _NAMES:
            raise KeyError(name)
        return getattr(self, name)

    def __iter__(self) -> Iterator[str]:
        return iter(_NAMES)

    def __len__(self) -> int:
        return len(_NAMES)


_NAMES = tuple(field.name for field in fields(Bar))


def resolution_of(frequency: str) -> str:
    """The resolution that a frequency means: `1h`, but also `60m`, `1min`, `1H`, `daily`. Raises ValueError."""
    text = str(frequency).strip().lower()
    if text in _WORDS:
        return _WORDS[text]
    number = text.rstrip("abcdefghijklmnopqrstuvwxyz")
    unit = _UNITS.get(text[len(number) :])
    found = _BY_LENGTH.get(int(number or "1") * unit) if unit and (not number or number.isdecimal()) else None
    if found is None:
        raise ValueError(f"frequency must be one of {', '.join(RESOLUTIONS)}, got {frequency!r}")
    return found


def bar_of(symbol: str, resolution: str, values: Mapping[str, Any]) -> Bar:
    """The bar in what a feed or the history says of it; numbers may come as text. Raises BadMessage."""
    try:
        times = [int(values[name]) for name in ("open_time", "close_time")]
        numbers = [float(values[name]) for name in ("open", "high", "low", "close", "volume")]
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise BadMessage(f"a bar cannot be read ({error!r})", str(values)) from None
    if not 0 <= times[0] < times[1] <= _LATEST_MS or not all(map(isfinite, numbers)):
        raise BadMessage("a bar cannot be read (a time or a number is none)", str(values))
    return Bar(symbol, resolution, times[0], times[1], *numbers)
