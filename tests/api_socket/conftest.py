"""A live market, in one process, that subscribe clients connect to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api_socket.client import new_token
from tests.processes import Live, Site

CONNECTIONS, SUBSCRIPTIONS = 12, 5


@pytest.fixture(scope="module")
def site_of_market(tmp_path_factory: pytest.TempPathFactory, migrated_database: Path) -> Iterator[Site]:
    site = Site(tmp_path_factory.mktemp("subscribe"), migrated_database)
    yield site
    site.end()


@pytest.fixture(scope="module")
def market(site_of_market: Site) -> Iterator[Live]:
    """50 ticks a second, few connections, patience with idle ones, and a memory alert that stands."""
    live = site_of_market.serve(
        IG_SPEED=5,
        IG_CAM_W=20,
        IG_CAM_STRIDE=5,
        IG_API_CONNECTIONS=CONNECTIONS,
        IG_API_SUBSCRIPTIONS=SUBSCRIPTIONS,
        IG_API_IDLE_SECONDS=600,
        IG_ALERT_MEMORY_PERCENT=0.001,
    )
    live.wait_for_ticks(20)
    yield live
    assert live.stop() == 0
    assert "Traceback" not in live.log()


@pytest.fixture(scope="module")
def token(site_of_market: Site) -> str:
    return new_token(site_of_market)
