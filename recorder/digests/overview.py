"""The overview: any range of a recording in a bounded number of buckets, with what happened in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np

from market.price_range import PriceRanges
from market.tick import Floats
from market.tick_message import LARGEST
from recorder.digests.digest import FRAMES, METRICS, Note, Rows
from recorder.digests.frame_events import events_in
from recorder.digests.metric_rows import NAMES, metric_rows
from recorder.digests.pyramid import FINEST, HIGH, LOW, Buckets, empty, merged
from recorder.digests.roll_up import digested_to, rolled_buckets, rolled_notes, weightiest
from recorder.digests.tail import Tail
from recorder.digests.unsummed import unsummed, waiting
from recorder.manifest.row_writer import last_t_in_rows
from recorder.models import Run, Segment, market_key
from recorder.recovery.run_registry import price_ranges, unpriced_from
from recorder.spans import Span
from recorder.spans import merged as merged_spans
from recorder.tape.history import History
from recorder.tape.holes import holes
from runtime.db_threads import reading
from runtime.shown import cut

#: The names of the series of metrics as they are answered.
_SERIES = ("price", "N", "avg_exp", "matches", "volatility", "liquidity", "imbalance")

#: Enough for a picture of 5,000 pixels, and a third of the text. The price has one more, since it moves by little.
_DIGITS = 5
_PRICE_DIGITS = 8

_MOST_GAPS, _MOST_RUNS, _MOST_EVENTS = 500, 200, 500

#: What one step of a tail reads: some 50 ms of work.
_MOST_LINES = 10_000
_MOST_FRAMES = 50


class Summed(NamedTuple):
    """A part of the tail of metrics, in prices, and its gaps."""

    buckets: Buckets
    gaps: list[Note]


def metric_tail(history: History) -> Tail[Summed]:
    """The tail of a market's metrics."""
    sum_up, unknown_from = partial(_sum_up, history.symbol), partial(unpriced_from, history.symbol)
    return Tail(history, METRICS, sum_up, _joined, _MOST_LINES, unknown_from)


def event_tail(history: History) -> Tail[list[Note]]:
    """The tail of a market's events."""
    return Tail(history, FRAMES, events_in, lambda one, other: weightiest([*one, *other]), _MOST_FRAMES)


def _sum_up(symbol: str, texts: Iterable[bytes]) -> Summed:
    rows, gaps = metric_rows(texts)
    return Summed(_in_prices(rows, reading(partial(price_ranges, symbol))), gaps)


def _in_prices(rows: Rows, ranges: PriceRanges) -> Buckets:
    """The buckets of metrics, each priced by its own run."""
    parts, begin, t = [], 0, rows.t
    while begin < t.size:
        prices, until = ranges.holding_at(int(t[begin]))
        end = int(np.searchsorted(t, until)) if np.isfinite(until) else t.size
        part = Rows(rows.names, t[begin:end], rows.ts[begin:end], rows.values[:, begin:end])
        parts.append(part.buckets().scaled(prices.low, prices.high - prices.low))
        begin = end
    return merged(parts) if parts else rows.buckets()


def _joined(one: Summed, other: Summed) -> Summed:
    return Summed(merged([one.buckets, other.buckets]), weightiest([*one.gaps, *other.gaps]))


class Whole(NamedTuple):
    """The first and last t of a recording."""

    t0: int
    t1: int


def whole(symbol: str, tail: Buckets | None) -> Whole | None:
    """What is recorded of a market, None if nothing is. Raises django.db.Error."""
    first = Segment.objects.of(symbol, "ticks").kept().order_by("start_t").values_list("start_t", flat=True).first()
    digested = Segment.objects.of(symbol, METRICS).filter(digest__gt=0).order_by("start_t")
    kept = digested.values_list("start_t", flat=True).first()
    last = last_t_in_rows(symbol)
    ends = [t for t in (first, kept, last) if t is not None]
    if tail is not None and len(tail):
        ends += [int(tail.first_t[0]), int(tail.last_t[-1])]
    return Whole(min(ends), max(ends)) if ends else None


