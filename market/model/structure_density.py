"""Structure density: how evenly, and how unpredictably, the market's recent states fall into clusters."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from market.tick import Floats, Ints

CLUSTERS = 5
#: Ticks that the density looks back on, and ticks between two looks.
WINDOW_TICKS = 5_000
UPDATE_TICKS = 500
#: A cluster counts when it holds more than this share of the window.
LEAST_SHARE = 0.02
#: Rounds of k-means at most. The first clustering takes about 25 and a warm start a handful; the bound is
#: there because a cloud without clusters can creep on for long without a change the density would see.
MOST_ROUNDS = 100

AXES = 4


class Clusters(NamedTuple):
    """Centres `[5, axes]`, and for each point the index of the nearest one."""

    centres: Floats
    labels: Ints


class StateWindow:
    """The last 5,000 `(p, v, l, b)`; `rows`, `[ticks, 4]` and oldest first, is what it holds at first."""

    def __init__(self, rows: Floats | None = None) -> None:
        self._rows: Floats = np.empty((WINDOW_TICKS, AXES))
        self._added = 0 if rows is None else len(rows)
        if rows is not None:
            self._rows[: self._added] = rows

    def add(self, row: tuple[float, float, float, float]) -> None:
        """Takes one more, in place of the oldest when full."""
        self._rows[self._added % WINDOW_TICKS] = row
        self._added += 1

    def rows(self) -> Floats:
        """A copy, `[ticks, 4]`, oldest first."""
        if self._added <= WINDOW_TICKS:
            return self._rows[: self._added].copy()
        return np.roll(self._rows, -(self._added % WINDOW_TICKS), axis=0)

    def points(self) -> Floats:
        """The points to cluster, `[4, ticks]`: `(p, v, l, (b + 1) / 2)`."""
        points = np.ascontiguousarray(self.rows().T)
        points[3] = (points[3] + 1.0) / 2.0
        return points


def squared_distances(points: Floats, centre: Floats) -> Floats:
    """Of every point, `[axes, ticks]`, from the centre."""
    offsets = points - centre[:, None]
    offsets *= offsets
    distances: Floats = np.add.reduce(offsets)
    return distances


def nearest(points: Floats, centres: Floats) -> Ints:
    """The index of each point's nearest centre; of equally near ones the first."""
    labels = np.zeros(points.shape[1], np.int64)
    least = squared_distances(points, centres[0])
    for index in range(1, len(centres)):
        distances = squared_distances(points, centres[index])
        labels[distances < least] = index
        np.minimum(least, distances, out=least)
    return labels


def scattered_centres(points: Floats, generator: np.random.Generator) -> Floats:
    """Centres `[5, axes]` to start from, by k-means++ (Arthur and Vassilvitskii, 2007)."""
    last = points.shape[1] - 1
    centres = [points[:, min(int(generator.random() * (last + 1)), last)]]
    least = squared_distances(points, centres[0])
    while len(centres) < CLUSTERS:
        cumulative = np.cumsum(least)
        chosen = int(np.searchsorted(cumulative, generator.random() * cumulative[-1], side="right"))
        centres.append(points[:, min(chosen, last)])
        np.minimum(least, squared_distances(points, centres[-1]), out=least)
    return np.array(centres)


def mean_centres(points: Floats, labels: Ints, before: Floats) -> Floats:
    """The mean of each cluster's points; an empty cluster keeps the centre it had before."""
    counts = np.bincount(labels, minlength=len(before))
    sums = [np.bincount(labels, axis, len(before)) for axis in points]
    centres = np.stack(sums, axis=1) / np.maximum(counts, 1)[:, None]
    return np.where(counts[:, None] > 0, centres, before)


def k_means(points: Floats, centres: Floats) -> Clusters:
    """Lloyd's algorithm from the given centres, until no point changes its cluster."""
    labels = nearest(points, centres)
    for _ in range(MOST_ROUNDS):
        centres = mean_centres(points, labels, centres)
        before, labels = labels, nearest(points, centres)
        if np.array_equal(before, labels):
            break
    return Clusters(centres, labels)


def transition_entropy(labels: Ints) -> float:
    """The mean entropy of the non-empty rows of the transition matrix, over the greatest there can be."""
    steps = np.bincount(labels[:-1] * CLUSTERS + labels[1:], minlength=CLUSTERS**2)
    rows = [row for row in steps.reshape(CLUSTERS, CLUSTERS).tolist() if any(row)]
    if not rows:
        return 0.0
    return math.fsum(map(_entropy, rows)) / len(rows) / math.log2(CLUSTERS)


def _entropy(counts: list[int]) -> float:
    """Of the shares of the counts, in bits."""
    total = sum(counts)
    return -math.fsum(count / total * math.log2(count / total) for count in counts if count)


def density(labels: Ints) -> float:
    """Rule 7: structure density in 0..1, from the cluster of each tick in order of time."""
    shares = [count / len(labels) for count in np.bincount(labels, minlength=CLUSTERS).tolist()]
    held = sum(share > LEAST_SHARE for share in shares)
    c: float = 0.4 * held / CLUSTERS + 0.4 * transition_entropy(labels) + 0.2 * (1.0 - max(shares))
    return min(max(c, 0.0), 1.0)
