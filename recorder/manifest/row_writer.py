"""Writes the manifest's rows on its own thread, from the facts of the segment writers."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from django.db import Error as DatabaseError
from django.db import transaction
from django.db.models import F

from recorder.errors import ManifestStopped
from recorder.manifest import inventory
from recorder.manifest.inventory import FileChange
from recorder.models import Cold, Market, Run, Segment, SegmentQuerySet
from recorder.segment.layout import SegmentFacts
from recorder.segment.listing import DirectoryChange
from recorder.spans import Span, merged
from runtime.announced import Announced
from runtime.db_threads import close_connections, detached, persistently
from runtime.supervision import OnFailure, logged

#: How long rows of pending segments may lag, so that three writers cost one write per second.
REFRESH_SECONDS = 1.0
#: How often an unavailable database is tried again.
RETRY_SECONDS = 1.0

_PAGE_ROWS = 200
#: The row with the last end is among this many rows with the last begin.
_LAST_ROWS = 8

logger = logging.getLogger(__name__)


def finished(market: Market | str, kind: str | None = None) -> SegmentQuerySet:
    """Sealed segments of a market (row or symbol), oldest first, removed and missing ones among them."""
    return Segment.objects.of(market, kind).finished().oldest_first()


def last_t_in_rows(market: Market | str, kind: str = "ticks") -> int | None:
    """The last message's t in any row, removed segments included; None without a message."""
    rows = Segment.objects.of(market, kind)
    # A segment that was lost in a crash and made again may reach further than the one that begins last.
    ends = [t for some in (rows.kept(), rows.gone()) for t in _ends_of_last(some)]
    last = max(ends, default=-1)
    return None if last < 0 else last


def _ends_of_last(rows: SegmentQuerySet) -> list[int]:
    return list(rows.order_by("-start_t").values_list("end_t", flat=True)[:_LAST_ROWS])


def pages(rows: SegmentQuerySet) -> Iterator[Segment]:
    """Rows in their order, each as it is when it is returned. Raises django.db.Error.

    For callers that spend long on each row: meanwhile neither a connection nor a transaction is open.
    """
    keys = persistently(lambda: list(rows.values_list("pk", flat=True)), "the manifest")
    for at in range(0, len(keys), _PAGE_ROWS):
        chunk = keys[at : at + _PAGE_ROWS]
        found = persistently(partial(rows.in_bulk, chunk), "the manifest")
        yield from (found[key] for key in chunk if key in found)


def spans_kept(market: Market | str, kind: str) -> list[Span]:
    """The t in segments of a kind that can be read, ascending."""
    rows = Segment.objects.of(market, kind).kept().filter(end_t__gte=F("start_t"))
    return merged(rows.values_list("start_t", "end_t"))


def save_facts(market: Market, run: Run | None, facts: SegmentFacts) -> Segment:
    """Creates or updates a segment's row; an existing row keeps its run, its pin and its removal."""
    row = inventory.change_row(Segment.objects.of(market, facts.kind).filter(name=facts.name), **_values(facts))
    if row is None:
        with transaction.atomic():
            names = {"market": market, "kind": facts.kind, "name": facts.name}
            row = Segment.objects.create(run=run, **names, **_values(facts))
            inventory.count(row.market_id, row.kind, inventory.Stock(), inventory.stock_of(row))
    return row


def _values(facts: SegmentFacts) -> dict[str, Any]:
    return {
        "start_t": facts.start_t,
        "end_t": facts.end_t,
        "lines": facts.lines,
        "bytes": facts.bytes,
        "text_bytes": facts.text_bytes,
        "created_at": facts.created_at,
        "pending": facts.pending,
        "seek_points": [list(point) for point in facts.seek_points],
        "gaps": facts.gaps,
        "sha256": facts.sha256,
        "missing": False,
        # Of what was in it before, if anything.
        "digest": 0,
        "cold": Cold.NONE,
    }


