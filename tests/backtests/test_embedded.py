"""Backtests beside a live market in one process: run in a child, one at a time, and nothing left behind by its end."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.api_socket.client import Client, new_token
from tests.backtests.asking import MARKET, Backtests, copy_of
from tests.processes import PATIENCE_SECONDS, Live, Site, wait_until


def child_of(live: Live) -> psutil.Process:
    """The process that runs a backtest."""

    def found() -> psutil.Process | None:
        for child in psutil.Process(live.process.pid).children():
            with suppress(psutil.NoSuchProcess):  # another one that has just ended
                if "runbacktest" in child.cmdline():
                    return child
        return None

    child: psutil.Process = wait_until(found, "a child")
    return child


@pytest.fixture(scope="module")
def site_of_market(tmp_path_factory: pytest.TempPathFactory, two_minutes: Site) -> Iterator[Site]:
    site = copy_of(two_minutes, tmp_path_factory.mktemp("backtests"))
    yield site
    site.end()


@pytest.fixture(scope="module")
def token(site_of_market: Site) -> str:
    return new_token(site_of_market)


@pytest.fixture(scope="module")
def market(site_of_market: Site) -> Iterator[Live]:
    live = site_of_market.serve(**MARKET)
    yield live
    assert live.stop() == 0
    assert "Traceback" not in live.log()


@pytest.fixture
def backtests(market: Live, token: str) -> Backtests:
    return Backtests(market, token)


def test_a_backtest_is_queued_run_told_and_done(market: Live, backtests: Backtests, token: str) -> None:
    with Client(market, token) as client:
        client.subscribe("backtest_progress")
        backtest_id = backtests.start("ma_cross", params={"fast": 3, "slow": 8}, to="2026-01-05T00:01:40Z")
        told = client.first("backtest_progress", progress=1.0)
    assert told == {
        "type": "backtest_progress",
        "backtest_id": backtest_id,
        "data": {
            "progress": 1.0,
            "current_date": "2026-01-05",
            "total_days": 1,
            "completed_days": 1,
            "estimated_remaining": 0,
        },
    }
    done = backtests.wait_for(backtest_id, "done")
    assert {"return", "max_drawdown", "sharpe", "exposure", "trades", "equity"} <= done["result"].keys()
    assert done["result"]["bars"] == len(done["result"]["equity"]) - 1 == 100
    assert done["result"]["trades_count"] > 2


@pytest.mark.long
def test_the_command_shows_the_same_result_as_a_table(site_of_market: Site, backtests: Backtests) -> None:
    backtest_id = backtests.start("ma_cross", params={"fast": 3, "slow": 8}, to="2026-01-05T00:01:40Z")
    options = ["--resolution", "1s", "--from", "0", "--to", "2026-01-05T00:01:40Z"]
    shown = site_of_market.run("backtest", "ma_cross", *options, "--param", "fast=3", "--param", "slow=8", **MARKET)
    assert shown.returncode == 0, shown.stderr
    assert "100/100 " in shown.stderr
    here, there = shown.stdout.split()[1], backtests.wait_for(backtest_id, "done")
    assert backtests.get(here)["result"] == there["result"]
    assert f"return        {there['result']['return']:+.2%}\n" in shown.stdout


def test_an_error_of_a_strategy_fails_its_backtest_alone(market: Live, backtests: Backtests) -> None:
    broken, leaving, good = backtests.start("broken"), backtests.start("leaves"), backtests.start("buy_and_hold")
    failed = backtests.wait_for(broken, "failed")
    assert failed["error"] == "broken failed at the bar of 2026-01-05T00:00:02Z: ValueError: the third is too much"
    assert failed["result"] is None
    assert backtests.wait_for(leaving, "failed")["error"] == "its process ended with status 7"
    assert backtests.wait_for(good, "done")["result"]["exposure"] == 1
    assert market.running


@pytest.mark.long
def test_a_killed_child_leaves_a_failed_backtest(market: Live, backtests: Backtests, token: str) -> None:
    with Client(market, token) as client:
        client.subscribe("backtest_progress")
        backtest_id = backtests.start("hangs")
        backtests.wait_for(backtest_id, "running")
        child = child_of(market)
        assert child.nice() == min(19, psutil.Process(market.process.pid).nice() + 10)
        child.kill()
        failed = backtests.wait_for(backtest_id, "failed")
        assert failed["error"] == "its process ended by SIGKILL"
        told = client.first("backtest_progress", backtest_id=backtest_id, estimated_remaining=0)
        assert told["data"]["progress"] < 1


def test_one_runs_while_others_wait_and_each_can_be_cancelled(market: Live, backtests: Backtests) -> None:
    hanging, waiting, last = backtests.start("hangs"), backtests.start("slow"), backtests.start("buy_and_hold")
    backtests.wait_for(hanging, "running")
    assert backtests.get(waiting)["status"] == "queued"
    child = child_of(market)
    assert os.getsid(child.pid) == os.getsid(market.process.pid)  # where its niceness counts
    assert backtests.cancel(waiting)["status"] == "cancelled"
    assert backtests.cancel(hanging)["status"] == "cancelled"
    assert backtests.wait_for(last, "done")["result"]["trades_count"] == 1
    assert not child.is_running()
    assert backtests.get(waiting)["started_at"] is None


@pytest.mark.long
def test_the_end_of_the_server_ends_its_child_and_fails_the_backtest(tmp_path: Path, two_minutes: Site) -> None:
    site = copy_of(two_minutes, tmp_path)
    try:
        live, token = site.serve(**MARKET), new_token(site)
        for number in (signal.SIGTERM, signal.SIGKILL):
            running, waiting = (Backtests(live, token).start(name) for name in ("hangs", "buy_and_hold"))
            Backtests(live, token).wait_for(running, "running")
            child = child_of(live)
            live.process.send_signal(number)
            live.wait()
            assert psutil.wait_procs([child], PATIENCE_SECONDS)[1] == []
            live = site.serve(**MARKET)
            failed = Backtests(live, token).wait_for(running, "failed")
            assert failed["error"] == "the server that ran it has stopped"
            Backtests(live, token).wait_for(waiting, "done")
    finally:
        site.end()
