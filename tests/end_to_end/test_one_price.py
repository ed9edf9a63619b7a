"""One price a market: at every t the page, bars, `market_data`, the Python client and backtests agree."""

from __future__ import annotations

import json
import subprocess
from itertools import accumulate, groupby, pairwise
from typing import Any

import pytest

from marketcamera import Backtest, Replay, Stream, Tick, get_price, get_websocket_manager
from tests import services
from tests.api_socket.client import Client, new_token
from tests.processes import ROOT, Live, Site, wait_until

SYMBOL = "IG-USD"
MARKET = {"IG_SEED": 7, "IG_CAM_W": 20, "IG_CAM_STRIDE": 5, "IG_START_TS": 1_769_255_900}
TICKS = 1200

#: What the page makes of ticks and of the header that tells the price ranges.
PAGE = """
import { priceOf, priceRangeAt, priceRangesIn } from %s;
const { header, ticks } = JSON.parse(require("node:fs").readFileSync(0));
const ranges = priceRangesIn(header);
console.log(JSON.stringify(ticks.map(([t, norm]) => priceOf(priceRangeAt(ranges, t), norm))));
""".replace('require("node:fs")', 'process.getBuiltinModule("node:fs")')


@pytest.fixture
def live(site: Site) -> Live:
    made = site.run("runmarket", "--ticks", str(TICKS), "--speed", "0", **MARKET)
    assert made.returncode == 0, made.stderr
    return site.serve(IG_SPEED=5, **MARKET)


def prices_on_the_page(live: Live, ticks: list[Tick]) -> list[float]:
    header = live.ask("/manifest/ticks").headers["Market-Camera-Prices"]
    module = ROOT / "streaming" / "static" / "streaming" / "data" / "messages.js"
    told = {"header": header, "ticks": [(tick.t, tick["s"]["price_norm"]) for tick in ticks]}
    node = [services.program("node"), "--input-type=module", "--eval", PAGE % json.dumps(module.as_uri())]
    ran = subprocess.run(node, input=json.dumps(told), capture_output=True, text=True, check=True)
    prices: list[float] = json.loads(ran.stdout)
    return prices


def bars_of(prices: list[tuple[float, float]]) -> dict[int, list[float]]:
    """Open, high, low and close of each second of (ts, price)."""
    found = {}
    for second, of_it in groupby(prices, key=lambda one: int(one[0])):
        told = [price for _, price in of_it]
        found[second] = [told[0], max(told), min(told), told[-1]]
    return found


def test_every_part_has_the_same_price_at_every_t(live: Live, site: Site) -> None:
    low, high = live.json("/health")["meta"]["price_range"]
    ticks = [tick for tick in Replay(live.url, 0, TICKS - 1, types="tick") if isinstance(tick, Tick)]
    price = {tick.t: low + (high - low) * tick["s"]["price_norm"] for tick in ticks}
    assert len(set(price.values())) > TICKS / 2
    assert [tick.price for tick in ticks] == pytest.approx([*price.values()], abs=1e-6)
    assert prices_on_the_page(live, ticks) == [*price.values()]

    bars = bars_of([(tick.ts, tick.price) for tick in ticks])
    question = f"/api/v1/bars?resolution=1s&limit={len(bars)}&from=0"
    asked = wait_until(lambda: (found := live.json(question)["bars"])[len(bars) - 1 :] and found, "the last bar")
    assert {bar["open_time"] // 1000: [bar[name] for name in ("open", "high", "low", "close")] for bar in asked} == bars
    # Bars of random quotes jumped by several percent a second.
    assert all(abs(bar["close"] / before["close"] - 1) < 0.01 for before, bar in pairwise(asked))
    get_websocket_manager().configure(endpoint=f"{live.ws_url}/market_data")
    with Backtest() as test:  # as of the last bar
        test.at(asked[-1]["close_time"])
        table = get_price(SYMBOL, len(bars), frequency="1s")
    assert table[["open", "high", "low", "close"]].to_numpy().tolist() == [*bars.values()]

    bought = site.run("backtest", "buy_and_hold", "--resolution", "1s", "--from", str(asked[0]["open_time"]), **MARKET)
    assert bought.returncode == 0, bought.stderr
    assert f"buy   {bars[asked[0]['open_time'] // 1000][0]:>16,.4f}" in bought.stdout


@pytest.mark.long
def test_market_data_is_the_price_of_a_tick(live: Live, site: Site) -> None:
    days: list[dict[str, Any]] = []
    with Client(live, new_token(site)) as client:
        client.subscribe("market_data")
        while len(days) < 20:
            days.append(client.first("market_data")["data"])
    recorded = Stream(live.url, "tick", since=-1)
    ticks = []
    for tick in recorded:
        assert isinstance(tick, Tick)
        ticks.append(tick)
        if tick.ts >= days[-1]["timestamp"]:
            break
    prices = [tick.price for tick in ticks]
    running = zip(ticks, prices, accumulate(prices, max), accumulate(prices, min), strict=True)
    by_ts = {tick.ts: [price, prices[0], high, low] for tick, price, high, low in running}
    assert [[day[name] for name in ("price", "open", "high", "low")] for day in days] == [
        by_ts[day["timestamp"]] for day in days
    ]
