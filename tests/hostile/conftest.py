"""A live market with a past, whose server is quick to give up clients that take nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.processes import Live, Site

#: Long enough that a client which reads is not cut off because a busy machine leaves it no time.
STALL_SECONDS = 10.0

#: Others use this machine too, so lateness is held against that of a quiet moment just before.
TIMES_AS_LATE = 10

#: A hundred ticks a second after 3,000 of them, of which memory holds the last 500; everything else is on tape.
MARKET = {
    "IG_SPEED": 10,
    "IG_CAM_W": 20,
    "IG_CAM_STRIDE": 5,
    "IG_CAM_SEGMENT_SECONDS": 3,
    "IG_FLUSH_SECONDS": 0.2,
    "IG_RING_TICKS": 500,
    "IG_OUTBOX_BYTES": 262_144,
    "IG_STALL_SECONDS": STALL_SECONDS,
    "IG_MAX_CONNECTIONS_PER_ADDRESS": 300,
    "IG_PERMESSAGE_DEFLATE": 1,
}
TICK_SECONDS = 0.01
PAST = 3000


@pytest.fixture(scope="package")
def live(tmp_path_factory: pytest.TempPathFactory, migrated_database: Path) -> Iterator[Live]:
    with market(tmp_path_factory.mktemp("hostile"), migrated_database) as server:
        yield server


@pytest.fixture(scope="package")
def control(tmp_path_factory: pytest.TempPathFactory, migrated_database: Path) -> Iterator[Live]:
    """The same market once more, which nobody attacks: what its clients hear late, the machine is late with."""
    with market(tmp_path_factory.mktemp("control"), migrated_database) as server:
        yield server


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@contextmanager
def market(directory: Path, migrated_database: Path, **env: Any) -> Iterator[Live]:
    site = Site(directory, migrated_database)
    env = MARKET | env
    try:
        made = site.run("runmarket", "--ticks", str(PAST), "--speed", "0", **env)
        assert made.returncode == 0, made.stderr
        server = site.serve(**env)
        server.wait_for_ticks(PAST + 100)
        yield server
        assert "Traceback" not in server.log(), server.log()[-3000:]
        assert server.stop() == 0
    finally:
        site.end()
