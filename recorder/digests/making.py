"""Making digests: of every finished segment that has none, off the hot path, by one process at a time."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

from django.db.models import Model, Q, QuerySet

from recorder.digests.chunk_row import UNDIGESTED, DigestChunk
from recorder.digests.digest import FRAMES, KINDS, METRICS, VERSIONS, Digest
from recorder.digests.digest_files import DIRECTORY, digest_path, known_digest, remove_digest, write_digest
from recorder.digests.frame_digest import awaits_ticks, frame_digest, is_filmable
from recorder.digests.lost_chunks import lost_chunks, segments_of
from recorder.digests.metric_rows import metric_digest
from recorder.digests.roll_up import roll_up
from recorder.manifest.row_writer import pages
from recorder.models import Market, Segment, SegmentQuerySet
from recorder.segment.segment_lines import opened
from recorder.store.directory_lock import alone_in
from recorder.tape.reader import texts_of
from recorder.tape.segment_finder import known
from runtime.db_threads import leaving_time_to_others, persistently

Row = TypeVar("Row", bound=Model)

log = logging.getLogger(__name__)

#: So many segments are rolled up at once: each level is then read and written once for all of them.
_BATCH = 32

#: So many rows are changed at once where there may be very many.
_AT_ONCE = 100

#: Where so many cannot be made, on a full disk for instance, the rest is not read in vain.
_MOST_FAILED = 32

#: Enough to see whether any of them was made.
_MOST_DUE = 1000


def due() -> set[int]:
    """The keys of segments of any market without a digest, the newest if there are many. Raises django.db.Error."""
    return Segment.objects.filter(UNDIGESTED).newest_of_each(_MOST_DUE)


def segments_to_do(market: Market, *, anew: bool, sealed_by: datetime | None = None) -> int:
    """How many segments sealed by then have no digest, or may have one. Raises django.db.Error."""
    rows = Segment.objects.of(market)
    rows = rows if sealed_by is None else rows.filter(created_at__lte=sealed_by)
    return (rows.filter(kind__in=KINDS).finished().kept() if anew else rows.filter(UNDIGESTED)).count()


def make_digests(
    market: Market,
    directory: Path,
    on_made: Callable[[Segment], None] = lambda row: None,
    *,
    is_over: Callable[[], bool] = lambda: False,
) -> int:
    """Make the digests that a market lacks, the newest first, until `is_over`; returns how many.

    A file that is there and is of its segment's present content is kept, so what a crash left is taken up again. Does
    nothing if another process makes digests of this market. Raises OSError, django.db.Error.
    """
    made = 0
    with alone(directory) as is_alone:
        for kind in KINDS if is_alone else ():
            persistently(partial(_outdate, market, kind), "digests")
            rows, failed = list[Segment](), 0
            # Some that could not be made are passed by: older ones are not to wait for them.
            while failed < _MOST_FAILED and not is_over():
                rows = persistently(partial(_next, market, kind, rows[-1:]), "digests")
                if not rows:
                    break
                done = [row for row in rows if not is_over() and _make(directory, row, on_made)]
                persistently(partial(_note, market, directory, kind, done), "digests")
                made += len(done)
                failed += len(rows) - len(done)
    return made


def make_all(market: Market, directory: Path, on_made: Callable[[Segment], None] = lambda row: None) -> int:
    """Make every digest of a market anew from its segment, and roll all of them up; returns how many.

    Does nothing if another process makes digests of this market. Raises OSError, django.db.Error.
    """
    made = 0
    with alone(directory) as is_alone:
        for kind in KINDS if is_alone else ():
            every = pages(Segment.objects.of(market, kind).finished().kept().order_by("start_t", "name"))
            while rows := list(islice(every, _BATCH)):
                done = [row for row in rows if _make(directory, row, on_made, anew=True)]
                persistently(partial(_note, market, directory, kind, done), "digests")
                made += len(done)
    return made


@contextmanager
def alone(directory: Path) -> Iterator[bool]:
    """Whether no other process makes or removes digests of the market in `directory`, until the end.

    Raises OSError.
    """
    if not directory.is_dir():
        yield False  # a market without a store has no digests
        return
    place = directory / DIRECTORY
    try:
        place.mkdir(exist_ok=True)
    except FileExistsError as error:
        raise NotADirectoryError(f"{place} is no directory; digests belong there, so it must be moved away") from error
    with alone_in(place) as is_alone:
        yield is_alone


def _outdate(market: Market, kind: str) -> None:
    """Have those of another version made again, as the first start behind an update finds them.

    What was rolled up of them goes too: another version may have other series, which cannot be merged.
    """
    digested = Segment.objects.of(market, kind).kept().filter(digest__gt=0)
    # The ends of an index tell it: those that differ are in no order.
    ends = (digested.order_by(end).values_list("digest", flat=True).first() for end in ("digest", "-digest"))
    if {*ends} - {VERSIONS[kind], None}:
        # What was rolled up first: if a crash comes in between, some of the others are left to tell of it.
        _some_by_some(DigestChunk.objects.filter(market=market, kind=kind), lambda some: some.delete())
        _some_by_some(digested.exclude(digest=VERSIONS[kind]).order_by(), lambda some: some.update(digest=0))


def _some_by_some(rows: QuerySet[Row], change: Callable[[QuerySet[Row]], object]) -> None:
    """Change rows until none is left as it was, in transactions that keep nobody else from writing for long."""
    while keys := list(rows.values_list("pk", flat=True)[:_AT_ONCE]):
        with leaving_time_to_others():
            change(rows.model._default_manager.filter(pk__in=keys))


def _next(market: Market, kind: str, reached: list[Segment]) -> list[Segment]:
    """The newest without a digest, of those older than the one that was reached."""
    rows = Segment.objects.of(market, kind).filter(UNDIGESTED)
    for row in reached:
        rows = rows.filter(Q(start_t__lt=row.start_t) | Q(start_t=row.start_t, name__lt=row.name))
    return list(rows.select_related("market").order_by("-start_t", "-name")[:_BATCH])


def _make(directory: Path, row: Segment, on_made: Callable[[Segment], None], *, anew: bool = False) -> bool:
    """Make the file of one digest, if it is not there or `anew`; False if it cannot be made."""
    try:
        is_there = known_digest(directory, row.kind, row.name, row.sha256) is not None
        if anew or not is_there:
            if _must_stay(directory, row):
                log.warning("%s: the digest of %s is not made anew: its run is unknown", row.market, row.path)
                return is_there
            if row.kind == FRAMES and awaits_ticks(row, directory):
                return is_there
            write_digest(directory, digest_of(directory, row))
    except OSError as error:
        log.warning("%s: no digest of %s: %s", row.market, row.path, error)
        return False
    on_made(row)
    return True


def _must_stay(directory: Path, row: Segment) -> bool:
    """Whether a digest has measures of frames that cannot be filmed again by what the database knows."""
    return row.kind == FRAMES and digest_path(directory, FRAMES, row.name).is_file() and not is_filmable(row)


def digest_of(directory: Path, row: Segment) -> Digest:
    """The digest of a finished segment, made from the tapes. Raises OSError."""
    with opened(directory / row.kind, known(row)) as segment:
        if segment is None:
            raise FileNotFoundError(row.path)
        texts = texts_of(segment, row.kind, known(row))
        if row.kind == METRICS:
            return metric_digest(row.name, row.sha256, texts)
        return frame_digest(row, directory, texts)


def _note(market: Market, directory: Path, kind: str, rows: list[Segment]) -> None:
    """Roll digests up, and note that they are there. If this is repeated, the same is done again."""
    roll_up(market, directory, kind, coming=rows)
    for row in rows:  # one that was written anew meanwhile has another digest; one that was removed loses it again
        Segment.objects.filter(pk=row.pk, sha256=row.sha256).update(digest=VERSIONS[kind])


def miss_lost(market: Market, directory: Path) -> int:
    """Note which digests are not there as their rows say, so that they are made again; returns how many.

    Raises OSError, django.db.Error.
    """
    lost = 0
    for kind in KINDS:
        for row in pages(Segment.objects.of(market, kind).kept().filter(digest__gt=0).order_by("start_t", "name")):
            if known_digest(directory, kind, row.name, row.sha256) is None:
                persistently(partial(_miss, row), "digests")
                lost += 1
    return lost + miss_unrolled(market, directory)


def miss_unrolled(market: Market, directory: Path) -> int:
    """Note which digests are not rolled up as their rows say, so that they are rolled up again; returns how many.

    Those of removed segments are rolled up at once, since nothing else does it. Raises OSError, django.db.Error.
    """
    missed = 0
    for kind in KINDS:
        chunks = persistently(partial(lost_chunks, market, kind), "digests")
        for rows in segments_of(market, kind, chunks):
            persistently(partial(_roll_up_gone, market, directory, kind, rows), "digests")
            missed += persistently(partial(_miss_all, rows), "digests")
    return missed


def _roll_up_gone(market: Market, directory: Path, kind: str, rows: SegmentQuerySet) -> None:
    with alone(directory) as is_alone:
        every = pages(rows.gone().order_by("start_t", "name")) if is_alone else iter(())
        while batch := list(islice(every, _BATCH)):
            roll_up(market, directory, kind, coming=batch)


def _miss_all(rows: SegmentQuerySet) -> int:
    return rows.kept().update(digest=0)


def _miss(row: Segment) -> None:
    Segment.objects.filter(pk=row.pk).update(digest=0)


def forget_gone(market: Market, directory: Path, *, keep_removed: bool = False) -> int:
    """Remove the digests of segments that are gone, and what is rolled up of them; returns how many.

    With `keep_removed` only those of segments whose files were lost. Raises OSError, django.db.Error.
    """
    forgotten = 0
    for kind in KINDS:
        while rows := persistently(partial(_left, market, kind, keep_removed), "digests"):
            with alone(directory) as is_alone:
                if not is_alone:
                    return forgotten  # the next clean-up comes
                for row in rows:
                    remove_digest(directory, kind, row.name)
                persistently(partial(_forget, market, directory, kind, rows), "digests")
            forgotten += len(rows)
    return forgotten


def _left(market: Market, kind: str, keep_removed: bool) -> list[Segment]:
    rows = Segment.objects.of(market, kind)
    rows = rows.filter(missing=True, removed_at=None) if keep_removed else rows.gone()
    return list(rows.filter(digest__gt=0).order_by("start_t", "name")[:_BATCH])


def _forget(market: Market, directory: Path, kind: str, rows: list[Segment]) -> None:
    roll_up(market, directory, kind, going=rows)
    Segment.objects.filter(pk__in=[row.pk for row in rows]).update(digest=0)
