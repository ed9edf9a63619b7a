"""What fails beside the market in a process without a web server is told by those that have one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.conftest import FaultyMarket
from tests.followers import Follower, following
from tests.processes import Site, wait_until

pytestmark = [pytest.mark.redis, pytest.mark.long]

#: What is made to fail in the market's process, how, and the side task that fails of it.
FAULTS = {
    "psutil:Process": ("OSError", "report of simulator"),
    "recorder.store.lease:MarketLease._renew": ("RuntimeError", "lease of IG-USD"),
    "recorder.manifest.row_writer:save_facts": ("ValueError", "manifest of IG-USD"),
    "bars.making.keeper:save": ("ValueError", "bars of IG-USD"),
    "alerts.market_events:events_of": ("ValueError", "observer events"),
}


@pytest.fixture
def market(
    tmp_path_factory: pytest.TempPathFactory, migrated_database: Path, redis_server: str
) -> Iterator[FaultyMarket]:
    site = Site(tmp_path_factory.mktemp("faulty"), migrated_database)
    try:
        market = FaultyMarket(site, site.directory / "faults", REDIS_URL=redis_server)
        yield market
        assert market.process.stop() == 0
        assert market.live.stop() == 0
    finally:
        site.end()


def test_every_side_task_of_a_market_fails_is_told_and_begins_again(market: FaultyMarket) -> None:
    names = {name for _, name in FAULTS.values()}
    follower = Follower(market.live)
    with following(follower):
        market.fail(**{target: error for target, (error, _) in FAULTS.items()})
        wait_until(lambda: names <= market.active_tasks(), "an alert about each")
        follower.wait_for_more(20)
        market.mend()
        wait_until(lambda: not market.active_tasks(), "the end of every alert")
        follower.wait_for_more(20)
        follower.assert_heard_each_tick_once()
        assert follower.connections == 1
    verified = market.site.run("verify", "--deep", **market.env)
    assert "no faults" in verified.stdout, verified.stdout + verified.stderr
