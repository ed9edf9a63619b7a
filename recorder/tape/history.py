"""History: a market's recording as a stream of messages of several kinds, with every loss announced."""

from __future__ import annotations

import heapq
import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import count
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from django.db import Error as DatabaseError
from django.db.models import F

from recorder.errors import OtherStore
from recorder.manifest.on_disk_alone import on_disk_alone
from recorder.models import Market, Segment
from recorder.segment.checked_lines import Line
from recorder.segment.layout import SegmentName
from recorder.segment.listing import Found, lies_in, names_in
from recorder.segment.segment_lines import opened
from recorder.spans import Span, without
from recorder.store.store_id import read_store_id
from recorder.tape.reader import first_t, last_line, read, texts_of, told_to
from recorder.tape.segment_finder import ManifestFinder, known
from runtime.db_threads import reading

log = logging.getLogger(__name__)

#: The order in which messages of one t are given.
_ORDER = {"frames": 0, "metrics": 1, "ticks": 2}


#: Reasons of losses of messages that were recorded: a reader, or a repair, found them.
FOUND_OUT = ("expired", "damaged", "elsewhere")


class Message(NamedTuple):
    """A recorded message, or a loss of messages of `kind` with first_t <= t <= last_t: then `text` is None."""

    kind: str
    first_t: int
    last_t: int
    text: bytes | None
    reason: str = ""


class History:
    """The recording of one market; `directory` is where its files are.

    With a `store_id` only that recording is read. If another one has taken its place, reading raises OtherStore before
    it returns anything of the other. (A writer creates its id before its files, so the id read after opening a file is
    the file's.)
    """

    def __init__(self, symbol: str, directory: Path, store_id: str | None = None) -> None:
        self.symbol, self.directory, self.store_id = symbol, directory, store_id

    def of_store(self, store_id: str) -> History:
        """The same market's recording of this id."""
        return History(self.symbol, self.directory, store_id)

    def id_on_disk(self) -> str | None:
        """The id of the store now; None if it has none, as in a store of an older version."""
        return read_store_id(self.directory)

    def known_id(self) -> str | None:
        """The id on disk or, where the store's disk is elsewhere, in the database. Raises django.db.Error."""
        found = self.id_on_disk()
        if found is None and self.is_elsewhere():
            rows = Market.objects.filter(symbol=self.symbol).values_list("store_id", flat=True)
            found = reading(rows.first) or None
        return found

    def is_elsewhere(self) -> bool:
        """Whether the disk of the store is that of another machine: what is not in the bucket is only there."""
        return self._finder("ticks").is_elsewhere()

    @property
    def loss_reason(self) -> str:
        """The reason of a loss of what no reader finds here."""
        return "elsewhere" if self.is_elsewhere() else "lost"

    def check(self) -> None:
        """Raises OtherStore if the directory now holds another recording."""
        found = None if self.store_id is None else self.id_on_disk()
        if found is not None and found != self.store_id:
            raise OtherStore(found)

    def messages(self, kinds: Iterable[str], after_t: int, to_t: int | None = None) -> Iterator[Message]:
        """Messages of `kinds` with after_t < t <= to_t, by t; those of one t in the order frame, metric, tick.

        A loss is announced where its messages would have been. Raises OtherStore, OSError.
        """
        streams = [self._of_kind(kind, after_t, to_t) for kind in kinds]
        return heapq.merge(*streams, key=lambda message: (message.first_t, _ORDER[message.kind]))

    def first_t(self, kind: str = "ticks") -> int | None:
        """The first t that can still be read."""
        return first_t(self.directory, kind, self._finder(kind))

    def last_t(self, kind: str = "ticks") -> int | None:
        """The t of the newest message on disk. Raises OtherStore, OSError."""
        line = self.last_line(kind)
        self.check()
        return None if line is None else line.last_t

    def last_line(self, kind: str = "ticks") -> Line | None:
        """The newest message on disk."""
        return last_line(self.directory, kind, self._finder(kind))

    def told_to(self, kind: str = "ticks") -> int | None:
        """The last t in the files, gaps included."""
        return told_to(self.directory, kind, self._finder(kind))

    def newest(self, kind: str) -> SegmentName | None:
        """The name of the segment that begins last."""
        found = next(self._finder(kind).newest_first(), None)
        return None if found is None else found.name

    def lines(self, kind: str, after_t: int, to_t: int | None = None) -> Iterator[Line]:
        """The lines of one tape, unchanged.

        Raises OtherStore, OSError; Unavailable where some may be in the bucket, and the database does not tell.
        """
        finder = self._finder(kind)
        if kind == "ticks":
            return _seen(finder, read(self.directory, kind, after_t, to_t, finder=finder, on_open=self.check), after_t)
        on_open = self._step_by_step(finder)
        return read(self.directory, kind, after_t, to_t, finder=finder, on_open=on_open)

    def _step_by_step(self, finder: ManifestFinder) -> Callable[[], None]:
        """What is called for each segment that is opened: of all but ticks nothing else shows that one lies between."""
        opened_before = count()

        def check() -> None:
            self.check()
            if next(opened_before):
                finder.check_step()

        return check

    def read_whole(self, kind: str, name: SegmentName) -> None:
        """Read a segment to its end, so that what is damaged in it is known. Raises OSError."""
        rows = Segment.objects.of(self.symbol, kind).select_related("market").filter(name=name.lasting)
        row = reading(rows.first)
        here = Found(replace(name, pending=True)) if row is None else known(row, self.directory / kind)
        with opened(self.directory / kind, here) as segment:
            if segment is not None:
                deque(texts_of(segment, kind, here), maxlen=0)

    def _finder(self, kind: str) -> ManifestFinder:
        return ManifestFinder(self.symbol, self.directory, kind)

    def _of_kind(self, kind: str, after_t: int, to_t: int | None) -> Iterator[Message]:
        if kind == "ticks":
            return self._ticks(after_t, to_t)
        told = (_message(kind, line, after_t, to_t) for line in self.lines(kind, after_t, to_t))
        gone = self._gone(kind, after_t, to_t)
        return _once(heapq.merge(gone, _until(told, to_t), key=lambda message: message.first_t), after_t)

    def _ticks(self, after_t: int, to_t: int | None) -> Iterator[Message]:
        """Ticks are consecutive: where one is missing and no line announces it, a segment is gone.

        Rows are therefore asked only for what was there after the last of the ticks.
        """
        due = after_t + 1
        for line in self.lines("ticks", after_t):
            if line.first_t > due:
                last = line.first_t - 1 if to_t is None else min(line.first_t - 1, to_t)
                yield Message("ticks", due, last, None, "expired")
            if to_t is not None and line.first_t > to_t:
                return
            due = max(due, line.last_t + 1)
            yield _message("ticks", line, after_t, to_t)
            if to_t is not None and due > to_t:
                return
        yield from self._gone("ticks", due - 1, to_t)

    def _gone(self, kind: str, after_t: int, to_t: int | None) -> Iterator[Message]:
        """The segments that are gone. If the database does not answer, only the files show them."""
        try:
            for first, last in self._gone_spans(kind, after_t, to_t):
                first, last = max(first, after_t + 1), last if to_t is None else min(last, to_t)
                if first <= last:
                    yield Message(kind, first, last, None, "expired")
        except DatabaseError as error:
            log.warning("%s: what was removed of the %s cannot be told: %s", self.symbol, kind, error)

    def _gone_spans(self, kind: str, after_t: int, to_t: int | None) -> Iterator[Span]:
        """The spans of segments that are gone, except what was made again after a crash and is in others."""
        for start_t, name, end_t, removed_at in self._not_there(kind, after_t + 1):
            if to_t is not None and start_t > to_t:
                return
            if end_t >= start_t:
                span = (start_t, end_t)
                yield from [span] if removed_at else without(span, self._kept(kind, span, name))

    def _not_there(self, kind: str, from_t: int) -> Iterator[tuple[Any, ...]]:
        """The rows of segments without a file. If rows are not known to be exact, each is compared with the files."""
        told = [Segment.objects.of(self.symbol, kind).gone(), *on_disk_alone(self.symbol, kind)]
        pages = [one.paged("end_t", "removed_at", from_t=from_t) for one in told]
        if self._finder(kind).rows_suffice():
            return pages[0]
        there = {name.lasting for name in names_in(self.directory / kind)}
        merged = heapq.merge(*pages, key=itemgetter(0))
        # A row newer than the listing belongs to a file that is newer too.
        return (row for row in merged if row[1] not in there and not lies_in(self.directory / kind, row[1]))

    def _kept(self, kind: str, span: Span, but: str) -> list[Span]:
        """The t around a span that other segments hold."""
        rows = Segment.objects.of(self.symbol, kind).kept().filter(end_t__gte=F("start_t"))
        rows = rows.from_t(span[0]).filter(start_t__lte=span[1]).exclude(name=but)
        return reading(lambda: list(rows.values_list("start_t", "end_t")))


