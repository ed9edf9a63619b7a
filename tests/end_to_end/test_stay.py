"""`runmarket --stay`, for whatever starts again what has ended: a table is played once, and its market is well."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.api_socket.client import Client, new_token
from tests.end_to_end.source_proof import CAMERA, assert_proves_itself, ts_of
from tests.processes import ROOT, Live, Site, wait_until

EXAMPLE = ROOT / "examples" / "trades.csv"


@pytest.mark.redis
def test_a_market_whose_table_has_ended_holds_still_until_sigterm(site: Site, redis_server: str) -> None:
    env: dict[str, Any] = {"REDIS_URL": redis_server, **CAMERA}
    heard, token = site.serve("serve", "-b", "127.0.0.1", **env), new_token(site)
    with Client(heard, token) as client:
        client.subscribe("agent_status")
        market = site.start("runmarket", "--stay", "--source", f"trades:{EXAMPLE}", "--speed", "0", **env)
        wait_until(lambda: "the source has ended" in market.log(), "the end of the table")
        for part in ("simulator", "camera", "recorder"):  # in the order of their reports
            client.first("agent_status", agent_id=part, status="stopped")
    assert site.sealed
    filmed = ts_of(site)
    wait_until(lambda: heard.json("/health")["meta"]["ticks"] == len(filmed), "the end of the market, heard")
    late = site.serve("serve", "-b", "127.0.0.1", **env)
    for web in (heard, late):
        assert_is_well_and_at_rest(web, token)
    assert market.running
    assert market.stop() == 0
    assert ts_of(site) == filmed
    assert len(json.loads((site.store / "runs.json").read_text())) == 1
    assert_proves_itself(site)


def assert_is_well_and_at_rest(web: Live, token: str) -> None:
    """As `live` says it of a tape that has ended: whoever holds still holds no lease, and nobody misses it."""
    body = web.json("/health")
    assert (body["ok"], body["meta"]["running"], body["current_segment"]) == (True, False, None)
    told = web.ask("/api/v1/alerts", headers={"Authorization": f"Bearer {token}"}).json()["alerts"]
    assert [one for one in told if one["source"] in ("simulator", "recorder")] == []


def test_sigterm_before_the_end_of_the_source_ends_it_at_once(site: Site) -> None:
    market = site.start("runmarket", "--stay", IG_FLUSH_SECONDS=0, **CAMERA)
    wait_until(lambda: site.segments("ticks"), "a tick")
    assert market.stop() == 0
    assert site.sealed
    assert "holds still" not in market.log()


def test_it_does_not_go_with_a_number_of_ticks(site: Site) -> None:
    made = site.run("runmarket", "--stay", "--ticks", "3")
    assert made.returncode == 2
    assert "not allowed with argument" in made.stderr
