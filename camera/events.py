"""Events: bursts of matches, and shocks of price and liquidity, within one window."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from market.tick import Floats

BURST_SCORE = 4.0
SHOCK_SCORE = 5.0

#: The rows of what `events` is given: the changes of price and liquidity since the tick before, and the matches.
PRICE, LIQUIDITY, MATCHES = range(3)
_SCORES = (SHOCK_SCORE, SHOCK_SCORE, BURST_SCORE)

#: How near to its score a tick may come in quick arithmetic before it is looked at properly: far more than rounding.
_NEAR = 0.99
#: Below this part of the mean's square the variance in quick arithmetic is mostly rounding.
_STEADY = 1e-6

Events = tuple[list[dict[str, Any]], list[dict[str, Any]]]


def events(series: Floats, first_t: int, new_after: int) -> Events:
    """(bursts, shocks) newer than `new_after` in the window that begins at `first_t`, from its ticks in three rows.

    Nearly always there are none, and that takes few calls to see for all rows at once.
    """
    last_t = first_t + series.shape[1] - 1
    series[:MATCHES, 0] = 0.0  # the first tick's change is from before the window
    likely = _likely(series, last_t - new_after)
    return (
        bursts(series[MATCHES], first_t, new_after) if likely[MATCHES] else [],
        shocks(series[:MATCHES, 1:], first_t, new_after) if likely[PRICE] or likely[LIQUIDITY] else [],
    )


def _likely(series: Floats, newest: int) -> list[bool]:
    """Of each row whether one of its `newest` last ticks may reach its score."""
    ticks = series.shape[1]
    totals = np.add.reduce(series, axis=1).tolist()
    squares = np.add.reduce(series * series, axis=1).tolist()
    recent = series[:, -newest:]
    highest, lowest = np.maximum.reduce(recent, axis=1).tolist(), np.minimum.reduce(recent, axis=1).tolist()
    likely = []
    for row, score in enumerate(_SCORES):
        size = ticks if row == MATCHES else max(1, ticks - 1)
        mean = totals[row] / size
        variance = squares[row] / size - mean * mean
        away = max(highest[row] - mean, mean - lowest[row])
        unsure = variance <= _STEADY * mean * mean
        likely.append(squares[row] > 0 and (unsure or away >= _NEAR * score * math.sqrt(variance)))
    return likely


def bursts(matches: Floats, first_t: int, new_after: int) -> list[dict[str, Any]]:
    """Maximal runs of consecutive ticks whose match count stands BURST_SCORE deviations above the window's mean.

    `matches` has one entry a tick, `first_t` is the tick of the first; only runs begun after `new_after` count.
    """
    scores = _scores(matches)
    if scores is None or scores.max() < BURST_SCORE:
        return []
    high = np.concatenate([[False], scores >= BURST_SCORE, [False]])
    edges = np.flatnonzero(high[1:] != high[:-1])
    return [
        {
            "t0": first_t + begin,
            "t1": first_t + end - 1,
            "kind": "match",
            "score": float(scores[begin:end].max()),
        }
        for begin, end in edges.reshape(-1, 2).tolist()
        if first_t + begin > new_after
    ]


def shocks(changes: Floats, first_t: int, new_after: int) -> list[dict[str, Any]]:
    """One-tick changes SHOCK_SCORE deviations away from the window's mean change, by t, then kind.

    `changes` are those of price and of liquidity, from the window's second tick on.
    """
    found = _shocks("price", changes[PRICE], first_t, new_after)
    found += _shocks("liquidity", changes[LIQUIDITY], first_t, new_after)
    return sorted(found, key=lambda shock: (shock["t"], shock["kind"]))


def _shocks(kind: str, changes: Floats, first_t: int, new_after: int) -> list[dict[str, Any]]:
    scores = _scores(changes)
    if scores is None:
        return []
    sizes = np.abs(scores)
    return [
        {
            "t": first_t + 1 + i,
            "kind": kind,
            "size": round(float(changes[i]), 6),
            "score": float(sizes[i]),
        }
        for i in np.flatnonzero(sizes >= SHOCK_SCORE).tolist()
        if first_t + 1 + i > new_after
    ]


def _scores(values: Floats) -> Floats | None:
    """Deviations from the mean in population standard deviations, to 6 decimals; None where there is no spread.

    Rounded before they are compared: one match in 17 ticks scores exactly 4, and the noise of floating point shall
    not decide whether that is a burst.
    """
    if not values.size:
        return None
    away = values - values.sum() / values.size
    std = np.sqrt((away * away).sum() / values.size)
    # Equal values need not give exactly 0 in floating point: their mean may miss them by a rounding.
    if std <= 1e-12 * max(1.0, float(np.abs(values).max())):
        return None
    scores: Floats = np.round(away / std, 6)
    return scores
