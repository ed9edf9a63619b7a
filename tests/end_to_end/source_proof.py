"""What every source of ticks must give, whatever it is: a market that is served, and a recording that proves itself."""

from __future__ import annotations

from typing import Any

from marketcamera import get_price, get_websocket_manager
from tests.end_to_end.reading import assert_is_frame, assert_is_tick, hear_until, socket
from tests.processes import Live, Site, wait_until

SYMBOL = "IG-USD"

#: Short windows and segments, so that a few hundred ticks have frames and finished segments.
CAMERA = {"IG_CAM_W": 20, "IG_CAM_STRIDE": 5, "IG_CAM_SEGMENT_SECONDS": 2}


def assert_serves_a_market(live: Live) -> None:
    """Page, stream, bars and `get_price` show a market that moves."""
    assert live.ask("/live/").status == 200
    with socket(live) as client:
        frame = hear_until(client, type="frame")[-1]
        assert_is_frame(frame, CAMERA["IG_CAM_W"], CAMERA["IG_CAM_STRIDE"])
        assert_is_tick(hear_until(client, type="tick")[-1])
    bars = wait_until(lambda: live.json("/api/v1/bars?resolution=1s")["bars"], "a bar of a second")
    assert bars
    get_websocket_manager().configure(endpoint=f"{live.ws_url}/market_data", symbols=[SYMBOL], resolutions=["1s"])
    try:
        prices = get_price(SYMBOL, count=3, frequency="1s")
    finally:
        get_websocket_manager().stop()
    assert (prices["low"] <= prices["high"]).all()
    assert len(prices)


def assert_proves_itself(site: Site) -> None:
    """The recording is whole, and `verify --deep` films it again to the same frames."""
    proof = site.run("verify", "--deep")
    assert proof.returncode == 0, proof.stdout + proof.stderr
    assert "no faults" in proof.stdout
    assert site.sealed
    assert site.messages("frames")


def ts_of(site: Site) -> list[int]:
    return [message["t"] for message in site.messages("ticks") if message["type"] == "tick"]


def gaps_of(site: Site) -> list[tuple[int, int]]:
    found: list[dict[str, Any]] = [message for message in site.messages("ticks") if message["type"] == "gap"]
    return [(gap["from_t"], gap["to_t"]) for gap in found]
