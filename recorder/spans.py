"""Spans of t: unions, gaps and differences."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise
from operator import itemgetter

#: First and last t, both included.
Span = tuple[int, int]


def merged(spans: Iterable[Span]) -> list[Span]:
    """The same t in as few spans as possible, ascending."""
    found: list[Span] = []
    for first, last in sorted(spans):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return found


def between(spans: Iterable[Span]) -> list[Span]:
    """The spans between them, ascending."""
    return [(before[1] + 1, behind[0] - 1) for before, behind in pairwise(merged(spans))]


def without(span: Span, others: Iterable[Span]) -> list[Span]:
    """The rest of a span without the others, ascending. All of these are sorted: of many, give those `near` it."""
    left, at = [], span[0]
    for first, last in merged(others):
        if first > at:
            left.append((at, min(first - 1, span[1])))
        at = max(at, last + 1)
        if at > span[1]:
            break
    if at <= span[1]:
        left.append((at, span[1]))
    return [(first, last) for first, last in left if first <= last and first <= span[1]]


def near(span: Span, others: Sequence[Span]) -> Sequence[Span]:
    """Those of many others that may have a t of a span; the others are ascending and have no t twice."""
    first = max(0, bisect_right(others, span[0], key=itemgetter(0)) - 1)
    return others[first : bisect_right(others, span[1], key=itemgetter(0))]


def meets(span: Span, others: Sequence[Span]) -> bool:
    """Whether a span has a t of any of the others, which are ascending and have no t twice."""
    begun = bisect_right(others, span[1], key=itemgetter(0))
    return begun > 0 and others[begun - 1][1] >= span[0]


def length(spans: Iterable[Span]) -> int:
    """How many t they hold, each counted once."""
    return sum(last - first + 1 for first, last in merged(spans))
