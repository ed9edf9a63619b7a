"""A market with a recording, which the documents are compared with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api_socket.client import new_token
from tests.processes import Live, Site, wait_until

MARKET = {"IG_CAM_W": 20, "IG_CAM_STRIDE": 5, "IG_CAM_SEGMENT_SECONDS": 2, "IG_SEED": 7, "IG_MAX_REPLAYS": 5}


@pytest.fixture(scope="module")
def site_of_market(tmp_path_factory: pytest.TempPathFactory, migrated_database: Path) -> Iterator[Site]:
    site = Site(tmp_path_factory.mktemp("contracts"), migrated_database)
    site.apart = True  # a backtest is waited for
    yield site
    site.end()


@pytest.fixture(scope="module")
def token(site_of_market: Site) -> str:
    return new_token(site_of_market)


@pytest.fixture(scope="module")
def market(site_of_market: Site, token: str) -> Iterator[Live]:
    """20 ticks a second, with finished segments of every kind, bars, and an alert that stands."""
    made = site_of_market.run("runmarket", "--ticks", "60", "--speed", "0", **MARKET)
    assert made.returncode == 0, made.stderr
    live = site_of_market.serve(**MARKET, IG_SPEED=2, IG_ALERT_MEMORY_PERCENT=0.001)
    wait_until(lambda: live.json("/api/v1/bars?resolution=1s")["bars"], "a bar")
    bearer = {"Authorization": f"Bearer {token}"}
    wait_until(lambda: live.ask("/api/v1/alerts?active=1", headers=bearer).json()["alerts"], "the alert")
    yield live
    assert "Traceback" not in live.log()
    assert live.stop() == 0
