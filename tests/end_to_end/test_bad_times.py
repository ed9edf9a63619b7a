"""A recording whose ts is in another unit, as older versions took it in, is served, read and gone on with."""

from __future__ import annotations

from itertools import pairwise
from urllib.parse import urlencode

import pytest

from marketcamera import Replay, Tick
from tests.api_socket.client import new_token
from tests.backtests.asking import Backtests
from tests.end_to_end.spoiling import spoil
from tests.processes import Site

pytestmark = pytest.mark.long

MARKET = {"IG_CAM_W": 20, "IG_CAM_STRIDE": 10, "IG_SEED": 3, "IG_SPEED": 10}


@pytest.mark.parametrize(("factor", "seed"), [(1000, 3), (1_000_000, 4)], ids=["the same run", "a new run"])
def test_a_recording_in_another_unit_breaks_nothing(site: Site, factor: int, seed: int) -> None:
    made = site.run("runmarket", "--ticks", "300", "--speed", "0", **{**MARKET, "IG_START_TS": 1_700_000_000})
    assert made.returncode == 0, made.stderr
    spoil(site, factor, **MARKET)
    site.apart = True  # a backtest is waited for
    live = site.serve(**{**MARKET, "IG_SEED": seed})
    live.wait_for_ticks(330)
    for path in ("/", "/live/", "/replay/", "/health", "/disk", "/segments?kind=all", "/manifest/ticks", "/metrics"):
        assert live.ask(path, headers={"Accept": "text/html"}).status == 200, path
    ticks = live.json("/incremental?from_t=-1&limit=320")["data"]
    times = [tick["ts"] for tick in ticks]
    assert times[0] == pytest.approx(1_700_000_000 * factor), "what was recorded is passed on as it is"
    assert 1.7e9 < times[-1] < 4e9, "and what is new is not pushed behind it"

    ends = {"from": "0", "to": "9999999999999999"}
    for resolution in ("1s", "1m", "1d"):
        for asked in ({}, ends, {"to": ends["to"]}):
            bars = live.json(f"/api/v1/bars?{urlencode({'resolution': resolution, **asked})}")["bars"]
            assert all(bar["close_time"] < 4e12 for bar in bars)

    backtests = Backtests(live, new_token(site, **MARKET))
    status, answer = backtests.ask("POST", body={"strategy": "buy_and_hold", "resolution": "1s", **ends})
    assert (status, answer["error"]["code"]) == (400, "bad_parameter")
    done = backtests.wait_for(backtests.start("buy_and_hold"), "done", "failed")
    assert done["status"] == "done"

    replayed = [one for one in Replay(live.url, 298, 302, speed=100, types="tick") if isinstance(one, Tick)]
    assert [one.t for one in replayed] == list(range(298, 303)), "no step is waited for longer than for a short time"
    assert any(abs(after.ts - before.ts) > 1e9 for before, after in pairwise(replayed))
    assert live.stop() == 0
    assert "Traceback" not in live.log()
    verified = site.run("verify", **MARKET)
    assert verified.returncode == 0, verified.stdout
    for command in (["rebuildbars"], ["segments"], ["backtest", "buy_and_hold", "--resolution", "1s"]):
        ran = site.run(*command, **MARKET)
        assert ran.returncode == 0, ran.stderr
