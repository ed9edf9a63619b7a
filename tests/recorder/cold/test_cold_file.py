"""Blocks of objects: cached whole or not at all, and read as a file."""

from __future__ import annotations

import hashlib
import io
import os
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from recorder.cold.block_cache import BLOCK_BYTES, BlockCache
from recorder.cold.bucket import BucketUnavailable, NoObject, open_bucket
from recorder.cold.cold_file import ColdFile, ColdReads
from tests.processes import PATIENCE_SECONDS

CONTENT = random.Random(7).randbytes(3 * BLOCK_BYTES + 1000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
ADDRESS = open_bucket("file:///nowhere").address


class Objects:
    """A bucket with one object, which counts what is read of it and fails as it is told."""

    def __init__(self, content: bytes = CONTENT) -> None:
        self.content, self.reads, self.failures = content, 0, 0

    def get_range(self, key: str, start: int, length: int) -> bytes:
        self.reads += 1
        if self.failures:
            self.failures -= 1
            raise BucketUnavailable(ADDRESS, "it answered 503")
        if key != "here":
            raise NoObject(ADDRESS, key)
        return self.content[start : start + length]


def reads_of(
    objects: Objects, folder: Path, *, most_bytes: int = 1 << 30, patience_seconds: float = PATIENCE_SECONDS
) -> ColdReads:
    return ColdReads(objects, BlockCache(folder, most_bytes), patience_seconds=patience_seconds)


def file_of(reads: ColdReads, key: str = "here") -> ColdFile:
    return ColdFile(reads, key, SHA256, len(CONTENT))


def kept(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_any_part_is_read_as_from_a_file_and_each_block_fetched_once(tmp_path: Path) -> None:
    objects, draw = Objects(), random.Random(1)
    file, plain = file_of(reads_of(objects, tmp_path)), io.BytesIO(CONTENT)
    for _ in range(300):
        where, size = draw.randrange(len(CONTENT) + 10), draw.choice([0, 1, 3, 500, BLOCK_BYTES, 2 * BLOCK_BYTES, -1])
        assert (file.seek(where), file.read(size), file.tell()) == (plain.seek(where), plain.read(size), plain.tell())
    assert file.seek(-5, io.SEEK_END) == len(CONTENT) - 5
    assert file.read() == CONTENT[-5:]
    assert objects.reads == 4
    assert file_of(reads_of(objects, tmp_path)).read() == CONTENT  # another process finds the blocks
    assert objects.reads == 4


def test_a_damaged_block_is_fetched_again_and_a_folder_that_takes_nothing_costs_only_time(tmp_path: Path) -> None:
    objects = Objects()
    file_of(reads_of(objects, tmp_path)).read()
    for path, harm in zip(kept(tmp_path), ("flip", "cut", "empty", "none"), strict=True):
        data = bytearray(path.read_bytes())
        data[-7] ^= harm == "flip"
        path.write_bytes({"cut": data[: len(data) // 2], "empty": b""}.get(harm, data))
    assert file_of(reads_of(objects, tmp_path)).read() == CONTENT
    assert objects.reads == 4 + 3
    nowhere = tmp_path / "file"
    nowhere.write_bytes(b"")
    assert file_of(reads_of(objects, nowhere)).read() == CONTENT


def test_what_was_damaged_on_its_way_is_fetched_again_once(tmp_path: Path) -> None:
    objects = Objects(bytes(len(CONTENT)))
    file = file_of(reads_of(objects, tmp_path))
    file.read(BLOCK_BYTES + 1)
    objects.content = CONTENT
    assert file.forget(BLOCK_BYTES)
    file.seek(BLOCK_BYTES)
    assert file.read(BLOCK_BYTES) == CONTENT[BLOCK_BYTES : 2 * BLOCK_BYTES]
    assert not file.forget(BLOCK_BYTES)


def test_the_least_recently_used_blocks_give_way_and_what_a_kill_left_too(tmp_path: Path) -> None:
    left = tmp_path / "ab" / "0123.coming"
    left.parent.mkdir()
    left.write_bytes(bytes(BLOCK_BYTES))
    os.utime(left, (0, 0))
    cache = BlockCache(tmp_path, 8 * BLOCK_BYTES)
    for number in range(40):
        cache.put(SHA256, number, bytes(BLOCK_BYTES))
        assert cache.get(SHA256, 0) is not None
        if number:
            os.utime(tmp_path / SHA256[:2] / f"{SHA256}-{number}", (number, number))
    assert not left.exists()
    assert sum(path.stat().st_size for path in kept(tmp_path)) <= 9 * BLOCK_BYTES
    assert [cache.get(SHA256, number) is None for number in (0, 1, 39)] == [False, True, False]


def test_a_bucket_that_fails_is_tried_again_for_a_while_and_then_nobody_waits_for_it(tmp_path: Path) -> None:
    objects = Objects()
    objects.failures = 1
    reads = reads_of(objects, tmp_path)
    assert file_of(reads).read(10) == CONTENT[:10]
    objects.failures = 1_000
    impatient = reads_of(objects, tmp_path / "other", patience_seconds=0.0)
    for _ in range(2):
        with pytest.raises(BucketUnavailable, match="it answered 503"):
            file_of(impatient).read(10)
    assert objects.failures == 998
    objects.failures = 0
    with pytest.raises(FileNotFoundError, match="has no gone"):
        ColdFile(reads, "gone", "0" * 64, 10).read(1)
    objects.content = CONTENT[: BLOCK_BYTES + 5]  # written half
    assert file_of(reads_of(objects, tmp_path / "half")).read() == CONTENT[: BLOCK_BYTES + 5]


def test_those_who_want_the_same_block_fetch_it_once_and_are_away_meanwhile(tmp_path: Path) -> None:
    objects, away, together = Objects(), threading.Semaphore(0), threading.Barrier(8)

    @contextmanager
    def leave() -> Iterator[None]:
        away.release()
        yield

    reads = ColdReads(objects, BlockCache(tmp_path, 1 << 30), leave)

    def read() -> None:
        together.wait()
        assert file_of(reads).read(10) == CONTENT[:10]

    threads = [threading.Thread(target=read) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert objects.reads == 1
    assert away.acquire(blocking=False)
