"""What a market has recorded in the end, wherever it lies: on the disk, in the bucket, or in both."""

from __future__ import annotations

import io
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

import zstandard

from recorder.cold.bucket import Bucket, BucketUnavailable, NoObject
from tests.processes import decompressed, first_t

KINDS = ("ticks", "frames", "metrics")


class Recorded:
    """A market's segments, read with nothing of the product but its client of the bucket."""

    def __init__(self, directory: Path, symbol: str, bucket: Bucket | None = None) -> None:
        """`directory` is the market's; without a bucket everything is there."""
        self._directory, self._bucket = directory, bucket
        store_id = (directory / "store_id").read_text().strip()
        self._home = f"{symbol}/{store_id}"

    def lines(self, kind: str) -> Iterator[bytes]:
        """Every line of a kind (`ticks`), in order of t. May raise BucketUnavailable, NoObject."""
        on_disk, copied = self._on_disk(kind), self._copied(kind)
        for name in sorted(on_disk.keys() | copied, key=lambda name: (first_t(Path(name)), name)):
            yield from (decompressed(on_disk[name]) if name in on_disk else self._copy(kind, name)).splitlines()

    def copies(self) -> tuple[int, int]:
        """How many finished segments there are on the disk, and how many only in the bucket."""
        found = [(self._finished(kind), self._copied(kind)) for kind in KINDS]
        return sum(len(here) for here, _ in found), sum(len(there - here.keys()) for here, there in found)

    def bucket_differs(self) -> Iterator[str]:
        """Which finished segments on the disk have no copy of the same lines, in words."""
        for kind in KINDS:
            for name, path in sorted(self._finished(kind).items()):
                try:
                    copy = self._copy(kind, name)
                except (BucketUnavailable, NoObject, zstandard.ZstdError) as error:
                    yield f"{kind}/{name}: {error}"
                    continue
                if copy != (ours := decompressed(path)):
                    yield f"{kind}/{name}: {len(copy):,} bytes of lines in the bucket, {len(ours):,} on the disk"

    def _on_disk(self, kind: str) -> dict[str, Path]:
        return {path.name: path for path in (self._directory / kind).glob("segment_*.jsonl.zst")}

    def _finished(self, kind: str) -> dict[str, Path]:
        return {name: path for name, path in self._on_disk(kind).items() if "_pending" not in name}

    def _copied(self, kind: str) -> set[str]:
        keys = self._bucket.keys(f"{self._home}/{kind}") if self._bucket else ()
        return {key.rsplit("/", 1)[1] for key in keys}

    def _copy(self, kind: str, name: str) -> bytes:
        assert self._bucket is not None
        key = f"{self._home}/{kind}/{name}"
        stat = self._bucket.head(key)
        if stat is None:
            raise NoObject(self._bucket.address, key)
        data = self._bucket.get_range(key, 0, stat.size)
        return zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data), read_across_frames=True).read()


def differences(broken: Recorded, whole: Recorded) -> Iterator[str]:
    """How the tapes of a run that was interrupted differ from those of one that was not, in words; one a kind."""
    for kind in KINDS:
        for number, (ours, theirs) in enumerate(zip_longest(broken.lines(kind), whole.lines(kind)), 1):
            if ours != theirs:
                yield f"{kind}: line {number} is {_shown(ours)}, uninterrupted {_shown(theirs)}"
                break


def _shown(line: bytes | None) -> str:
    return "missing" if line is None else line[:80].decode(errors="replace")
