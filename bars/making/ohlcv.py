"""One bar, and the merging of fine bars into coarser ones."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NamedTuple

from bars.making.resolutions import PERIOD_MS, period_start

#: Volumes have so many decimals, as sizes on venues have at most, and so many digits in all, as a float64 holds: behind
#: them is only what adding in binary leaves over. A sum of sizes is thus the one on paper, in any order.
_DECIMALS, _DIGITS = 9, 15

#: Open, high, low and close.
Figures = tuple[float, float, float, float]
MaybeFigures = tuple[float | None, float | None, float | None, float | None]
NO_PRICES: MaybeFigures = (None, None, None, None)


class Ohlcv(NamedTuple):
    """A bar of ticks `first_t` to `last_t`; `volume` is the sum of the sizes of their `matches`.

    Its prices are the ticks' (`market.price_range`), and then `price_*` are None. Where matches have prices of their
    own, it is made of these, and repeats the last one where nothing was traded; `price_*` are the ticks' then. (In rows
    of the version before `price_*` are the ticks' mids.) `open_ms` begins its period. `next_ms` is the second of the
    tick that closed it: everything before that is over.
    """

    resolution: str
    open_ms: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    matches: int
    price_open: float | None
    price_high: float | None
    price_low: float | None
    price_close: float | None
    first_t: int
    last_t: int
    next_ms: int

    @property
    def close_ms(self) -> int:
        """The end of its period, which is the beginning of the next."""
        return self.open_ms + PERIOD_MS[self.resolution]

    @property
    def prices(self) -> Figures:
        """Open, high, low and close of what it is made of."""
        return self.open, self.high, self.low, self.close

    @property
    def is_of_trades(self) -> bool:
        """Whether it is made of the prices of matches."""
        return self.price_open is not None

    @property
    def repeats(self) -> bool:
        """Whether it only repeats the last close, because nothing was traded."""
        return self.is_of_trades and not self.matches

    @property
    def prices_of_ticks(self) -> Figures:
        """Open, high, low and close of *the* price, whatever it is made of."""
        if self.price_open is None or self.price_high is None or self.price_low is None or self.price_close is None:
            return self.prices
        return self.price_open, self.price_high, self.price_low, self.price_close

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
    """The bar joined with the next one. What repeats the last close does not affect the prices of what does not."""
    prices = fine.prices if bar.repeats else bar.prices if fine.repeats else _span(bar.prices, fine.prices)
    is_of_trades = bar.is_of_trades or fine.is_of_trades
    of_ticks: MaybeFigures = _span(bar.prices_of_ticks, fine.prices_of_ticks) if is_of_trades else NO_PRICES
    return Ohlcv(
        bar.resolution,
        bar.open_ms,
        *prices,
        volume_sum(bar.volume, fine.volume),
        bar.matches + fine.matches,
        *of_ticks,
        bar.first_t,
        fine.last_t,
        fine.next_ms,
    )


def volume_sum(one: float, other: float) -> float:
    """The sum of two volumes, in decimal digits."""
    return float(f"{round(one + other, _DECIMALS):.{_DIGITS}g}")


def _span(first: Figures, last: Figures) -> Figures:
    return first[0], max(first[1], last[1]), min(first[2], last[2]), last[3]


def decimal_text(number: float) -> str:
    """The shortest decimal that reads as this number again, never with an exponent: 100.0, 0.000001."""
    text = repr(number)
    if "e" in text:
        text = format(Decimal(text), "f")
    return text if "." in text else text + ".0"
