"""The rows of a table in a range of a recording, with what is missing in it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile
from typing import Any, NamedTuple

from bars import reading
from bars.making.resolutions import period_start
from market.price_range import PriceRange, PriceRanges
from marketcamera.tables.arrow import marked, schema_of
from marketcamera.tables.batches import bar_batches, batches
from marketcamera.tables.columns import TABLES
from marketcamera.tables.gaps import Gaps
from recorder.errors import OtherStore
from recorder.tape.history import History, Message
from runtime.pools import asked

#: Gaps among bars, at most; the last one covers the rest.
_MOST_GAPS = 1000


class Wanted(NamedTuple):
    """A table and its range: t0 <= t <= t1, None for no bound. `resolution` is of bars."""

    table: str
    t0: int | None = None
    t1: int | None = None
    resolution: str = "1m"


class RunPrices:
    """Prices by the ranges of a market's runs."""

    def __init__(self, ranges: PriceRanges) -> None:
        self._ranges = ranges
        self._range: PriceRange | None = None
        self._first_t = self._end_t = 0.0

    def price_at(self, t: int, price_norm: float) -> float:
        """The market's price at a t. Ticks come by t, so that the range of the last one mostly holds."""
        if self._range is None or not self._first_t <= t < self._end_t:
            (self._range, self._end_t), self._first_t = self._ranges.holding_at(t), t
        return self._range.price_of(price_norm)


class TapeLines:
    """The messages of one tape in a range, as recorded; what is missing among them is added to `gaps`.

    An iterator. Raises OSError.
    """

    def __init__(self, history: History, kind: str, t0: int | None, t1: int | None, gaps: Gaps) -> None:
        self._history, self._kind, self._to_t, self._gaps = history, kind, t1, gaps
        self._told_t = -1 if t0 is None else t0 - 1
        self._messages: Iterator[Message] | None = None
        self._is_over = False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._messages is None:
            self._messages = self._history.messages([self._kind], self._told_t, self._to_t)
        try:
            for message in self._messages:
                if self._is_over:
                    break
                self._told_t = message.last_t
                if message.text is not None:
                    return message.text
                self._gaps.add(message.first_t, message.last_t, message.reason)
        except OtherStore:
            self._gaps.add(self._told_t + 1, self._told_t + 1, "store_changed")
        self._messages = iter(())
        raise StopIteration

    def end(self) -> None:
        """No line follows, since nobody wants them any more; from any thread, also while a line is read."""
        self._is_over = True

    def let_go(self) -> None:
        """Close what is open; the next line is read from where it lies. Not while a line is read."""
        self._messages = None


class Rows:
    """The rows of a table in a market's recording: a `schema`, and an iterator of record batches.

    `gaps` are known once the last batch was read. Raises OSError, django.db.Error, BadMessage.
    """

    def __init__(self, history: History, wanted: Wanted, prices: RunPrices | None) -> None:
        self.gaps = Gaps()
        self._lines: TapeLines | None = None
        self._is_over = False
        facts = {"symbol": history.symbol, "store": history.store_id or ""}
        self.schema = marked(schema_of(wanted.table), facts)
        if wanted.table == "bars":
            bars = _bars(history.symbol, wanted, self.gaps)
            self.batches = bar_batches(takewhile(lambda _: not self._is_over, bars))
        else:
            tape = TABLES[wanted.table].tape
            self._lines = TapeLines(history, tape, wanted.t0, wanted.t1, self.gaps)
            self.batches = batches(wanted.table, self._lines, prices=prices)

    def told(self) -> dict[str, str]:
        """What is known at the end: the metadata `gaps`."""
        return {"gaps": self.gaps.json()}

    def end_with(self, t: int) -> None:
        """The rows were those up to this t: what is missing behind it is not of their range."""
        found, self.gaps = self.gaps, Gaps()
        for gap in found:
            if gap.from_t <= t:
                self.gaps.add(gap.from_t, min(gap.to_t, t), gap.reason)

    def let_go(self) -> None:
        """Close what is open until the next batch is read. Not while one is."""
        if self._lines is not None:
            self._lines.let_go()

    def end(self) -> None:
        """Read no further, since nobody takes the rows any more: a batch may be of hours. From any thread."""
        self._is_over = True
        if self._lines is not None:
            self._lines.end()


def _bars(symbol: str, wanted: Wanted, gaps: Gaps) -> Iterator[tuple[Any, ...]]:
    """The closed bars whose ticks all lie in the range, as the columns of their table."""
    t0, t1 = wanted.t0 or 0, wanted.t1
    # A period may begin before its first tick does.
    begin_ms = period_start(asked(lambda: reading.second_from(symbol, t0)), wanted.resolution)
    for first_t, last_t in asked(lambda: reading.gaps_in(symbol, t0, t1, _MOST_GAPS)):
        gaps.add(first_t, last_t, "lost")
    for bar in reading.closed_bars(symbol, wanted.resolution, from_ms=begin_ms, ask=asked):
        if t1 is not None and bar.last_t > t1:
            return
        if bar.first_t >= t0:
            times = bar.first_t, bar.open_ms, bar.close_ms, bar.last_t
            yield (*times, wanted.resolution, bar.open, bar.high, bar.low, bar.close, bar.volume)
