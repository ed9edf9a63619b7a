"""Copies what is being recorded to the bucket as far as it has come, for web processes without the market's disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from recorder.cold.bucket import Bucket
from recorder.cold.layout import open_folder, open_key
from recorder.manifest.on_disk_alone import on_disk_alone
from recorder.segment.layout import KINDS, parse_name, pending_name
from recorder.segment.listing import Found
from recorder.segment.segment_lines import opened
from recorder.store.store_id import read_store_id

#: The newest segments of a kind that are copied so: the open one, and one that was sealed and waits for its copy.
_NEWEST = 2

#: A longer one is not: it would be put again and again.
_MOST_BYTES = 32 << 20


class OpenSegments:
    """Puts the segments of one market that are not in the bucket as they are, each time it is called."""

    def __init__(self, symbol: str, directory: Path, bucket: Bucket) -> None:
        self._symbol, self._directory, self._bucket = symbol, directory, bucket
        self._put: dict[str, int] = {}

    def copy(self) -> int:
        """Put what has grown, and delete what is in the bucket as a whole by now; returns how many were put.

        Raises BucketUnavailable, OSError, django.db.Error.
        """
        store_id = read_store_id(self._directory)
        if store_id is None:
            return 0
        put, current = 0, dict[str, int]()
        for kind in KINDS:
            for name in self._open_ones(kind):
                key, data = open_key(self._symbol, store_id, kind, name), self._content(kind, name)
                current[key] = len(data)
                if len(data) != self._put.get(key):
                    self._bucket.put_bytes(key, data)
                    put += 1
        self._put = current
        for key in set(self._bucket.keys(open_folder(self._symbol, store_id))) - current.keys():
            self._bucket.delete(key)
        return put

    def _open_ones(self, kind: str) -> Iterator[str]:
        """Their names, the newest last."""
        found = set[tuple[int, str]]()
        for rows in on_disk_alone(self._symbol, kind):
            found.update(rows.order_by("-start_t", "-name").values_list("start_t", "name")[:_NEWEST])
        yield from (name for _start_t, name in sorted(found)[-_NEWEST:])

    def _content(self, kind: str, name: str) -> bytes:
        here = Found(parse_name(pending_name(name)))
        with opened(self._directory / kind, here) as segment:
            return b"" if segment is None or segment.file is None else segment.file.read(_MOST_BYTES)
