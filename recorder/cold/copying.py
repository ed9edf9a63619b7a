"""Copies sealed segments and their digests to the bucket; a row tells of an object only once it was read back whole."""

from __future__ import annotations

import hashlib
import heapq
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path

from django.utils import timezone

from recorder.cold.bucket import Bucket, BucketUnavailable, NoObject
from recorder.cold.card import card_json, card_of
from recorder.cold.companions import put_companions
from recorder.cold.layout import Place, place_of
from recorder.cold.recompress import Packed, as_it_is, recompress
from recorder.cold.state_row import ColdState
from recorder.digests.digest_files import digest_path, known_digest
from recorder.errors import RecorderError
from recorder.manifest.inventory import change_row
from recorder.models import Cold, Market, Segment
from recorder.segment.layout import KINDS
from recorder.segment.segment_file import sha256_of
from recorder.store.directory_lock import alone_in
from recorder.store.store_id import read_store_id
from runtime.db_threads import persistently
from runtime.low_priority import at_low_priority

log = logging.getLogger(__name__)

#: The folder of a market's directory where segments are compressed anew. No market's directory has such a name.
FOLDER = ".cold"

#: An object is read back in pieces of this size: 20 s at 50 KB/s.
_READ_BYTES = 1 << 20

#: The digests of a kind copied by one run.
_MOST_DIGESTS = 1000

#: Digests that wait, copied with each segment while segments wait: more than a segment has, and the less of the time.
_DIGESTS_A_SEGMENT = 2

#: Enough to see whether any of them was copied.
_MOST_DUE = 1000

_SHOWN_CHARACTERS = 500

_ask = partial(persistently, what="the cold store")


class NotAsPut(RecorderError):
    """What the bucket gives back is not what was put there: `key`."""

    def __init__(self, key: str, what: str) -> None:
        super().__init__(f"{key} in the cold store is not what was put there: {what}")


