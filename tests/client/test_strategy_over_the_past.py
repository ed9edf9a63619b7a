"""One strategy, written for live prices, over a recorded day: replayed to it through a server that is killed in the
middle, and in a backtest."""

from __future__ import annotations

import json
import re
import sqlite3
from typing import Any

import pytest

from tests.client.crossing import RESOLUTION, SYMBOL
from tests.processes import Process, Site, wait_until

HOUR_MS = 3_600_000
START_TS = 1769256000
#: A day, and an hour on either side.
MARKET: Any = {"IG_TICK_INTERVAL": 30, "IG_SEED": 5, "IG_START_TS": START_TS, "IG_CAM_W": 50}
FROM, TO = "2026-01-24T13:00:00Z", "2026-01-25T13:00:00Z"


@pytest.fixture
def day(site: Site) -> Site:
    made = site.run("runmarket", "--ticks", "3120", "--speed", "0", **MARKET)
    assert made.returncode == 0, made.stderr
    return site


def lines_of(program: Process) -> list[Any]:
    """What it printed so far: trades, and the times of the bars that it has handled."""
    return [json.loads(line) for line in program.log().splitlines() if re.fullmatch(r"\{.*\}|[0-9]{13}", line)]


def trades_among(lines: list[Any]) -> list[Any]:
    return [_rounded(line) for line in lines if isinstance(line, dict)]


def _rounded(trade: dict[str, Any]) -> dict[str, Any]:
    return {name: round(value, 9) if isinstance(value, float) else value for name, value in trade.items()}


@pytest.mark.long
def test_it_trades_the_same_in_a_replay_as_in_the_backtest_through_kill_9(day: Site) -> None:
    live = day.serve(**MARKET)
    program = day.start_program(
        "tests.client.crossing",
        WEBSOCKET_ENDPOINT=f"{live.ws_url}/market_data",
        WEBSOCKET_SYMBOLS=SYMBOL,
        WEBSOCKET_RESOLUTIONS=RESOLUTION,
        MARKETCAMERA_REPLAY=f"{FROM}..{TO}@3600",
    )
    wait_until(lambda: len(trades_among(lines_of(program))) >= 5 or not program.running, "some trades")
    live.kill()
    killed_at = len(lines_of(program))
    day.serve(**MARKET, PORT=live.port)
    assert program.wait() == 0, program.log()
    lines = lines_of(program)
    assert len(lines) > killed_at + 5, "it was killed in the middle"
    closes = [line for line in lines if isinstance(line, int)]
    begin_ms = START_TS * 1000 + HOUR_MS
    assert closes == [begin_ms + n * 300_000 for n in range(1, 289)], "each bar of the day, once"
    modules = "backtests.strategies,tests.client.crossing"
    tested = day.run(
        "backtest", "crossing", "--resolution", RESOLUTION, "--from", FROM, "--to", TO, IG_STRATEGIES=modules, **MARKET
    )
    assert tested.returncode == 0, tested.stderr
    with sqlite3.connect(day.database) as database:
        (result,) = database.execute("SELECT result FROM backtests_backtest").fetchone()
    expected = json.loads(result)["trades"]
    assert len(expected) > 10
    assert trades_among(lines) == expected
