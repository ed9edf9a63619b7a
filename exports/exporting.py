"""The export of a market to a folder: for the command, and for the task that keeps a folder current."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from exports.errors import FolderHeld, NothingRecorded
from exports.folder import MCAP, Folder, Layout
from exports.recorded import RunPrices
from marketcamera.tables.columns import TABLES
from recorder.recovery.run_registry import price_ranges, unpriced_from
from recorder.store.directory_lock import alone_in
from recorder.store.store_paths import directory_of
from recorder.tape.history import History
from runtime.db_threads import reading

#: Every kind that there can be in a folder of tables.
KINDS = tuple(TABLES)


def recording_of(symbol: str) -> History:
    """The recording that a market has now. Raises NothingRecorded, OSError, django.db.Error."""
    history = History(symbol, directory_of(symbol))
    store_id = history.known_id()
    if history.told_to() is None:
        raise NothingRecorded(symbol, history.directory)
    return history if store_id is None else history.of_store(store_id)


@contextmanager
def opened(directory: Path, symbol: str, layout: Layout) -> Iterator[Folder]:
    """A folder that this process alone exports to. Raises ExportError, OSError, django.db.Error."""
    history = recording_of(symbol)
    last_t, prices = _priced(history)
    directory.mkdir(parents=True, exist_ok=True)
    with alone_in(directory) as is_alone:
        if not is_alone:
            raise FolderHeld(directory)
        yield Folder(directory, history, layout, prices, last_t)


def _priced(history: History) -> tuple[int | None, RunPrices]:
    """The last t of a recording whose price is known, and the prices up to there. Raises OSError, django.db.Error.

    Ticks come first, since the row of a run is there before its ticks, and may get its prices after them.
    """
    last_t = history.told_to()
    unpriced_t = reading(lambda: unpriced_from(history.symbol))
    prices = RunPrices(reading(lambda: price_ranges(history.symbol)))
    return (last_t if last_t is None or last_t < unpriced_t else int(unpriced_t) - 1), prices


def kinds_of(layout: Layout) -> tuple[str, ...]:
    """The kinds that a folder of this layout can have."""
    return (MCAP,) if layout.form == "mcap" else KINDS


def keep_current(directory: Path, symbol: str, is_over: Callable[[], bool]) -> int:
    """Export what a market has recorded since, until `is_over`; how many rows that were. Raises as `opened`.

    The kind that is furthest behind is the first: where there is never time for all, none stays behind for ever.
    """
    rows = 0
    with opened(directory, symbol, Layout()) as folder:
        to_t = folder.last_t or 0
        for kind in sorted(KINDS, key=folder.begin_of):
            for part in folder.export(kind, to_t):
                rows += part.rows
                if is_over():
                    return rows
    return rows
