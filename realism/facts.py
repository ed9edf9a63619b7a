"""The stylised facts of returns (Cont 2001): what a market shows of each, beside what real markets show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from market.tick import Floats
from realism.series import MOST_LAG, Estimate, Series
from realism.statistics import Lagged, correlation, excess_kurtosis, kurtosis_ratio, over, tail_index

#: Of fewer returns than this no fact is judged.
FEWEST = 200

#: Of fewer returns than this over several bars no kurtosis is compared.
_FEWEST_AGGREGATED = 100

_PERIODS = (1, 2, 5, 10, 20, 50, 100)
_SHORT_LAGS = range(1, 21)
_LONG_LAGS = range(1, MOST_LAG + 1)
_NOTHING = Estimate(np.nan, np.nan, np.nan)


@dataclass(frozen=True)
class Fact:
    """What real markets show: the usual range of a statistic, and who found it."""

    name: str
    usual: tuple[float, float]
    source: str


KURTOSIS = Fact("excess_kurtosis", (1.0, 100.0), "Cont 2001: 16 to 74 in 5 minutes, a few in a day")
TAIL = Fact("tail_index", (2.0, 5.0), "Cont 2001: more than two, less than five")
AUTOCORRELATION = Fact("autocorrelation", (-0.2, 0.1), "Cont 2001: about 0; Roll 1984: below 0 by bid-ask bounce")
CLUSTERING = Fact("volatility_clustering", (0.05, 0.5), "Ding, Granger and Engle 1993: 0.3 at lag 1, 0.16 at lag 100")
DECAY = Fact("volatility_decay", (0.2, 0.4), "Cont 2001: exponent 0.2 to 0.4")
GAUSSIANITY = Fact("aggregational_gaussianity", (-0.1, 0.8), "Cont 2001: the longer the period, the more normal")
VOLUME = Fact("volume_volatility", (0.1, 0.8), "Karpoff 1987: above 0 in nearly all studies")
LEVERAGE = Fact("leverage", (-0.3, 0.02), "Bouchaud, Matacz and Potters 2001: below 0 for stocks, else about 0")

FACTS = (KURTOSIS, TAIL, AUTOCORRELATION, CLUSTERING, DECAY, GAUSSIANITY, VOLUME, LEVERAGE)


@dataclass(frozen=True)
class Finding:
    """What one market shows of a fact: an estimate from n returns over `horizon`.

    `steps` are the lags or periods, in bars, of which the value sums up the `values`; empty where it is of one. Without
    a value the verdict is `unless`.
    """

    fact: Fact
    horizon: str
    n: int
    estimate: Estimate
    steps: tuple[int, ...] = ()
    values: tuple[float, ...] = ()
    unless: str = "too few"

    @property
    def verdict(self) -> str:
        """`inside` the usual range, `outside` with all of the band, or `too few` returns to say so."""
        value, low, high = self.estimate
        least, most = self.fact.usual
        if self.n < FEWEST or not np.isfinite(self.estimate).all():
            return self.unless
        if least <= value <= most:
            return "inside"
        return "outside" if low > most or high < least else "too few"

    @property
    def is_shown(self) -> bool:
        """Whether there is as much of it as in real markets, so that more can be said of it."""
        return self.estimate.value >= self.fact.usual[0]

    def form(self) -> dict[str, Any]:
        """As it is sent: numbers with six decimals, null for what is undefined."""
        value, low, high = map(_number, self.estimate)
        return {
            "name": self.fact.name,
            "horizon": self.horizon,
            "value": value,
            "n": self.n,
            "low": low,
            "high": high,
            "usual": list(self.fact.usual),
            "verdict": self.verdict,
            "source": self.fact.source,
            "steps": list(self.steps),
            "values": [_number(one) for one in self.values],
        }


def findings(series: Series, horizon: str) -> list[Finding]:
    """What a series of returns over one `horizon` shows of each of FACTS; nothing but n where it is too short."""
    n = series.present
    if n < FEWEST or not np.nanstd(series.returns):
        return [Finding(fact, horizon, n, _NOTHING) for fact in FACTS]
    returns, sizes = series.returns, np.abs(series.returns)
    kurtosis = Finding(KURTOSIS, horizon, n, excess_kurtosis(returns))
    clustering = _lagged(CLUSTERING, horizon, n, Lagged(sizes, sizes, _SHORT_LAGS))
    return [
        kurtosis,
        Finding(TAIL, horizon, n, tail_index(returns)),
        _autocorrelation(returns, horizon, n),
        clustering,
        _decay(sizes, clustering),
        _gaussianity(returns, kurtosis),
        Finding(VOLUME, horizon, n, correlation(series.volumes, sizes)),
        _lagged(LEVERAGE, horizon, n, Lagged(returns, sizes, _SHORT_LAGS)),
    ]


def _lagged(fact: Fact, horizon: str, n: int, lagged: Lagged) -> Finding:
    """The value is the mean of all lags."""
    return Finding(fact, horizon, n, lagged.mean(), *_listed(lagged))


def _autocorrelation(returns: Floats, horizon: str, n: int) -> Finding:
    """The value is that of the lag at which it is farthest from 0."""
    lagged = Lagged(returns, returns, _SHORT_LAGS)
    farthest = _SHORT_LAGS[int(np.abs(lagged.values).argmax())]
    return Finding(AUTOCORRELATION, horizon, n, lagged.at(farthest), *_listed(lagged))


def _decay(sizes: Floats, clustering: Finding) -> Finding:
    """How the autocorrelation of |r| fades. Where volatility does not cluster, nothing fades, and that says as much."""
    lagged = Lagged(sizes, sizes, _LONG_LAGS)
    estimate, unless = (lagged.exponent(), "too few") if clustering.is_shown else (_NOTHING, clustering.verdict)
    return Finding(DECAY, clustering.horizon, clustering.n, estimate, *_listed(lagged), unless)


def _gaussianity(returns: Floats, kurtosis: Finding) -> Finding:
    """The value compares one bar with the most bars of which there are enough returns. A normal distribution has
    nothing to lose."""
    counts = {periods: int(np.isfinite(over(returns, periods)).sum()) for periods in _PERIODS}
    enough = tuple(periods for periods in _PERIODS if counts[periods] >= _FEWEST_AGGREGATED)
    values = tuple(excess_kurtosis(over(returns, periods)).value for periods in enough)
    estimate, unless = _NOTHING, "too few" if kurtosis.is_shown else kurtosis.verdict
    if kurtosis.is_shown and len(enough) > 1:
        estimate = kurtosis_ratio(returns, enough[-1])
    return Finding(GAUSSIANITY, kurtosis.horizon, kurtosis.n, estimate, enough, values, unless)


def _listed(lagged: Lagged) -> tuple[tuple[int, ...], tuple[float, ...]]:
    return tuple(lagged.lags), tuple(lagged.values.tolist())


def _number(value: float) -> float | None:
    return round(float(value), 6) if np.isfinite(value) else None