class ManifestRowWriter:
    """Writes the facts of a run and its segments to rows, on its own thread.

    `record` takes facts from any thread without waiting for the database. The newest facts of a segment win. A sealed
    segment is written at once, pending ones every REFRESH_SECONDS. While the database is unavailable, facts are kept
    and retried every RETRY_SECONDS. The same happens after any other error, which is passed to `on_failure`. `shown`
    returns the columns of the run's row that its ticks showed so far; the row has them from then on, and `on_shown` is
    called on the thread. So is `follow` whenever rows are written: it writes others. Both may raise django.db.Error as
    rows do. What waits is dropped unless the market still `is_mine`: another process writes its rows then.
    """

    def __init__(
        self,
        market: Market,
        run: Run | None,
        on_failure: OnFailure = logged,
        *,
        shown: Callable[[], dict[str, Any]] = dict,
        on_shown: Callable[[], None] = lambda: None,
        follow: Callable[[], None] = lambda: None,
        is_mine: Callable[[], bool] = lambda: True,
        refresh_seconds: float = REFRESH_SECONDS,
        retry_seconds: float = RETRY_SECONDS,
    ) -> None:
        self._market = market
        self._run = run
        self._shown, self._on_shown, self._follow = shown, on_shown, follow
        self._on_failure, self._is_mine = on_failure, is_mine
        self._refresh_seconds = refresh_seconds
        self._retry_seconds = retry_seconds
        self._waiting: dict[tuple[str, str], SegmentFacts] = {}
        self._changes: list[FileChange] = []
        self._changed = threading.Condition()
        self._urgent = False
        self._closing = False
        self._given_up = False
        self._retrying = False
        self._database = Announced(logger)
        self._thread = threading.Thread(
            target=partial(detached, self._work), name=f"manifest {market.symbol}", daemon=True
        )
        self._thread.start()

    @property
    def waiting(self) -> int:
        """The number of segments whose rows lag behind their facts."""
        return len(self._waiting)

    def record(self, facts: SegmentFacts) -> None:
        """Takes the facts of a segment. Raises ManifestStopped after close."""
        key = (facts.kind, facts.name)
        with self._changed:
            self._check_open()
            known = self._waiting.get(key)
            if known is not None and facts.pending and not known.pending:
                return
            self._waiting[key] = facts
            if not facts.pending:
                if facts.directory_change is not None:
                    self._changes.append(FileChange(facts.kind, facts.directory_change))
                self._hurry()

    def record_file(self, kind: str, name: str, change: DirectoryChange) -> None:
        """Takes a change of a file without facts (`on_file`). Raises as `record`."""
        with self._changed:
            self._check_open()
            self._changes.append(FileChange(kind, change, name))
            self._hurry()

    def _check_open(self) -> None:
        if self._closing:
            raise ManifestStopped(self._market.symbol)

    def _hurry(self) -> None:
        self._urgent = True
        self._changed.notify()

    def close(self, timeout: float) -> bool:
        """Writes what waits and ends the thread; returns False if that took longer than `timeout` seconds. With none at
        all nothing more is written."""
        with self._changed:
            self._closing, self._given_up = True, not timeout
            self._changed.notify()
        self._thread.join(timeout)
        with self._changed:
            self._given_up = True
            self._changed.notify()
        written = not (self._thread.is_alive() or self._waiting)
        if not written and timeout:
            logger.error("%s: rows of the manifest were not written", self._market.symbol)
        return written

    def _work(self) -> None:
        while self._wait():
            self._write_all()

    def _wait(self) -> bool:
        """Waits until rows should be written; returns False when there is nothing more to do."""
        with self._changed:
            if self._database.is_lost or self._retrying:
                self._changed.wait_for(lambda: self._given_up, self._retry_seconds)
            else:
                self._changed.wait_for(lambda: self._urgent or self._closing, self._refresh_seconds)
            self._urgent = False
            return not self._given_up and not (self._closing and not self._waiting and not self._changes)

    def _write_all(self) -> None:
        with self._changed:
            taken, self._waiting = self._waiting, {}
            changes, self._changes = self._changes, []
        if not self._is_mine():
            return
        try:
            for key, facts in list(taken.items()):
                self._save_shown()
                save_facts(self._market, self._run, facts)
                del taken[key]
            inventory.follow(self._market, changes)
            changes = []
            self._follow()
        except DatabaseError as error:
            self._put_back(taken, changes)
            close_connections()
            self._database.lost("%s: the database is unavailable, rows wait: %s", self._market.symbol, error)
        except Exception as error:  # noqa: BLE001 (told, and no reason to give up the rows of others)
            self._put_back(taken, changes)
            self._on_failure(f"manifest of {self._market.symbol}", error)
            self._retrying = True
        else:
            self._retrying = False
            self._database.back("%s: the database is back, the manifest has caught up", self._market.symbol)

    def _save_shown(self) -> None:
        run, shown = self._run, self._shown()
        if run is None or all(getattr(run, name) == value for name, value in shown.items()):
            return
        Run.objects.filter(pk=run.pk).update(**shown)
        self._on_shown()
        for name, value in shown.items():
            setattr(run, name, value)

    def _put_back(self, taken: dict[tuple[str, str], SegmentFacts], changes: list[FileChange]) -> None:
        """Put facts back to wait, unless newer ones came; the first, which failed, goes last.

        A single row that the database refuses therefore delays no other.
        """
        with self._changed:
            failed = next(iter(taken), None)
            self._waiting = {**taken, **self._waiting}
            if failed is not None:
                self._waiting[failed] = self._waiting.pop(failed)
            self._changes = [*changes, *self._changes]