def exponent_for(t0: int, t1: int, points: int) -> int:
    """The exponent of the finest buckets of which t0..t1 has at most `points`."""
    exponent = FINEST
    while (t1 >> exponent) - (t0 >> exponent) >= points:
        exponent += 1
    return exponent


def widened(t0: int, t1: int, exponent: int) -> Span:
    """The range with the buckets whole that it cuts, so that a bucket is the same in every range."""
    return t0 >> exponent << exponent, (((t1 >> exponent) + 1) << exponent) - 1


class Present(NamedTuple):
    """What every overview of a market needs, and what no digest holds yet of its metrics and events.

    `read` is the span of which `metrics` holds all, `read_events` that of `events`.
    """

    whole: Whole | None
    holes: list[Span]
    metrics: Summed | None
    events: list[Note]
    read: Span
    read_events: Span


def present_of(history: History) -> Callable[[], Present]:
    """Finds what is present now, each time it is called; for one thread at a time.

    It raises OSError, django.db.Error.
    """
    metrics, events = metric_tail(history), event_tail(history)

    def find() -> Present:
        tail = metrics.step()
        new = events.step() or []
        return Present(*reading(partial(_standing, history.symbol, tail)), tail, new, metrics.span, events.span)

    return find


def _standing(symbol: str, tail: Summed | None) -> tuple[Whole | None, list[Span]]:
    return whole(symbol, None if tail is None else tail.buckets), holes(symbol, "ticks", _MOST_GAPS)


def overview(symbol: str, present: Present, t0: int | None, t1: int | None, points: int) -> dict[str, Any]:
    """The answer of `/overview`. Raises django.db.Error."""
    known = present.whole
    if known is None:
        return {"t0": t0, "t1": t1, "bucket": 1 << FINEST, **_columns(None), **_nothing()}
    t1 = max(known.t1, t0 or 0) if t1 is None else t1
    t0 = min(known.t0, t1) if t0 is None else t0
    # Nothing is asked of what lies outside the recording, however far that is.
    inner_t0, inner_t1 = max(t0, known.t0), min(t1, known.t1)
    exponent = exponent_for(t0, t1, points)
    left, left_events = waiting(symbol, METRICS, t0, t1), waiting(symbol, FRAMES, t0, t1)
    found = _buckets(symbol, present.metrics, exponent, inner_t0, inner_t1) if inner_t0 <= inner_t1 else None
    runs = _runs(symbol, t0, t1)
    return {
        "t0": t0,
        "t1": t1,
        "bucket": 1 << exponent,
        **_columns(found),
        "gaps": [{"from_t": first, "to_t": last} for first, last in _gaps(symbol, present, inner_t0, inner_t1)],
        "runs": [{"t": run.first_t, "source": cut(run.source)} for run in runs],
        "events": _events(symbol, present.events, inner_t0, inner_t1, _longest_window(runs)),
        "unsummed": unsummed(left, t0, t1, [present.read], 1 << exponent),
        "unsummed_events": unsummed(left_events, t0, t1, [present.read_events], 1 << exponent),
    }


def _nothing() -> dict[str, Any]:
    return {"gaps": [], "runs": [], "events": [], "unsummed": [], "unsummed_events": []}


def _buckets(symbol: str, tail: Summed | None, exponent: int, t0: int, t1: int) -> Buckets | None:
    new = empty(NAMES) if tail is None else tail.buckets

    def after(t: int) -> Buckets:
        return new.where(np.flatnonzero(new.first_t > t))

    return summed_buckets(symbol, METRICS, after, exponent, t0, t1)