def _seen(finder: ManifestFinder, ticks: Iterator[Line], after_t: int) -> Iterator[Line]:
    """Consecutive ticks: where some are missing and no line announces it, it must be known that they are nowhere."""
    due = after_t + 1
    for line in ticks:
        if line.first_t > due:
            finder.check_step()
        due = max(due, line.last_t + 1)
        yield line


def _message(kind: str, line: Line, after_t: int, to_t: int | None) -> Message:
    if not line.is_gap:
        return Message(kind, line.first_t, line.last_t, line.text)
    first, last = max(line.first_t, after_t + 1), line.last_t if to_t is None else min(line.last_t, to_t)
    return Message(kind, first, last, None, orjson.loads(line.text).get("reason", "lost"))


def _until(messages: Iterable[Message], to_t: int | None) -> Iterator[Message]:
    """Only those with a later t."""
    return (one for one in messages if to_t is None or one.first_t <= to_t)


def _once(messages: Iterable[Message], after_t: int) -> Iterator[Message]:
    """A loss announced because of a row is not announced again because of a file, or the reverse."""
    told_t = after_t
    for message in messages:
        if message.text is None and message.reason in FOUND_OUT and message.first_t <= told_t:
            if message.last_t <= told_t:
                continue
            message = message._replace(first_t=told_t + 1)
        told_t = max(told_t, message.last_t)
        yield message
