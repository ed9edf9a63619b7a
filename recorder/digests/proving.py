"""Proof of digests: each is made again from the recording and compared, and so is what is rolled up of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from recorder.digests.chunk_row import CHUNK_BITS, DigestChunk
from recorder.digests.digest import KINDS, BadDigest, Digest, Rows
from recorder.digests.digest_files import DIRECTORY, digest_path, load_digest
from recorder.digests.lost_chunks import lost_chunks
from recorder.digests.making import alone, digest_of
from recorder.digests.packing import pack_buckets
from recorder.digests.roll_up import expected_chunk
from recorder.manifest.row_writer import pages
from recorder.models import Market, Segment, SegmentQuerySet
from runtime.db_threads import persistently

_ANEW = "`manage.py digest --all` makes it anew"


class DigestFault(NamedTuple):
    """A fault; `where` is a path in the market's directory."""

    where: str
    what: str


class DigestProof:
    """One pass over the digests of a market; `on_segment` is called for each.

    `proved` counts those that are what the recording gives, `unproved` those for which it lacks ticks by now. If they
    are being made meanwhile, none is looked at, and `is_busy` says so.
    """

    def __init__(self, market: Market, directory: Path, on_segment: Callable[[], object] = lambda: None) -> None:
        self._market, self._directory, self._on_segment = market, directory, on_segment
        self.proved = self.unproved = 0
        self.is_busy = False

    def faults(self) -> Iterator[DigestFault]:
        """All faults. Raises OSError, django.db.Error."""
        if not persistently(partial(count_of, self._market), "digests"):
            return
        with alone(self._directory) as is_alone:
            self.is_busy = not is_alone
            for kind in KINDS if is_alone else ():
                for row in pages(_digested(self._market).filter(kind=kind).order_by("start_t", "name")):
                    self._on_segment()
                    where = str(digest_path(self._directory, kind, row.name).relative_to(self._directory))
                    yield from (DigestFault(where, what) for what in self._faults_of(row))
                yield from self._roll_up_faults(kind)

    def _faults_of(self, row: Segment) -> Iterator[str]:
        try:
            found = load_digest(self._directory, row.kind, row.name)
            made = digest_of(self._directory, row)
        except FileNotFoundError:
            yield from [] if self._is_gone(row) else ["it is missing; `manage.py repair` has it made again"]
            return
        except BadDigest as error:
            yield f"{error}; `manage.py repair` has it made again"
            return
        if found.to_json() == made.to_json():
            self.proved += 1
        elif _is_unproved(found, made):
            self.unproved += 1
        else:
            yield f"it is not what its segment gives; {_ANEW}"

    def _is_gone(self, row: Segment) -> bool:
        """Whether the segment was removed meanwhile, or its file is lost, which is another fault."""
        return not (self._directory / row.kind / row.name).exists()

    def _roll_up_faults(self, kind: str) -> Iterator[DigestFault]:
        for level, number in persistently(partial(lost_chunks, self._market, kind), "digests"):
            yield _roll_up_fault(kind, level, number, "is missing; `manage.py repair` has it made again")
        rows = DigestChunk.objects.filter(market=self._market, kind=kind).order_by("level", "number")
        for key in persistently(lambda: list(rows.values_list("pk", flat=True)), "digests"):
            chunk = persistently(partial(DigestChunk.objects.get, pk=key), "digests")
            make = partial(expected_chunk, self._market, self._directory, chunk)
            expected = persistently(make, "digests")
            if (b"" if expected is None else pack_buckets(expected)) != bytes(chunk.data):
                yield _roll_up_fault(kind, chunk.level, chunk.number, f"is not what they say; {_ANEW}")


def _roll_up_fault(kind: str, level: int, number: int, what: str) -> DigestFault:
    begin_t = number << (level + CHUNK_BITS)
    return DigestFault(f"{DIRECTORY}/{kind}", f"what is rolled up in buckets of {1 << level:,} from t={begin_t} {what}")


def count_of(market: Market) -> int:
    """How many segments of a market have a digest. Raises django.db.Error."""
    return _digested(market).count()


def _digested(market: Market) -> SegmentQuerySet:
    return Segment.objects.of(market).kept().filter(digest__gt=0)


def _is_unproved(found: Digest, made: Digest) -> bool:
    """Whether all that the recording still tells of the frames agrees: of some the ticks may be gone."""
    mine, theirs = found.rows, made.rows
    if mine is None or theirs is None or _head(found) != _head(made) or not np.array_equal(mine.t, theirs.t):
        return False
    known = ~np.isnan(theirs.values)
    lacks_ticks = not known.any(axis=0).all() or _lacks_first(mine, theirs)
    return lacks_ticks and bool((mine.values[known] == theirs.values[known]).all())


def _lacks_first(mine: Rows, theirs: Rows) -> bool:
    """Whether only the comparison of the first frame with the one before it is lacking."""
    differs = ~((mine.values == theirs.values) | (np.isnan(mine.values) & np.isnan(theirs.values)))
    return bool(differs.sum() == 1 and differs[:, 0].any())


def _head(digest: Digest) -> tuple[object, ...]:
    return digest.segment, digest.sha256, digest.notes
