"""Each part of a deployment is killed and brought back under load; clients miss nothing, and hear nothing twice."""

from __future__ import annotations

import pytest

from recorder.tape.reader import last_line
from tests.followers import EventFollower, Follower, following
from tests.processes import Live, Process, wait_until
from tests.service_mode.conftest import OTHER, Deployment

pytestmark = [pytest.mark.redis, pytest.mark.postgres, pytest.mark.long]


def test_two_markets_reach_the_clients_of_two_web_processes(webs: list[Live]) -> None:
    each = [Follower(web, query=f"&symbol={symbol}") for symbol in ("IG-USD", OTHER) for web in webs]
    with following(*each):
        for follower in each:
            follower.wait_for_more(30)
        for follower in each:
            follower.assert_heard_each_tick_once()
            assert follower.connections == 1
    one, same, other, same_other = ({m["t"]: m for _, m in follower.heard} for follower in each)
    for here, there in ((one, same), (other, same_other)):
        shared = here.keys() & there.keys()
        assert len(shared) > 10
        assert all(here[t] == there[t] for t in shared)
    # The markets began at different times, so their t need not overlap; no message of one is one of the other.
    assert not {m["ts"] for m in one.values()} & {m["ts"] for m in other.values()}


def test_redis_killed_and_back_costs_no_client_a_tick_or_its_connection(
    deployment: Deployment, webs: list[Live], markets: dict[str, Process]
) -> None:
    each = [Follower(web, query=f"&symbol={symbol}") for symbol in ("IG-USD", OTHER) for web in webs]
    each.append(EventFollower(webs[0]))
    with following(*each):
        before = [follower.wait_for_more(5) for follower in each]
        deployment.redis.kill()
        wait_until(lambda: recorded_t(deployment) > before[0] + 60, "ticks on disk: recording goes on without Redis")
        resumed = Follower(webs[0], since=before[0] - 20)
        resumed.wait_for(before[0])
        deployment.redis.start()
        for follower, t in zip((*each, resumed), (*before, before[0]), strict=True):
            follower.wait_for(t + 120)
            follower.assert_heard_each_tick_once()
            assert follower.connections == 1
        resumed.end()
    assert all(market.running for market in markets.values())
    for process in (*markets.values(), *webs):
        assert "Traceback" not in process.log(), process.log()[-3000:]


def test_postgresql_crashed_and_back_costs_no_client_a_tick(
    deployment: Deployment, webs: list[Live], markets: dict[str, Process]
) -> None:
    each = [Follower(web) for web in webs]
    with following(*each):
        before = max(follower.wait_for_more(5) for follower in each)
        deployment.postgres.crash()
        resumed = Follower(webs[0], since=0)
        for follower in (*each, resumed):
            follower.wait_for(before + 60)
        assert webs[0].ask("/health").json()["ok"] is True, "it hears the market"
        refused = webs[0].ask("/segments")
        assert (refused.status, refused.json()["error"]["code"]) == (503, "internal")
        deployment.postgres.start()
        for follower in (*each, resumed):
            follower.wait_for(before + 120)
            follower.assert_heard_each_tick_once()
            assert follower.connections == 1
        resumed.end()
    assert all(market.running for market in markets.values())
    wait_until(lambda: webs[0].ask("/segments").status == 200, "the manifest's return")
    newest: list[dict[str, int]] = []

    def rows_caught_up() -> bool:
        newest[:] = webs[0].json("/manifest/ticks")[-1:]
        return bool(newest) and newest[0]["end_t"] > before + 60

    wait_until(rows_caught_up, f"the row of what was recorded meanwhile (the newest: {newest})")


def test_a_market_killed_and_back_goes_on_with_the_next_t(
    deployment: Deployment, webs: list[Live], markets: dict[str, Process]
) -> None:
    each = [*(Follower(web) for web in webs), EventFollower(webs[0])]
    other = Follower(webs[0], query=f"&symbol={OTHER}")
    with following(*each, other):
        before = max(follower.wait_for_more(10) for follower in each)
        markets["IG-USD"].kill()
        others = other.last_t
        markets["IG-USD"] = deployment.run_market("IG-USD")
        for follower in each:
            follower.wait_for(before + 60)
            follower.assert_heard_each_tick_once()
            assert follower.connections == 1
        other.wait_for(others + 30)  # another market's death is none of its business
        other.assert_heard_each_tick_once()


def test_a_web_process_killed_sends_its_clients_to_the_other_without_a_loss(
    deployment: Deployment, webs: list[Live]
) -> None:
    moving = [make(webs[1], webs[0]) for make in (Follower, Follower, Follower, EventFollower, EventFollower)]
    staying = Follower(webs[0])
    with following(*moving, staying):
        before = max(follower.wait_for_more(10) for follower in moving)
        webs[1].kill()
        for follower in (*moving, staying):
            follower.wait_for(before + 60)
            follower.assert_heard_each_tick_once()
        assert {follower.connections for follower in moving} >= {2}
        assert staying.connections == 1
    webs[1] = deployment.serve()


def test_a_web_process_that_starts_late_knows_the_past(deployment: Deployment, webs: list[Live]) -> None:
    late = deployment.serve(IG_RING_TICKS=50)
    follower = Follower(late, since=-1)
    with following(follower):
        now = webs[0].json("/incremental?limit=1")["latest_t"]
        follower.wait_for(now + 30)
        follower.assert_heard_each_tick_once()
        assert follower.ts[0] == 0
    figures = late.ask("/metrics").body.decode()
    assert 'market_camera_ring_ticks{symbol="IG-USD"} 50.0' in figures
    assert late.stop() == 0


def recorded_t(deployment: Deployment) -> int:
    """The newest tick of the first market on disk."""
    line = last_line(deployment.site.store, "ticks")
    assert line is not None
    return line.last_t
