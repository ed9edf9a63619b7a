"""The bar: open, high, low, close and volume of one period of a market, and what periods there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from math import isfinite
from operator import itemgetter
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


@dataclass(frozen=True, slots=True)
class Made:
    """What bars of a length that no server keeps are made of; one period began at `begin_ms`."""

    resolution: str
    parts: int
    begin_ms: int = 0


#: Weeks begin on Monday, as that of 1970-01-05 did.
MADE = {"30m": Made("15m", 2), "1w": Made("1d", 7, begin_ms=4 * RESOLUTIONS["1d"])}

_LENGTHS = RESOLUTIONS | {name: RESOLUTIONS[made.resolution] * made.parts for name, made in MADE.items()}
#: Milliseconds of each length there are bars of, kept or made, the shortest first.
FREQUENCIES = dict(sorted(_LENGTHS.items(), key=itemgetter(1)))

_UNITS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_UNITS |= {"sec": _UNITS["s"], "min": _UNITS["m"], "t": _UNITS["m"]}
_WORDS = {"minute": "1m", "hour": "1h", "hourly": "1h", "day": "1d", "daily": "1d", "week": "1w", "weekly": "1w"}
#: The year 2200; tables hold times up to 2262.
_LATEST_MS = 7_258_118_400_000
_BY_LENGTH = {length: name for name, length in FREQUENCIES.items()}


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
    return _one_of(RESOLUTIONS, frequency)


def frequency_of(frequency: str) -> str:
    """The same for every length there are bars of, kept or made. Raises ValueError."""
    return _one_of(FREQUENCIES, frequency)


def _one_of(lengths: Mapping[str, int], frequency: str) -> str:
    text = str(frequency).strip().lower()
    number = text.rstrip("abcdefghijklmnopqrstuvwxyz")
    unit = _UNITS.get(text[len(number) :])
    known = _BY_LENGTH.get(int(number or "1") * unit) if unit and (not number or number.isdecimal()) else None
    found = _WORDS.get(text, known)
    if found is None or found not in lengths:
        raise ValueError(f"frequency must be one of {', '.join(lengths)}, got {frequency!r}")
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
