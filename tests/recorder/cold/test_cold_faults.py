"""A real object store that is killed, slow, cut off or refuses its key, read as a file."""

from __future__ import annotations

import hashlib
import random
import time
from pathlib import Path

import pytest

from recorder.cold.block_cache import BLOCK_BYTES, BlockCache
from recorder.cold.bucket import Credentials, open_bucket
from recorder.cold.cold_file import ColdFile, ColdReads
from runtime.unavailable import Unavailable
from tests.object_store import KEY, SECRET, ObjectStore, Proxy

CONTENT = random.Random(3).randbytes(2 * BLOCK_BYTES + 5)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def file_at(url: str, folder: Path, *, secret: str = SECRET) -> ColdFile:
    bucket = open_bucket(url, Credentials(KEY, secret), silence_seconds=2)
    return ColdFile(ColdReads(bucket, BlockCache(folder, 1 << 30)), "a/tape", SHA256, len(CONTENT))


def test_each_fault_of_the_store_is_told_and_what_comes_back_is_whole(
    bucket_server: ObjectStore, tmp_path: Path
) -> None:
    bucket_server.bucket("faults").put_bytes("a/tape", CONTENT)
    proxy = Proxy(bucket_server.port)
    url = bucket_server.url("faults", port=proxy.port)
    try:
        with pytest.raises(Unavailable, match="it answered 403") as refused:
            file_at(url, tmp_path / "refused", secret="another-secret").read()
        assert "another-secret" not in str(refused.value)

        file = file_at(url, tmp_path / "cut")
        assert file.read(BLOCK_BYTES) == CONTENT[:BLOCK_BYTES]
        proxy.cut_after = BLOCK_BYTES * 2 // 3  # each answer ends in the middle of its range
        proxy.cut()
        assert file.read(BLOCK_BYTES) == CONTENT[BLOCK_BYTES : 2 * BLOCK_BYTES]
        proxy.cut_after = 1
        proxy.cut()
        with pytest.raises(Unavailable):
            file.read()
        proxy.cut_after = None
        assert file.read() == CONTENT[2 * BLOCK_BYTES :]

        proxy.silent = True
        proxy.cut()
        with pytest.raises(Unavailable):
            file_at(url, tmp_path / "silent").read()
        proxy.silent = False
        proxy.cut()

        proxy.bytes_a_second = 50_000
        begun = time.monotonic()
        assert file_at(url, tmp_path / "slow").read() == CONTENT
        assert time.monotonic() - begun > len(CONTENT) / 100_000
        proxy.close()
        assert file_at(url, tmp_path / "slow").read() == CONTENT  # from the cache
    finally:
        proxy.close()
