"""The database breaks under a backtest: what it has computed is written all the same, whoever runs it."""

from __future__ import annotations

import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.api_socket.client import new_token
from tests.backtests.asking import MARKET, Backtests
from tests.outages.losing import LosingProxy
from tests.processes import Process, Site, wait_until
from tests.services import PostgresServer, RedisServer

UNAVAILABLE = "its result: the database is unavailable, trying again"


class Gate:
    """Where a backtest of the strategy `gated` waits, with nearly all of its computing done."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "gate"
        self.param = str(self._path)

    def wait(self) -> None:
        wait_until(self._path.with_name("gate.reached").exists, "the backtest at its gate")

    def open(self) -> None:
        self._path.touch()


@pytest.fixture
def gate(site: Site) -> Gate:
    return Gate(site.directory)


@pytest.fixture
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.end()


def recorded(site: Site, **env: Any) -> dict[str, Any]:
    """The environment of a site with two minutes of bars."""
    site.apart = True
    env = {**MARKET, **env}
    done = site.run("runmarket", "--ticks", "1200", "--speed", "0", **env)
    assert done.returncode == 0, done.stderr
    return env


def by_command(site: Site, gate: Gate, env: dict[str, Any]) -> Process:
    """A backtest by command, at its gate."""
    started = site.start("backtest", "gated", "--resolution", "1s", "--param", f"gate={gate.param}", **env)
    gate.wait()
    return started


def assert_shown(command: Process) -> None:
    assert command.wait() == 0, command.log()
    assert "bars          119 of IG-USD, 1s" in command.log()


@pytest.mark.postgres
def test_connections_are_cut_before_a_result_is_written(site: Site, gate: Gate, postgres: PostgresServer) -> None:
    command = by_command(site, gate, recorded(site, DATABASE_URL=postgres.url))
    postgres.cut_connections()
    gate.open()
    assert_shown(command)


def test_sqlite_is_locked_when_a_result_is_written(site: Site, gate: Gate) -> None:
    command = by_command(site, gate, recorded(site))
    other = sqlite3.connect(site.database, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    gate.open()
    wait_until(lambda: UNAVAILABLE in command.log(), "the first attempt's end")
    other.execute("ROLLBACK")
    other.close()
    assert_shown(command)


@pytest.mark.postgres
def test_the_answer_to_the_result_is_lost(site: Site, gate: Gate, postgres: PostgresServer) -> None:
    proxy = LosingProxy(postgres.url)
    command = by_command(site, gate, recorded(site, DATABASE_URL=proxy.url))
    proxy.lose(b"'done'")
    gate.open()
    assert_shown(command)
    assert proxy.lost.is_set()
    assert UNAVAILABLE in command.log()
    proxy.close()


@pytest.mark.postgres
def test_the_answer_to_a_claim_is_lost(site: Site, postgres: PostgresServer) -> None:
    proxy = LosingProxy(postgres.url)
    env = recorded(site, DATABASE_URL=proxy.url)
    proxy.lose(b"SET \"status\" = 'running'")
    live = site.serve(**env)
    backtests = Backtests(live, new_token(site, **env))
    assert backtests.wait_for(backtests.start("buy_and_hold"), "done", "failed")["status"] == "done"
    assert proxy.lost.is_set()
    proxy.close()


@pytest.mark.postgres
def test_an_outage_longer_than_a_worker_may_be_silent(site: Site, gate: Gate, postgres: PostgresServer) -> None:
    env = recorded(site, DATABASE_URL=postgres.url)
    live = site.serve(**env)
    backtests = Backtests(live, new_token(site, **env))
    backtest_id = backtests.start("gated", params={"gate": gate.param})
    gate.wait()
    postgres.crash()
    gate.open()
    # It looks each 5 s: whoever ran the backtest is silent for longer than it may be.
    wait_until(lambda: live.log().count("look_after did not end well") >= 5, "an outage of 20 s")
    postgres.start()
    found = backtests.wait_for(backtest_id, "done", "failed")
    assert (found["status"], found["error"]) == ("done", None)
    assert found["result"]["trades_count"] == 1
    assert live.log().count(UNAVAILABLE) == 1


@contextmanager
def killed(redis: RedisServer) -> Iterator[None]:
    redis.kill()
    try:
        yield
    finally:
        redis.start()


@contextmanager
def hanging(redis: RedisServer) -> Iterator[None]:
    """It takes connections and gives no answer."""
    assert redis.process is not None
    redis.process.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        redis.process.process.send_signal(signal.SIGCONT)


@pytest.mark.postgres
@pytest.mark.redis
@pytest.mark.parametrize("out_of_order", [killed, hanging])
def test_broker_and_database_are_unavailable_when_a_worker_ends(
    site: Site,
    gate: Gate,
    postgres: PostgresServer,
    redis: RedisServer,
    out_of_order: Callable[[RedisServer], AbstractContextManager[None]],
) -> None:
    env = recorded(site, DATABASE_URL=postgres.url, REDIS_URL=redis.url)
    web = site.serve("serve", "-b", "127.0.0.1", **env)
    worker = site.start_program("celery", "-A", "igsite", "worker", "--concurrency", "1", **env)
    backtests = Backtests(web, new_token(site, **env))
    backtest_id = backtests.start("gated", params={"gate": gate.param})
    gate.wait()
    with out_of_order(redis):
        postgres.crash()
        gate.open()
        wait_until(lambda: UNAVAILABLE in worker.log(), "the first attempt's end")
        postgres.start()
        assert backtests.wait_for(backtest_id, "done", "failed")["status"] == "done"
        wait_until(lambda: "a message of backtest_progress is lost" in worker.log(), "the end of telling it")
        unsent = backtests.start("buy_and_hold")
    # A minute later `look_after` would send it; it is another one that shows that the worker goes on.
    after = backtests.start("buy_and_hold")
    assert backtests.wait_for(after, "done", "failed")["status"] == "done"
    assert backtests.get(unsent)["status"] in ("queued", "done"), "a broker that hung may have got it"
    assert worker.running
    assert web.running
