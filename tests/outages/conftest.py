"""What breaks while a market runs: a database that is taken away, and a disk that fills up."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services import PostgresServer

#: Fifty ticks a second, a segment each second, a frame every ten ticks.
MARKET = {
    "IG_SPEED": 5,
    "IG_CAM_W": 20,
    "IG_CAM_STRIDE": 10,
    "IG_CAM_SEGMENT_SECONDS": 1,
    "IG_FLUSH_SECONDS": 0.3,
}

_SMALL_DISK_BYTES = 2 << 20


@pytest.fixture
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A PostgreSQL of the test's own, which it may end and start."""
    server = PostgresServer(tmp_path_factory.mktemp("postgres"))
    server.start()
    yield server
    server.end()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MiB."""
    directory = tmp_path / "small"
    directory.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={_SMALL_DISK_BYTES},mode=777", "tmpfs", str(directory)]
    mounted = os.geteuid() == 0 and subprocess.run(command, capture_output=True).returncode == 0
    if not mounted:
        pytest.skip("a file system of its own can be mounted by root only")
    yield directory
    subprocess.run(["umount", "--lazy", str(directory)], check=True)
