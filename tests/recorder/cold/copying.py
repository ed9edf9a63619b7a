"""Copies of segments in a bucket with the rows that tell of them, as the copying task leaves them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import zstandard

from recorder.cold.bucket import Bucket
from recorder.models import Cold, Segment
from tests.processes import decompressed

#: Lines in a frame of a copy that is compressed anew: others than those of the file.
_LINES = 4


def copy(bucket: Bucket, row: Segment, path: Path, *, anew: bool = False) -> None:
    """Put the file of a segment into the bucket, or its lines in other frames, and note it in its row."""
    data, points = path.read_bytes(), row.seek_points
    if anew:
        data, points = _in_other_frames(decompressed(path).splitlines(keepends=True), row.start_t)
    row.cold, row.cold_key = Cold.COPIED, f"a-store/{row.kind}/{row.name}"
    row.cold_bytes, row.cold_seek_points = len(data), points
    row.cold_sha256 = hashlib.sha256(data).hexdigest()
    bucket.put_bytes(row.cold_key, data)
    row.save()


def _in_other_frames(lines: list[bytes], first_t: int) -> tuple[bytes, list[list[int]]]:
    data, points = b"", []
    compressor = zstandard.ZstdCompressor(level=19, write_checksum=True)
    for at in range(0, len(lines), _LINES):
        points.append([first_t + at, len(data)])
        data += compressor.compress(b"".join(lines[at : at + _LINES]))
    return data, points


def leave_to_bucket(row: Segment, path: Path) -> None:
    """Remove the file of a segment whose copy is there."""
    path.unlink()
    row.cold = Cold.ONLY
    row.save()
