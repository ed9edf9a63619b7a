"""A server that films a venue: each trade once on its tape, whatever becomes of either."""

from __future__ import annotations

import signal
from collections import Counter
from typing import Any

import pytest

from tests.market import venue as stand_in
from tests.market.venue import Manners, Venue
from tests.processes import Live, Site, wait_until

pytestmark = pytest.mark.long

MARKET = {"IG_CAM_W": 20, "IG_CAM_STRIDE": 5, "IG_CAM_SEGMENT_SECONDS": 2}

Content = tuple[str, str, float, float]


def start(site: Site, venue: Venue, **settings: Any) -> Live:
    live = site.serve(IG_SOURCE=f"hyperliquid:BTC?url={venue.url}", **(MARKET | settings))
    live.wait_for_ticks(live.wait_for_ticks(-1) + 25)
    return live


def trades_of(ticks: list[dict[str, Any]]) -> Counter[Content]:
    return Counter(
        (tick["agents"][match["a"]]["name"], tick["agents"][match["b"]]["name"], match["price"], match["size"])
        for tick in ticks
        for match in tick["matches"]
    )


def happened(venue: Venue, first: Counter[Content]) -> Counter[Content]:
    """Every trade of the venue since the first tick."""
    contents = [(*one["users"], float(one["px"]), float(one["sz"])) for one in venue.trades]
    return Counter(contents[next(i for i, content in enumerate(contents) if content in first) :])


def newest_ts(live: Live) -> float:
    """When the newest tick was."""
    newest_t = live.json("/incremental?limit=1")["latest_t"]
    return float(live.json(f"/incremental?from_t={newest_t - 1}&limit=1")["data"][0]["ts"])


def finish(site: Site, venue: Venue, live: Live) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The market ends behind the venue's last trade, and its store is sound: ticks and gaps of the tape."""
    venue.manners.rate = 0.0
    newest = venue.trades[-1]["time"] / 1000
    wait_until(lambda: newest_ts(live) > newest + 1, "a tick behind the last trade")
    live.stop()
    proof = site.run("verify", "--deep", **MARKET)
    assert proof.returncode == 0, proof.stdout + proof.stderr
    messages = site.messages("ticks")
    return tuple([m for m in messages if m["type"] == kind] for kind in ("tick", "gap"))  # type: ignore[return-value]


@pytest.mark.parametrize("settings", [{}, {"IG_CAM_W": 30}], ids=["the same run", "a new run"])
@pytest.mark.parametrize("segment_seconds", [2, 3600], ids=["checkpoints", "only that of the beginning"])
def test_killed_and_started_again_it_has_every_trade_once(
    site: Site, segment_seconds: int, settings: dict[str, Any]
) -> None:
    settings = {"IG_CAM_SEGMENT_SECONDS": segment_seconds} | settings
    with stand_in.running(Manners(rate=50, recent=100_000)) as venue:
        start(site, venue, IG_CAM_SEGMENT_SECONDS=segment_seconds).kill()
        live = start(site, venue, **settings)
        live.kill()
        live = start(site, venue, **settings)
        ticks, gaps = finish(site, venue, live)
    assert trades_of(ticks) == happened(venue, trades_of(ticks[:1]))
    told = sorted([tick["t"] for tick in ticks] + [t for gap in gaps for t in range(gap["from_t"], gap["to_t"] + 1)])
    assert told == list(range(len(told)))
    nodes = [node for frame in site.messages("frames") if frame["type"] == "frame" for node in frame["nodes"]]
    assert nodes
    assert all(node["name"].startswith("0x") for node in nodes)
    ts = [tick["ts"] for tick in ticks]
    assert ts == sorted(ts)
    assert {gap["reason"] for gap in gaps} <= {"lost"}


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_what_the_venue_has_no_more_is_a_gap(site: Site, number: signal.Signals) -> None:
    with stand_in.running(Manners(rate=200, recent=5, replay=5)) as venue:
        live = start(site, venue)
        live.stop(number)
        before = site.messages("ticks")[-1] if site.sealed else None
        heard = len(venue.trades)
        wait_until(lambda: len(venue.trades) > heard + 400, "trades that nobody hears")
        live = start(site, venue)
        ticks, gaps = finish(site, venue, live)
    taken = trades_of(ticks)
    assert max(taken.values()) == 1
    assert happened(venue, trades_of(ticks[:1])) - taken
    assert sum(gap["to_t"] + 1 - gap["from_t"] for gap in gaps) >= 15
    if before is not None:
        assert gaps[0]["from_t"] > before["t"]
