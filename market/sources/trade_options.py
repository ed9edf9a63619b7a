"""The options that every source of trades has."""

from __future__ import annotations

import math
from typing import NamedTuple

from market.sources.options import Options
from market.sources.source import SourceError
from market.timestamps import END_TS
from market.trades.ticks import SILENCE_SECONDS


class TradeOptions(NamedTuple):
    """`silence` in seconds; `price_range` is None where the first price is to determine it."""

    silence: float
    price_range: tuple[float, float] | None


#: Their names, for the sentence that lists what there is.
TRADE_OPTIONS = "silence, low, high"


def trade_options(options: Options) -> TradeOptions:
    """Take `silence`, `low` and `high`. Raises SourceError."""
    silence = options.take("silence", not_negative, SILENCE_SECONDS, SECONDS)
    low, high = (options.take(name, _finite, None, "a number") for name in ("low", "high"))
    if low is None and high is None:
        return TradeOptions(silence, None)
    if low is None or high is None or not low < high or math.isinf(high - low):
        raise SourceError(f"{options.setting}: options low and high belong together, low below high")
    return TradeOptions(silence, (low, high))


#: What `not_negative` expects, for an option that is a time.
SECONDS = "a number of seconds, 0 or more"


def not_negative(text: str) -> float:
    """A finite number, 0 or more; beyond all of market time it is that. Raises ValueError."""
    number = _finite(text)
    if number < 0:
        raise ValueError
    return min(number, END_TS)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError
    return number
