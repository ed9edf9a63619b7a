"""Verification of the cold store: whether the object of a segment is there, whole, and holds the segment."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from recorder.cold.bucket import Bucket, NoObject
from recorder.cold.card import BadCard, read_card
from recorder.cold.copying import NotAsPut, prove
from recorder.cold.layout import place_of
from recorder.models import Cold, Market, Segment
from recorder.recovery.from_bucket import untold
from recorder.segment.examine import Examined, examine

_READ_BYTES = 1 << 20
_MOST_CARD_BYTES = 64 << 20

_NOT_NAMED = "it is in the cold store alone, and IG_COLD_STORE is not set"


class ColdObjects:
    """The objects of segments in a `bucket`, None if none is named. Raises BucketUnavailable.

    With `deep` each object is read to its last byte, without it those alone that are in the bucket alone.
    """

    def __init__(self, bucket: Bucket | None, *, deep: bool) -> None:
        self._bucket, self._deep = bucket, deep

    def faults(self, row: Segment) -> Iterator[str]:
        """What is wrong with the object of a segment whose file is on the disk too."""
        if self._bucket is None or row.cold == Cold.NONE:
            return
        found = self._bucket.head(row.cold_key)
        if found is None:
            yield f"{row.cold_key} is not in the cold store; `manage.py repair` has it copied again"
        elif found.size != row.cold_bytes:
            yield f"{row.cold_key} in the cold store has {found.size:,} bytes, not {row.cold_bytes:,}"
        elif self._deep:
            try:
                prove(self._bucket, row.cold_key, row.cold_bytes, row.cold_sha256)
            except NotAsPut as error:
                yield str(error)
            yield from self._faults_of_card(self._bucket, row)

    def untold(self, market: Market, directory: Path, kind: str) -> Iterator[str]:
        """The names of segments in the bucket that are lost to readers, because no row tells of them."""
        if self._bucket is not None:
            yield from (place.name for place in untold(market, directory, kind, self._bucket))

    def examined(self, row: Segment) -> Examined:
        """The content of a segment that is in the bucket alone, and its faults. Raises OSError of the disk."""
        if self._bucket is None:
            return Examined(faults=[_NOT_NAMED])
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / row.name
            try:
                _fetch(self._bucket, row.cold_key, path)
            except NoObject:
                return Examined(faults=[f"{row.cold_key} is not in the cold store"])
            found = examine(path, row.kind)
        for what in self._faults_of_card(self._bucket, row) if self._deep else ():
            found.fault(what)
        return found

    def _faults_of_card(self, bucket: Bucket, row: Segment) -> Iterator[str]:
        key = place_of(row.cold_key).card_key
        try:
            card = read_card(bucket.get_range(key, 0, _MOST_CARD_BYTES), row.kind, row.name)
        except NoObject:
            yield f"{key} is not in the cold store"
        except BadCard as error:
            yield f"{key} in the cold store: {error}"
        else:
            if (card.sha256, card.file_sha256) != (row.cold_sha256, row.sha256):
                yield f"{key} in the cold store is that of another object"


def _fetch(bucket: Bucket, key: str, path: Path) -> None:
    """Write an object to a file. Raises NoObject, BucketUnavailable, OSError."""
    at = 0
    with path.open("wb") as file:
        while piece := bucket.get_range(key, at, _READ_BYTES):
            file.write(piece)
            at += len(piece)
