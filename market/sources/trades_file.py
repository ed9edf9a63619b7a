"""A table of trades as a source: CSV, NDJSON or Parquet, made ticks."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from pathlib import Path

import orjson

from market.sources.options import Options, SourceSettings
from market.sources.price_watch import PriceWatch
from market.sources.source import Source, SourceError
from market.sources.text_file import Unreadable, reason, unpacked, without_mark
from market.sources.trade_options import SECONDS, TRADE_OPTIONS, not_negative, trade_options
from market.sources.trade_tables.columns import FIELDS, BadRow, TradeColumns
from market.sources.trade_tables.csv_table import CsvTable
from market.sources.trade_tables.ndjson_table import NdjsonTable
from market.sources.trade_tables.parquet_table import ParquetTable
from market.sources.trade_tables.table import Place, Row, Table
from market.tick import Tick
from market.trades.ticks import TradeTicks
from market.trades.trade import Trade, TradeError

log = logging.getLogger(__name__)

#: How far back in time a row may lie, in seconds, and still count to its own tick.
LATE_SECONDS = 5.0

#: How files begin that are often given as tables, and what they are.
_OTHERS = {
    b"PK\x03\x04": "a zip archive or a workbook",
    b"BZh": "compressed by bzip2",
    b"\xfd7zXZ\x00": "compressed by xz",
    b"ARROW1": "an Arrow file",
    b"\xff\xfe": "text in UTF-16",
    b"\xfe\xff": "text in UTF-16",
    **dict.fromkeys((b"[{", b"[ ", b"[\n", b"[\r"), "one JSON array"),
}

_OPTIONS = f"{', '.join(FIELDS)}, late, bad, {TRADE_OPTIONS}"


class TradesFile(Source):
    """The ticks of `trades:PATH?options`: docs/sources.md, "A table of trades".

    Its position is a place in the table and the trades read up to there whose ticks are still to come. Memory is
    bounded for tables of any length: it holds `late` seconds of trades, and names. Raises SourceError at once for a
    file that cannot be read, for columns that are missing and for bad options; and while reading for a row that is no
    trade.
    """

    replayable = True

    def __init__(self, setting: str, settings: SourceSettings) -> None:
        super().__init__()
        options = Options(setting)
        self.path, self.name = Path(options.path), options.setting
        named = {field: options.take(field, str, "") for field in FIELDS if field in options.names}
        self._late = options.take("late", not_negative, LATE_SECONDS, SECONDS)
        self._skips_bad = options.take("bad", _skip_or_stop, False, "skip or stop")
        self._silence, self._range = trade_options(options)
        options.end(_OPTIONS)
        self._tick_seconds, self._most_step = settings.tick_seconds, settings.most_step_seconds
        try:
            self._table = _table(self.path)
            self._ticks = self._new_ticks()
        except (OSError, ValueError, Unreadable, TradeError) as error:
            raise self._error(error) from None
        self._columns = TradeColumns(self._table.columns, named, self.name)
        if guessed := self._columns.guessed:
            log.info("%s: columns by their names: %s", self.name, ", ".join(f"{f}={c}" for f, c in guessed.items()))
        self._place, self._newest, self._bad = Place(), 0.0, 0
        self.price_range, self._watch = self._range, PriceWatch(self.name)

    def __iter__(self) -> Iterator[Tick]:
        try:
            yield from self._due()  # what was still to come when a checkpoint was made
            for number, trade in self._trades():
                self._take(trade, number)
                yield from self._due()
            for tick in self._ticks.ticks_of_trades():
                yield self._ranged(tick)
        except (OSError, Unreadable) as error:
            raise self._error(error) from None
        self._tell_end()

    def checkpoint(self) -> str:
        position = {"place": [*self._place], "newest": self._newest, "bad": self._bad, "ticks": self._ticks.to_dict()}
        return orjson.dumps(position).decode()

    def restore(self, checkpoint: str) -> None:
        try:
            saved, ticks = orjson.loads(checkpoint), self._new_ticks()
            ticks.restore(saved["ticks"])
            row, offset = saved["place"]
            self._place, self._newest, self._bad = Place(int(row), int(offset)), float(saved["newest"]), saved["bad"]
        except (KeyError, TypeError, ValueError) as error:
            raise SourceError(f"{self.name}: not a checkpoint of it: {error!r}") from None
        self._ticks = ticks
        self.price_range = ticks.price_range

    def take_over(self, checkpoint: str, recorded: Iterable[Tick]) -> bool:
        return self._ticks.take_over(checkpoint, recorded)

    def _new_ticks(self) -> TradeTicks:
        ids_of = lambda names, t: self.agent_ids.ids_of(names, t)  # noqa: E731 - the store's register may replace it
        return TradeTicks(self._tick_seconds, ids_of, silence=self._silence, price_range=self._range)

    def _due(self) -> Iterator[Tick]:
        """The ticks that no trade can change any more, if none is more than `late` seconds late."""
        for tick in self._ticks.ticks_of_trades(self._newest - self._late):
            yield self._ranged(tick)

    def _ranged(self, tick: Tick) -> Tick:
        self.price_range = self._ticks.price_range
        self._watch.look(tick, self.price_range)
        return tick

    def _trades(self) -> Iterator[tuple[int, Trade]]:
        """The trades of the table with the numbers of their rows, each while `_place` is between it and the next.

        One that leaps ahead of all before it waits for the next: where that falls back, its time is damaged.
        """
        leapt: tuple[int, Trade] | None = None
        for row in self._table.rows(self._columns.columns, self._place):
            trade, number = self._trade(row), row.behind.row
            if trade is not None and leapt is not None:
                if self._is_misdated(*leapt, trade):
                    leapt = None
                else:
                    yield leapt
            self._place = row.behind
            if trade is not None:
                leapt = (number, trade) if self._leaps(trade) else None
                if leapt is None:
                    yield number, trade
        if leapt is not None:
            yield leapt

    def _trade(self, row: Row) -> Trade | None:
        """The trade in a row; None where it is a bad one to leave out. Raises SourceError."""
        try:
            if isinstance(row.values, str):
                raise BadRow(row.values)
            return self._columns.trade(row.values)
        except BadRow as bad:
            self._leave_out(row.behind.row, bad)
            return None

    def _leaps(self, trade: Trade) -> bool:
        return bool(self._most_step) and trade.time - self._newest > self._most_step

    def _is_misdated(self, number: int, trade: Trade, behind: Trade) -> bool:
        """Whether a trade that leapt is one to leave out, by the next one. Raises SourceError."""
        ahead = trade.time - behind.time
        if ahead <= max(self._late, self._most_step):
            return False
        why = f"it is {ahead:,.0f} s ahead of the next row, and of all before (IG_MAX_TIME_STEP_SECONDS=0 allows any)"
        self._leave_out(number, BadRow(f"column {self._columns.by_field['time']}: {why}"))
        return True

    def _leave_out(self, number: int, bad: BadRow) -> None:
        """Raises SourceError where bad rows are to end the market."""
        if not self._skips_bad:
            raise SourceError(f"{self.name}: row {number}: {bad}") from None
        self._bad += 1
        _tell(self._bad, f"{self.name}: row {number} is left out: {bad}")

    def _take(self, trade: Trade, number: int) -> None:
        try:
            self._add(trade, number)
        except TradeError as error:
            raise SourceError(f"{self.name}: row {number}: {error}") from None

    def _add(self, trade: Trade, number: int) -> None:
        ticks = self._ticks
        late, with_itself = ticks.late, ticks.with_itself
        ticks.add(trade)
        self._newest = max(self._newest, trade.time)
        if ticks.late > late:
            what = f"is more than {self._late:g} s late, and counts to the tick under way"
            _tell(ticks.late, f"{self.name}: row {number} {what}")
        if ticks.with_itself > with_itself:
            what = f"is a trade of {trade.buyer} with itself, and left out"
            _tell(ticks.with_itself, f"{self.name}: row {number} {what}")

    def _tell_end(self) -> None:
        counts = self._ticks.late, self._ticks.with_itself, self._bad
        log.info("%s: %d rows; %d late, %d trades with themselves, %d bad", self.name, self._place.row, *counts)

    def _error(self, error: Exception) -> SourceError:
        return SourceError(f"{self.name}: {reason(error)}")


def _table(path: Path) -> Table:
    """The table in a file, whose format is told by its first bytes. Raises OSError, ValueError, Unreadable."""
    with path.open("rb") as file:
        if not file.seekable():
            raise Unreadable("it is a pipe; a table must be a file, to be read again from any place after a crash")
        if file.peek(4)[:4] == b"PAR1":
            return ParquetTable(path)
        _refuse_others(file.peek(8))
        begin = without_mark(next(unpacked(file), b"")).lstrip()
    return NdjsonTable(path) if begin.startswith(b"{") else CsvTable(path)


def _refuse_others(begin: bytes) -> None:
    """Raises Unreadable for what is often given as a table, and is none of ours."""
    for mark, what in _OTHERS.items():
        if begin.startswith(mark):
            raise Unreadable(f"it is {what}; a table is CSV or NDJSON in UTF-8, both plain, gzip or zstd, or Parquet")


def _skip_or_stop(text: str) -> bool:
    if text not in ("skip", "stop"):
        raise ValueError
    return text == "skip"


def _tell(count: int, message: str) -> None:
    """Log a kind of row more and more seldom: there may be many."""
    if count.bit_count() == 1:
        log.warning("%s (%s so far)", message, f"{count:,}")