class NotAsRecorded(RecorderError):
    """A segment's file that is not what its row lists: it is not copied."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} is damaged and is not copied; `manage.py repair` puts it right")


class Copying:
    """Copies a market's segments from its directory. With a `level` of 1 or more they are compressed anew.

    Everything may be repeated: a crash at any point leaves an object that the next attempt finds and proves, or
    replaces. A second process that copies the same store meanwhile does nothing.
    """

    def __init__(self, market: Market, directory: Path, bucket: Bucket, level: int) -> None:
        self._market, self._directory, self._bucket, self._level = market, directory, bucket, level
        self._problem = ""

    def run(self, is_over: Callable[[], bool] = lambda: False, on_copied: Callable[[], object] = lambda: None) -> int:
        """Copy what is not in the bucket, the oldest first, until `is_over`; returns how many segments.

        What could not be copied is told by the market's `ColdState`, and tried again by the next run. Raises
        django.db.Error.
        """
        try:
            with self._alone() as store_id:
                return 0 if store_id is None else self._copy(store_id, is_over, on_copied)
        except OSError as error:  # of the directory: nothing was begun
            _ask(partial(_tell, self._market, str(error)))
            return 0

    def _copy(self, store_id: str, is_over: Callable[[], bool], on_copied: Callable[[], object]) -> int:
        copied = 0
        try:
            self._remove_left_over()
            digests = self._copied_digests()
            for row in self._uncopied():
                if is_over():
                    break
                if self._attempt(row, store_id):
                    copied += 1
                    on_copied()
                    if copied == 1:  # what follows may take long
                        _ask(partial(_tell, self._market, self._problem))
                list(islice(digests, _DIGESTS_A_SEGMENT))
            if copied:
                put_companions(self._bucket, self._market.symbol, store_id, self._directory)
            self._copy_digests(is_over)
        except OSError as error:  # of the bucket, or of the disk
            self._problem = str(error)
        _ask(partial(_tell, self._market, self._problem))
        return copied

    @contextmanager
    def _alone(self) -> Iterator[str | None]:
        """The id of the store, if this process alone copies it and it is the one that the database knows.

        Whoever copies holds a directory that is there: on a full disk none can be made. Raises OSError.
        """
        store_id = read_store_id(self._directory)
        if store_id is None or store_id != self._market.store_id:
            yield None
            return
        with alone_in(self._directory / "ticks") as is_alone:
            yield store_id if is_alone else None

    def _remove_left_over(self) -> None:
        """Remove what a process that was killed left in the folder. Raises OSError."""
        folder = self._directory / FOLDER
        for left in folder.iterdir() if folder.exists() else ():
            left.unlink()

    def _uncopied(self) -> Iterator[Segment]:
        """The segments to copy, the oldest first; each once, those that cannot be copied too."""
        kinds = (Segment.objects.of(self._market, kind).uncopied().paged("pk") for kind in KINDS)
        for _start_t, _name, pk in heapq.merge(*kinds):
            row = _ask(Segment.objects.filter(pk=pk).uncopied().first)
            if row is not None:
                yield row

    def _attempt(self, row: Segment, store_id: str) -> bool:
        """Copy a segment; False if that cannot be done. Raises BucketUnavailable, OSError, django.db.Error."""
        place = Place(self._market.symbol, store_id, row.kind, row.name)
        packed_path = self._directory / FOLDER / f"{row.kind}-{row.name}"
        try:
            path, packed = self._packed(row, packed_path)
            self._put(place.key, path, packed)
            self._bucket.put_bytes(place.card_key, card_json(card_of(row, packed)))
        except FileNotFoundError:  # removed meanwhile, or missing, which others tell
            return False
        except RecorderError as error:
            if isinstance(error, BucketUnavailable):
                raise
            self._problem = self._problem or str(error)
            return False
        finally:
            packed_path.unlink(missing_ok=True)
        return _ask(partial(_note, row, place, packed))

    def _packed(self, row: Segment, to: Path) -> tuple[Path, Packed]:
        """The file to put, and its facts. Raises NotAsRecorded, FileNotFoundError, OSError."""
        path = self._directory / row.path
        if not path.is_file() or sha256_of(path) != row.sha256:
            if path.exists():
                raise NotAsRecorded(row.path)
            raise FileNotFoundError(path)
        if not self._level:
            return path, as_it_is(path, row.seek_points)
        try:
            to.parent.mkdir(exist_ok=True)
            return to, at_low_priority(partial(recompress, path, row.kind, to, self._level))
        except FileNotFoundError:
            raise
        except OSError as error:  # a full disk gets room by what is copied
            log.warning("%s: %s is copied as it is: %s", self._market, row.path, error)
            return path, as_it_is(path, row.seek_points)

    def _put(self, key: str, path: Path, packed: Packed) -> None:
        """Have the object in the bucket, read back whole. Raises NotAsPut, BucketUnavailable, OSError."""
        found = self._bucket.head(key)
        if found is not None and found.size == packed.bytes:
            try:
                prove(self._bucket, key, packed.bytes, packed.sha256)
                return  # an attempt that ended between object and row
            except NotAsPut as error:
                log.warning("%s, it is put again", error)
        self._bucket.put(key, path)
        prove(self._bucket, key, packed.bytes, packed.sha256)

    def _copy_digests(self, is_over: Callable[[], bool]) -> None:
        for _ in self._copied_digests():
            if is_over():
                return

    def _copied_digests(self) -> Iterator[Segment]:
        """The segments whose digest was made, or made anew, since: each is returned once its digest is copied."""
        for kind in KINDS:
            for row in _ask(partial(_digests_to_copy, self._market, kind)):
                if known_digest(self._directory, kind, row.name, row.sha256) is not None:
                    self._bucket.put(place_of(row.cold_key).digest_key, digest_path(self._directory, kind, row.name))
                    same = Segment.objects.filter(pk=row.pk, digest=row.digest)
                    _ask(partial(same.update, cold_digest=row.digest))
                    yield row


def prove(bucket: Bucket, key: str, size: int, sha256: str) -> None:
    """Read an object back to its last byte. Raises NotAsPut, BucketUnavailable."""
    digest, read_bytes = hashlib.sha256(), 0
    try:
        while piece := bucket.get_range(key, read_bytes, _READ_BYTES):
            digest.update(piece)
            read_bytes += len(piece)
    except NoObject as error:
        raise NotAsPut(key, "it is not there") from error
    if read_bytes != size:
        raise NotAsPut(key, f"it has {read_bytes:,} bytes, not {size:,}")
    if digest.hexdigest() != sha256:
        raise NotAsPut(key, f"its SHA-256 is {digest.hexdigest()}, not {sha256}")


def due() -> set[int]:
    """The keys of segments of any market that are not in the bucket, the newest if there are many.

    Raises django.db.Error.
    """
    return Segment.objects.uncopied().newest_of_each(_MOST_DUE)


def _digests_to_copy(market: Market, kind: str) -> list[Segment]:
    """The oldest segments that can be read and whose digest is not in the bucket as it is now.

    By `kept()` SQLite would take the index of all kept segments with a digest, and look at each. It does not see that
    `missing__in` says the same.
    """
    rows = Segment.objects.of(market, kind).with_digest_uncopied().filter(removed_at=None, missing__in=[False])
    return list(rows.order_by("start_t")[:_MOST_DIGESTS])


def _note(row: Segment, place: Place, packed: Packed) -> bool:
    """Have the row tell of the object, unless the segment became another one or was removed meanwhile."""
    same = Segment.objects.filter(pk=row.pk, sha256=row.sha256).uncopied()
    told = {
        "cold_key": place.key,
        "cold_digest": 0,
        **{f"cold_{name}": value for name, value in packed._asdict().items()},
    }
    return change_row(same, cold=Cold.COPIED, **told) is not None


def _tell(market: Market, problem: str) -> None:
    """Have web processes know of a problem, or that there is none; the log says it once."""
    problem = problem[:_SHOWN_CHARACTERS]
    known = ColdState.objects.filter(market=market).first()
    if known is not None and known.reason == problem:
        return
    ColdState.objects.update_or_create(market=market, defaults={"reason": problem, "since": timezone.now()})
    if problem:
        log.error("%s: segments are not copied, and stay on the disk: %s", market, problem)
    elif known is not None:
        log.warning("%s: segments are copied to the cold store again", market)
