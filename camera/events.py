"""Events: bursts of matches, and shocks of price and liquidity, within one window."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

BURST_SCORE = 4.0
SHOCK_SCORE = 5.0


def bursts(matches: npt.NDArray[Any], first_t: int, new_after: int) -> list[dict[str, Any]]:
    """Maximal runs of consecutive ticks whose match count stands BURST_SCORE deviations above the window's mean.

    `matches` has one entry a tick, `first_t` is the tick of the first; only runs begun after `new_after` count.
    """
    scores = _scores(matches.astype(np.float64))
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


def shocks(price: Floats, liquidity: Floats, first_t: int, new_after: int) -> list[dict[str, Any]]:
    """One-tick changes SHOCK_SCORE deviations away from the window's mean change, by t, then kind."""
    found = _shocks("price", price, first_t, new_after) + _shocks("liquidity", liquidity, first_t, new_after)
    return sorted(found, key=lambda shock: (shock["t"], shock["kind"]))


def _shocks(kind: str, levels: Floats, first_t: int, new_after: int) -> list[dict[str, Any]]:
    changes = levels[1:] - levels[:-1]
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
