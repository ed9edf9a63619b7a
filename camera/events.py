"""Events: bursts of matches, and shocks of price and liquidity, within one window."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

BURST_SCORE = 4.0
SHOCK_SCORE = 5.0


#: Scores are rounded to 6 decimals. Where even the greatest stays so far below, none needs to be worked out.
_MARGIN = 1e-5


def bursts(matches: Floats, first_t: int, new_after: int) -> list[dict[str, Any]]:
    """Maximal runs of consecutive ticks whose match count stands BURST_SCORE deviations above the window's mean.

    `matches` has one entry a tick, `first_t` is the tick of the first; only runs begun after `new_after` count.
    """
    (scores,) = _scores(matches.reshape(1, -1), BURST_SCORE)
    if scores is None:
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


def shocks(levels: Floats, first_t: int, new_after: int) -> list[dict[str, Any]]:
    """One-tick changes SHOCK_SCORE deviations away from the window's mean change, by t, then kind.

    `levels` are price and liquidity, shape [2, ticks].
    """
    changes = levels[:, 1:] - levels[:, :-1]
    found = [
        {
            "t": first_t + 1 + i,
            "kind": kind,
            "size": round(float(sizes[i]), 6),
            "score": abs(float(scores[i])),
        }
        for kind, sizes, scores in zip(("price", "liquidity"), changes, _scores(changes, SHOCK_SCORE), strict=True)
        if scores is not None
        for i in np.flatnonzero(np.abs(scores) >= SHOCK_SCORE).tolist()
        if first_t + 1 + i > new_after
    ]
    return sorted(found, key=lambda shock: (shock["t"], shock["kind"]))


def _scores(series: Floats, least: float) -> list[Floats | None]:
    """Of each row its deviations from its mean in population standard deviations, to 6 decimals.

    None where there is no spread, or where none of them comes near `least` on either side. Rounded before they are
    compared: one match in 17 ticks scores exactly 4, and the noise of floating point shall not decide whether that is
    a burst.
    """
    rows, size = series.shape
    if not size:
        return [None] * rows
    away = series - np.add.reduce(series, axis=1, keepdims=True) / size
    std = np.sqrt(np.add.reduce(away * away, axis=1) / size)
    farthest = np.maximum.reduce(np.abs(away), axis=1)
    return [
        _rounded_scores(*row) if row[2] and away_most >= (least - _MARGIN) * row[2] else None
        for row, away_most in zip(zip(series, away, std.tolist(), strict=True), farthest.tolist(), strict=True)
    ]


def _rounded_scores(values: Floats, away: Floats, std: float) -> Floats | None:
    # Equal values need not give exactly 0 in floating point: their mean may miss them by a rounding.
    if std <= 1e-12 * max(1.0, float(np.abs(values).max())):
        return None
    scores: Floats = np.round(away / std, 6)
    return scores
