"""The pyramid: a series of messages in buckets of 2^k ticks, which merge into wider ones, in whatever order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from market.tick import Floats, Ints

#: The width of the finest buckets is 2 to the power of this, in ticks.
FINEST = 6

#: The rows of `Buckets.stats` for each series, and how each of them merges.
COUNT, TOTAL, LOW, HIGH = range(4)
_MERGES = (np.add, np.add, np.minimum, np.maximum)
_NOTHING = (0.0, 0.0, np.inf, -np.inf)


@dataclass(frozen=True, slots=True, eq=False)
class Buckets:
    """Buckets of 2^exponent ticks, by ascending number; bucket b holds the t from b * 2^exponent on.

    Only buckets that hold a message are there. `numbers` has shape (b,), `first_t`, `last_t` and `ts` (of the first
    message, NaN where it has none) too. `ends` has shape (2, b): the first and last value of the first series, NaN
    where that message has none. `stats` has shape (series, 4, b): count, sum, minimum and maximum of the values.
    """

    names: tuple[str, ...]
    exponent: int
    numbers: Ints
    first_t: Ints
    last_t: Ints
    ts: Floats
    ends: Floats
    stats: Floats

    def __len__(self) -> int:
        return int(self.numbers.size)

    def where(self, chosen: Ints | slice) -> Buckets:
        """Some of the buckets, given by their places."""
        return replace(
            self,
            numbers=self.numbers[chosen],
            first_t=self.first_t[chosen],
            last_t=self.last_t[chosen],
            ts=self.ts[chosen],
            ends=self.ends[:, chosen],
            stats=self.stats[:, :, chosen],
        )

    def numbered(self, first: int, last: int) -> Buckets:
        """Those from one number to another, both included."""
        begin, end = np.searchsorted(self.numbers, (first, last + 1)).tolist()
        return self.where(slice(begin, end))

    def without(self, first: int, last: int) -> Buckets:
        """The others."""
        return self.where(np.flatnonzero((self.numbers < first) | (self.numbers > last)))

    def scaled(self, low: float, span: float) -> Buckets:
        """The first series as low + span * value; `span` must be positive."""
        stats = self.stats.copy()
        stats[0, TOTAL] = low * stats[0, COUNT] + span * stats[0, TOTAL]
        stats[0, LOW:] = low + span * stats[0, LOW:]
        return replace(self, ends=low + span * self.ends, stats=stats)

    def means(self, series: int) -> Floats:
        """The mean of a series in each bucket, NaN where it has no value."""
        count = self.stats[series, COUNT]
        means: Floats = np.divide(self.stats[series, TOTAL], count, out=np.full(count.shape, np.nan), where=count > 0)
        return means


def empty(names: Sequence[str], exponent: int = FINEST) -> Buckets:
    """No bucket."""
    none, nothing = np.empty(0, np.int64), np.empty(0)
    return Buckets(
        tuple(names), exponent, none, none, none, nothing, np.empty((2, 0)), np.empty((len(names), len(_MERGES), 0))
    )


def buckets_of(names: Sequence[str], t: Ints, ts: Floats, values: Floats, exponent: int = FINEST) -> Buckets:
    """The buckets of messages in ascending order of `t`.

    `values` has shape (series, messages), NaN where a message has none; `ts` is NaN where it is unknown.
    """
    known = ~np.isnan(values)
    each = np.stack([known.astype(float), *(np.where(known, values, nothing) for nothing in _NOTHING[1:])], axis=1)
    return merged([Buckets(tuple(names), 0, t, t, t, ts, values[:1].repeat(2, axis=0), each)], exponent)


def merged(parts: Sequence[Buckets], exponent: int | None = None) -> Buckets:
    """All buckets of some parts with the same series, as wider ones or of the same width.

    The parts may overlap, as those of two segments do that meet in a bucket; no message may be in two of them. Merging
    is associative, but for the last digit of a sum.
    """
    first = parts[0]
    exponent = first.exponent if exponent is None else exponent
    numbers = np.concatenate([part.numbers >> (exponent - part.exponent) for part in parts])
    first_t, last_t = (np.concatenate([getattr(part, name) for part in parts]) for name in ("first_t", "last_t"))
    order = np.lexsort((first_t, numbers))
    begins = np.flatnonzero(np.diff(numbers[order], prepend=-1))
    if not begins.size:
        return empty(first.names, exponent)
    # The part that begins last need not end last: another may lie within its span.
    firsts = order[begins]
    lasts = np.lexsort((last_t, numbers))[np.append(begins[1:], numbers.size) - 1]
    ends = np.concatenate([part.ends for part in parts], axis=1)
    stats = np.concatenate([part.stats for part in parts], axis=2)[:, :, order]
    return Buckets(
        first.names,
        exponent,
        numbers[firsts],
        first_t[firsts],
        last_t[lasts],
        np.concatenate([part.ts for part in parts])[firsts],
        np.stack([ends[0, firsts], ends[1, lasts]]),
        np.stack([merge.reduceat(stats[:, row], begins, axis=1) for row, merge in enumerate(_MERGES)], axis=1),
    )