def summed_buckets(
    symbol: str, kind: str, newest: Callable[[int], Buckets], exponent: int, t0: int, t1: int
) -> Buckets | None:
    """The buckets that overlap t0..t1: what is rolled up, and the newest ones, None if there are none.

    `newest` gives those of no digest, behind a t: what was digested since they were read is in both. Raises
    django.db.Error.
    """
    t0, t1 = widened(t0, t1, exponent)
    new = newest(digested_to(symbol, kind)).numbered(t0 >> FINEST, t1 >> FINEST)  # first: a digest may come now
    rolled = rolled_buckets(symbol, kind, exponent, t0, t1)
    parts = [part for part in (rolled, new) if part is not None and len(part)]
    return merged(parts, exponent) if parts else None


def _columns(found: Buckets | None) -> dict[str, Any]:
    if found is None:
        found = empty(NAMES)
    first, last = (short(end, _PRICE_DIGITS) for end in found.ends)
    series = {name: spread(found, place, _DIGITS if place else _PRICE_DIGITS) for place, name in enumerate(_SERIES)}
    price = {"first": first, "last": last, **series.pop("price")}
    return {"t": (found.numbers << found.exponent).tolist(), "ts": short(found.ts, 13), "price": price, **series}


def spread(found: Buckets, series: int, digits: int) -> dict[str, list[float] | list[int]]:
    """Mean, minimum and maximum of a series in each bucket; NaN or infinity, null in JSON, where it has no value."""
    stats = found.stats[series]
    return {
        "mean": short(found.means(series), digits),
        "min": short(stats[LOW], digits),
        "max": short(stats[HIGH], digits),
    }


def short(values: Floats, digits: int) -> list[float] | list[int]:
    """Numbers of so many digits, without a point where all are whole; JSON has null for what is no number."""
    with np.errstate(divide="ignore", invalid="ignore"):
        places = np.nan_to_num(np.floor(np.log10(np.abs(values))), nan=0, posinf=0, neginf=0)
        # Powers of ten up to 10^22 are exact, so the quotient is the number nearest to so many digits.
        decimals = np.clip(digits - 1 - places, 0, 22)
        scale = 10.0**decimals
        rounded = np.round(values * scale) / scale
    if (np.abs(rounded) <= LARGEST).all() and (rounded == np.round(rounded)).all():
        return list(rounded.astype(np.int64).tolist())
    return list(rounded.tolist())


def _gaps(symbol: str, present: Present, t0: int, t1: int) -> list[Span]:
    notes = rolled_notes(symbol, METRICS, t0, t1) + ([] if present.metrics is None else present.metrics.gaps)
    told = [(note.what["from_t"], note.what["to_t"]) for note in notes]
    found = merged_spans([*told, *present.holes])
    inside = [(max(first, t0), min(last, t1)) for first, last in found if first <= t1 and last >= t0]
    longest = sorted(inside, key=lambda span: span[0] - span[1])[:_MOST_GAPS]
    return sorted(longest)


def _runs(symbol: str, t0: int, t1: int) -> list[Run]:
    """The runs that begin in the range, and the one that it begins in."""
    rows = Run.objects.filter(market_id=market_key(symbol)).order_by("-first_t", "-id")
    return [*rows.filter(first_t__gt=t0, first_t__lte=t1)[:_MOST_RUNS], *rows.filter(first_t__lte=t0)[:1]][::-1]


def _longest_window(runs: Iterable[Run]) -> int:
    """How much later than an event the frame may be that contains it: the first of a run has those of its window."""
    return max((int(run.settings.get("cam_w", 0)) for run in runs), default=0)


def _events(symbol: str, new: list[Note], t0: int, t1: int, window: int) -> list[dict[str, Any]]:
    """The strongest events of a range; an event is noted at its frame, which is later than itself."""
    digested_t = digested_to(symbol, FRAMES)
    notes = [*rolled_notes(symbol, FRAMES, t0, t1 + window), *(note for note in new if note.at > digested_t)]
    inside = (note for note in notes if t0 <= note.what["t"] <= t1)
    return sorted((note.what for note in weightiest(inside, _MOST_EVENTS)), key=itemgetter("t"))
