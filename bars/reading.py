"""Reads closed bars of every resolution: by time, or the last ones; in pages, so that memory stays bounded.

A bar is closed when a tick of a later period is known; `next_ms` of the newest second shows up to where. Bars of an
hour and a day are rows. If they are not written yet, as in a database of an older version, the rest is made from finer
rows.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import islice, takewhile

from django.db.models import QuerySet

from bars import stored
from bars.making.market_time import END_MS
from bars.making.ohlcv import Merger, Ohlcv
from bars.making.resolutions import PERIOD_MS, READ_FROM, SECOND_MS, STORED, period_start
from bars.models import Gap
from recorder.models import market_key
from recorder.spans import Span
from runtime.db_threads import Ask, directly

_PAGE_ROWS = 2000
#: Pages grow from here, since most who ask want a few dozen bars.
_FIRST_ROWS = 64


def closed_bars(
    symbol: str,
    resolution: str,
    *,
    from_ms: int | None = None,
    to_ms: int | None = None,
    ask: Ask = directly,
    first_rows: int = _FIRST_ROWS,
) -> Iterator[Ohlcv]:
    """The closed bars of a market that begin at `from_ms` or later and end at `to_ms` or earlier, by time.

    Holds one page of rows, of `first_rows` at first, and no transaction between pages; each query goes through `ask`.
    Raises KeyError for a resolution that is none, django.db.Error.
    """
    end_ms = ask(lambda: _over_before(symbol))
    if end_ms is None:
        return
    if to_ms is not None:
        end_ms = min(end_ms, to_ms)
    for bar in _from(symbol, resolution, from_ms, end_ms, ask, first_rows):
        if bar.close_ms > end_ms:
            return
        if from_ms is None or bar.open_ms >= from_ms:
            yield bar


def last_bars(
    symbol: str, resolution: str, count: int, *, to_ms: int | None = None, after_ms: int | None = None
) -> list[Ohlcv]:
    """The last `count` closed bars that end at `to_ms` or earlier and begin after `after_ms`, by time.

    Raises as `closed_bars`.
    """
    end_ms = _over_before(symbol)
    if end_ms is None or count < 1:
        return []
    if to_ms is not None:
        end_ms = min(end_ms, to_ms)
    end_ms = period_start(end_ms, resolution)
    bars = _before(symbol, resolution, end_ms, count)
    if after_ms is not None:
        bars = takewhile(lambda bar: bar.open_ms > after_ms, bars)
    return list(islice(bars, count))[::-1]


def gaps(symbol: str, from_ms: int | None, to_ms: int | None, most: int) -> list[Span]:
    """Ticks that are missing among those of a time, as (first t, last t); the last one covers all beyond `most`."""
    found = Gap.objects.filter(market_id=market_key(symbol))
    if from_ms is not None:
        found = found.filter(at_ms__gte=from_ms)
    if to_ms is not None:
        found = found.filter(at_ms__lt=to_ms)
    # By time, as the index has them: by t, which rises with it, a database would sort all there are behind `from_ms`.
    return sorted(_spans(found, ("at_ms", "from_t"), most))


def gaps_in(symbol: str, t0: int, t1: int | None, most: int) -> list[Span]:
    """The same among the ticks t0..t1, None for no end, cut to these."""
    found = Gap.objects.filter(market_id=market_key(symbol))
    # Gaps do not overlap: of those that begin before the range, the last one alone may reach into it.
    last_before = found.filter(from_t__lte=t0).order_by("-from_t").values_list("from_t", flat=True).first()
    found = found.filter(from_t__gte=t0 if last_before is None else last_before, to_t__gte=t0)
    if t1 is not None:
        found = found.filter(from_t__lte=t1)
    spans = _spans(found, ("from_t",), most)
    return [(max(first_t, t0), last_t if t1 is None else min(last_t, t1)) for first_t, last_t in spans]


def _spans(found: QuerySet[Gap], order: Sequence[str], most: int) -> list[Span]:
    spans = list(found.order_by(*order).values_list("from_t", "to_t")[:most])
    if len(spans) == most:
        last = found.order_by(*(f"-{name}" for name in order)).values_list("to_t", flat=True)[0]
        spans[-1] = (spans[-1][0], last)
    return spans


def second_from(symbol: str, t: int) -> int:
    """When the first second begins that has tick t or a later one; END_MS if there is none.

    Rows are found by time, not by t, and both rise together: a search of some thirty steps.
    """
    seconds = stored.rows(symbol, "1s")
    first, newest = seconds.first(), seconds.last()
    if first is None or newest is None or newest.last_t < t:
        return END_MS

    def last_t(second: int) -> int:
        found = stored.rows(symbol, "1s", second * SECOND_MS).values_list("last_t", flat=True)[:1]
        return int(found[0])

    span = range(first.open_ms // SECOND_MS, newest.open_ms // SECOND_MS + 1)
    return span[bisect_left(span, t, key=last_t)] * SECOND_MS


def _over_before(symbol: str) -> int | None:
    """The time before which every period is over, as far as the database knows; None without any bar."""
    newest = stored.newest(symbol)
    return None if newest is None else newest.next_ms


def _from(symbol: str, resolution: str, from_ms: int | None, end_ms: int, ask: Ask, first_rows: int) -> Iterator[Ohlcv]:
    """Bars that begin at a time or later and before another: the stored ones, and behind those what finer ones give.

    The last one may be of a period under way, the first of one that has begun before `from_ms`.
    """
    if resolution in STORED:
        kept_ms = ask(lambda: stored.kept_to(symbol, resolution))
        if kept_ms is not None:
            yield from _rows_from(symbol, resolution, from_ms, min(end_ms, kept_ms), ask, first_rows)
            from_ms = kept_ms if from_ms is None else max(from_ms, kept_ms)
    if resolution in READ_FROM and (from_ms is None or from_ms < end_ms):
        finer = _from(symbol, READ_FROM[resolution], from_ms, end_ms, ask, first_rows)
        yield from _merged(finer, resolution)


def _before(symbol: str, resolution: str, end_ms: int, count: int) -> Iterator[Ohlcv]:
    """The same backwards, the last one that begins before a time first; `count` is about how many are wanted."""
    kept_ms = stored.kept_to(symbol, resolution) if resolution in STORED else None
    if resolution in READ_FROM and (kept_ms is None or kept_ms < end_ms):
        finer = READ_FROM[resolution]
        wanted_ms = (count + 1) * PERIOD_MS[resolution] if kept_ms is None else end_ms - kept_ms
        bars = _before(symbol, finer, end_ms, wanted_ms // PERIOD_MS[finer])
        if kept_ms is not None:
            begin_ms = kept_ms
            bars = takewhile(lambda bar: bar.open_ms >= begin_ms, bars)
        yield from _merged_backwards(bars, resolution)
    if kept_ms is not None:
        yield from _rows_before(symbol, resolution, min(end_ms, kept_ms), count + 1)


def _rows_from(symbol: str, base: str, from_ms: int | None, end_ms: int, ask: Ask, first_rows: int) -> Iterator[Ohlcv]:
    """Stored bars that begin at a time or later and before another. Those of a period that has begun before `from_ms`
    are not among them: it is left out anyway."""
    at_ms, page_rows = from_ms or 0, first_rows
    while True:
        page = ask(partial(stored.ohlcv, stored.rows(symbol, base, at_ms, end_ms)[:page_rows]))
        yield from page
        if len(page) < page_rows:
            return
        at_ms, page_rows = page[-1].open_ms + 1, min(4 * page_rows, _PAGE_ROWS)


def _rows_before(symbol: str, base: str, end_ms: int, wanted: int) -> Iterator[Ohlcv]:
    """Stored bars that begin before a time, the last one first; in pages of about as many as are wanted."""
    page_rows = min(wanted, _PAGE_ROWS)
    while True:
        page = stored.ohlcv(stored.rows(symbol, base, before_ms=end_ms).order_by("-open_ms")[:page_rows])
        yield from page
        if len(page) < page_rows:
            return
        end_ms = page[-1].open_ms


def _merged(rows: Iterable[Ohlcv], resolution: str) -> Iterator[Ohlcv]:
    merger = Merger(resolution)
    for row in rows:
        bar = merger.bar
        if bar is not None and merger.close_before(row.open_ms):
            yield bar  # with the `next_ms` of its last part, which closed with it
        merger.take(row)
    if merger.bar is not None:
        yield merger.bar


def _merged_backwards(rows: Iterable[Ohlcv], resolution: str) -> Iterator[Ohlcv]:
    waiting: list[Ohlcv] = []
    for row in rows:
        if waiting and row.open_ms < period_start(waiting[0].open_ms, resolution):
            yield from _merged(reversed(waiting), resolution)
            waiting = []
        waiting.append(row)
    yield from _merged(reversed(waiting), resolution)
