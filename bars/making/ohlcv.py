"""One bar, and the merging of fine bars into coarser ones."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NamedTuple

from bars.making.resolutions import PERIOD_MS, period_start

#: Prices and volumes are rounded where they are made, as every other mean and sum of the project.
DECIMALS = 6


class Ohlcv(NamedTuple):
    """A bar of ticks `first_t` to `last_t`; prices are those of matches, `volume` their sizes.

    `open_ms` begins its period. Without a match it repeats the last close. `mid_*` are of the ticks' mids, None while
    none was known. `next_ms` is the second of the tick that closed it: everything before that is over.
    """

    resolution: str
    open_ms: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    matches: int
    mid_open: float | None
    mid_high: float | None
    mid_low: float | None
    mid_close: float | None
    first_t: int
    last_t: int
    next_ms: int

    @property
    def close_ms(self) -> int:
        """The end of its period, which is the beginning of the next."""
        return self.open_ms + PERIOD_MS[self.resolution]

    def row(self) -> list[Any]:
        """The bar in the tick message that closed it: resolution, open_ms, close_ms, o, h, l, c, volume."""
        return [self.resolution, self.open_ms, self.close_ms, self.open, self.high, self.low, self.close, self.volume]


class Merger:
    """A coarse bar in the making: takes the finer bars of its period in order."""

    __slots__ = ("_bar", "resolution")

    def __init__(self, resolution: str) -> None:
        self.resolution = resolution
        self._bar: Ohlcv | None = None

    @property
    def bar(self) -> Ohlcv | None:
        """The bars taken so far, as one bar."""
        return self._bar

    def take(self, fine: Ohlcv) -> None:
        bar = self._bar
        if bar is None:
            self._bar = fine._replace(resolution=self.resolution, open_ms=period_start(fine.open_ms, self.resolution))
        else:
            self._bar = _joined(bar, fine)

    def close_before(self, ms: int) -> Ohlcv | None:
        """The bar, if its period ends before or at this second, which has a tick; the next one begins anew."""
        bar = self._bar
        if bar is None or bar.close_ms > ms:
            return None
        self._bar = None
        return bar._replace(next_ms=ms)


def _joined(bar: Ohlcv, fine: Ohlcv) -> Ohlcv:
    """The bar joined with the next one. A bar without a match does not affect the prices of one with matches."""
    if fine.matches and bar.matches:
        prices = (bar.open, max(bar.high, fine.high), min(bar.low, fine.low), fine.close)
    elif fine.matches or not bar.matches:
        prices = (fine.open, fine.high, fine.low, fine.close)
    else:
        prices = (bar.open, bar.high, bar.low, bar.close)
    return Ohlcv(
        bar.resolution,
        bar.open_ms,
        *prices,
        round(bar.volume + fine.volume, DECIMALS),
        bar.matches + fine.matches,
        fine.mid_open if bar.mid_open is None else bar.mid_open,
        _extreme(max, bar.mid_high, fine.mid_high),
        _extreme(min, bar.mid_low, fine.mid_low),
        bar.mid_close if fine.mid_close is None else fine.mid_close,
        bar.first_t,
        fine.last_t,
        fine.next_ms,
    )


def _extreme(choose: Any, one: float | None, other: float | None) -> float | None:
    if one is None or other is None:
        return other if one is None else one
    extreme: float = choose(one, other)
    return extreme


def decimal_text(number: float) -> str:
    """The shortest decimal that reads as this number again, never with an exponent: 100.0, 0.000001."""
    text = repr(number)
    if "e" in text:
        text = format(Decimal(text), "f")
    return text if "." in text else text + ".0"
