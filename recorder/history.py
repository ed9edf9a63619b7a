"""History: a market's recording as a stream of messages of several kinds, losses told, the manifest's help used."""

from __future__ import annotations

import heapq
import logging
from collections.abc import Iterable, Iterator
from functools import lru_cache, partial
from pathlib import Path
from typing import NamedTuple

import orjson
from django.db import Error as DatabaseError
from django.db.models import F

from recorder.errors import OtherStore
from recorder.manifest import spans_on_disk
from recorder.models import Segment, SegmentQuerySet
from recorder.reader import Line, SeekPoints, first_t, last_line, read
from recorder.rows import reading
from recorder.spans import Span, without
from recorder.store_id import read_store_id

log = logging.getLogger(__name__)

#: The order in which messages of one t are given.
_ORDER = {"frames": 0, "metrics": 1, "ticks": 2}


class Message(NamedTuple):
    """A recorded message, or a loss of messages of `kind` with first_t <= t <= last_t: then `text` is None."""

    kind: str
    first_t: int
    last_t: int
    text: bytes | None
    reason: str = ""


class History:
    """The recording of one market; `directory` is where it keeps its files.

    With a `store_id` only that recording is read: where another has taken its place, reading raises OtherStore, before
    anything of the other was given. (A writer makes its id before its files, so who has opened one of them can tell.)
    """

    def __init__(self, symbol: str, directory: Path, store_id: str | None = None) -> None:
        self.symbol, self.directory, self.store_id = symbol, directory, store_id

    def of_store(self, store_id: str) -> History:
        """The same market's recording of this id."""
        _known_points.cache_clear()
        return History(self.symbol, self.directory, store_id)

    def id_on_disk(self) -> str | None:
        """The id of the store as it is now; None where it has none, as one of an older version."""
        return read_store_id(self.directory)

    def check(self) -> None:
        """Raises OtherStore where the directory holds another recording by now."""
        found = None if self.store_id is None else self.id_on_disk()
        if found is not None and found != self.store_id:
            raise OtherStore(found)

    def messages(self, kinds: Iterable[str], after_t: int, to_t: int | None = None) -> Iterator[Message]:
        """Messages of `kinds` with after_t < t <= to_t, by t, those of one t in the order frame, metric, tick.

        What is gone is told where it would have been. Raises OtherStore, OSError.
        """
        streams = [self._of_kind(kind, after_t, to_t) for kind in kinds]
        return heapq.merge(*streams, key=lambda message: (message.first_t, _ORDER[message.kind]))

    def first_t(self, kind: str = "ticks") -> int | None:
        """The first t that can still be read."""
        return first_t(self.directory, kind)

    def last_t(self, kind: str = "ticks") -> int | None:
        """The t of the newest message on disk. Raises OtherStore, OSError."""
        line = last_line(self.directory, kind)
        self.check()
        return None if line is None else line.last_t

    def lines(self, kind: str, after_t: int, to_t: int | None = None) -> Iterator[Line]:
        """The lines of one tape as they lie there. Raises OtherStore, OSError."""
        points_of = partial(self._points, kind)
        return read(self.directory, kind, after_t, to_t, points_of=points_of, on_open=self.check)

    def _of_kind(self, kind: str, after_t: int, to_t: int | None) -> Iterator[Message]:
        lines = self.lines(kind, after_t, to_t)
        told = (_message(kind, line, after_t, to_t) for line in lines)
        if kind == "ticks":
            return _with_holes(told, after_t)
        return heapq.merge(self._removed(kind, after_t, to_t), told, key=lambda message: message.first_t)

    def _removed(self, kind: str, after_t: int, to_t: int | None) -> list[Message]:
        """Segments that are gone. Ticks tell of their loss by a jump in t; other kinds have none to miss."""
        rows = Segment.objects.of(self.symbol, kind).filter(end_t__gt=after_t, end_t__gte=F("start_t"))
        gone = rows.exclude(removed_at=None) | rows.filter(missing=True)
        if to_t is not None:
            gone = gone.filter(start_t__lte=to_t)
        try:
            spans = reading(lambda: self._without_remade(kind, gone))
        except DatabaseError as error:
            log.warning("%s: what was removed of the %s cannot be told: %s", self.symbol, kind, error)
            return []
        last = max((end for _, end in spans), default=0) if to_t is None else to_t
        within = ((max(a, after_t + 1), min(b, last)) for a, b in spans)
        return [Message(kind, a, b, None, "expired") for a, b in within if a <= b]

    def _without_remade(self, kind: str, gone: SegmentQuerySet) -> list[Span]:
        """The spans of segments that are gone, but for what was made again after a crash and is in others."""
        found = list(gone.order_by("start_t").values_list("start_t", "end_t", "missing"))
        on_disk = spans_on_disk(self.symbol, kind) if any(missing for _, _, missing in found) else []
        left = (without((a, b), on_disk) if missing else [(a, b)] for a, b, missing in found)
        return [span for spans in left for span in spans]

    def _points(self, kind: str, name: str) -> SeekPoints | None:
        try:
            return _known_points(self.symbol, kind, name)
        except (Segment.DoesNotExist, DatabaseError):
            return None  # the reader looks them up in the file


@lru_cache(maxsize=256)
def _known_points(symbol: str, kind: str, name: str) -> SeekPoints:
    """The seek points of a finished segment, which never change. An exception is not kept."""
    points = Segment.objects.of(symbol, kind).values_list("seek_points", flat=True)
    found: SeekPoints = reading(lambda: points.get(name=name, pending=False))
    return found


def _message(kind: str, line: Line, after_t: int, to_t: int | None) -> Message:
    if not line.is_gap:
        return Message(kind, line.first_t, line.last_t, line.text)
    first, last = max(line.first_t, after_t + 1), line.last_t if to_t is None else min(line.last_t, to_t)
    return Message(kind, first, last, None, orjson.loads(line.text).get("reason", "lost"))


def _with_holes(messages: Iterator[Message], after_t: int) -> Iterator[Message]:
    """Ticks follow each other without a hole; where one is and no line tells of it, a segment is gone."""
    due = after_t + 1
    for message in messages:
        if message.first_t > due:
            yield Message(message.kind, due, message.first_t - 1, None, "expired")
        due = message.last_t + 1
        yield message
