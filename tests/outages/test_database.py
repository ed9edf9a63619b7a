"""The database goes away under a running market: ticks go on to file and socket, and the rows catch up."""

from __future__ import annotations

import sqlite3
import time
from typing import Any

import pytest
from websockets.sync.client import ClientConnection

from recorder.tape.reader import last_line
from tests.api_socket.client import new_token
from tests.backtests.asking import EVER, Backtests
from tests.end_to_end.reading import hear_until, socket
from tests.outages.conftest import MARKET
from tests.processes import Live, Site, wait_until
from tests.services import PostgresServer

AWAY = "the database is unavailable, rows wait"
BACK = "the database is back, the manifest has caught up"


def assert_complete(site: Site, **env: Any) -> None:
    """Every tick is on the tape once, and rows and files tell the same."""
    ts = [message["t"] for message in site.messages("ticks")]
    assert ts == list(range(len(ts)))
    verified = site.run("verify", "--deep", **env)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert "no faults" in verified.stdout


def newest(live: Live) -> int:
    """The last t on disk, -1 for none."""
    line = last_line(live.store, "ticks")
    return -1 if line is None else line.last_t


def ticks_pass(live: Live, number: int, client: ClientConnection) -> None:
    """So many ticks more come out of the socket, and reach the disk."""
    due = newest(live) + number
    hear_until(client, t=due)
    wait_until(lambda: newest(live) >= due, "the ticks on disk")


@pytest.mark.postgres
def test_postgresql_stops_and_comes_back(site: Site, postgres: PostgresServer) -> None:
    env = {**MARKET, "DATABASE_URL": postgres.url}
    live = site.serve(**env)
    with socket(live, "?types=tick") as client:
        wait_until(lambda: live.json("/segments"), "a finished segment")
        assert {live.ask(path).status for path in ("/segments", "/disk", "/manifest/ticks")} == {200}
        segments = len(live.json("/segments"))
        postgres.crash()
        ticks_pass(live, 50, client)
        assert live.ask("/segments").status == 503
        assert live.ask("/disk").status == 503
        assert live.ask("/health").status == 200
        assert live.ask("/incremental?from_t=-1&limit=10").json()["count"] == 10
        answer = live.ask("/range?t0=0&t1=30")
        assert (answer.status, len(answer.body.splitlines())) == (200, 31)
        postgres.start()
        wait_until(lambda: BACK in live.log(), "the rows")
        ticks_pass(live, 5, client)
    for _ in range(20):  # whichever thread answers
        assert {live.ask(path).status for path in ("/segments", "/disk", "/manifest/ticks", "/live/")} == {200}
    assert len(live.json("/segments")) > segments
    assert live.log().count(AWAY) == live.log().count(BACK) == 1
    _end_while_it_is_away(live, postgres)
    again = site.run("runmarket", "--ticks", "5", **env)
    assert again.returncode == 0, again.stderr
    assert_complete(site, **env)


def _end_while_it_is_away(live: Live, postgres: PostgresServer) -> None:
    """The process ends, its segments sealed; the next start makes the rows from the files."""
    postgres.crash()
    wait_until(lambda: live.log().count(AWAY) == 2, "the news of the second outage")
    assert live.stop() == 0
    assert "rows of the manifest were not written" in live.log()
    assert live.site.sealed
    postgres.start()


@pytest.mark.postgres
def test_a_table_that_somebody_locks_is_an_outage_of_the_database(site: Site, postgres: PostgresServer) -> None:
    env = {**MARKET, "DATABASE_URL": postgres.url, "IG_RING_TICKS": 50}
    live = site.serve(**env)
    wait_until(lambda: live.json("/segments") and newest(live) > 100, "more than is in memory")
    with postgres.locked("recorder_segment"):
        wait_until(lambda: AWAY in live.log(), "the news of the lock")
        with socket(live, "?types=tick&since=-1") as client:
            heard = hear_until(client, t=newest(live) + 5)
        assert [message["t"] for message in heard] == list(range(len(heard)))
        assert live.ask("/segments").status == 503
        assert live.ask("/range?t0=0&t1=30").status == 200
    wait_until(lambda: BACK in live.log(), "the rows")
    assert live.ask("/segments").status == 200
    assert "Traceback" not in live.log()


@pytest.mark.postgres
def test_a_patience_of_the_roles_own_counts(site: Site, postgres: PostgresServer) -> None:
    told = "from django.db import connection as c; k = c.cursor(); k.execute('SHOW lock_timeout'); print(k.fetchone())"
    env = {"DATABASE_URL": postgres.url}
    assert "('5s',)" in site.run("shell", "-c", told, **env).stdout
    postgres.wait_for_locks("1min")
    assert "('1min',)" in site.run("shell", "-c", told, **env).stdout


@pytest.mark.postgres
def test_a_database_that_takes_no_writes_is_away_for_who_writes(site: Site, postgres: PostgresServer) -> None:
    env = {**MARKET, "DATABASE_URL": postgres.url}
    live = site.serve(**env)
    backtests = Backtests(live, new_token(site, **env))
    with postgres.read_only():
        wait_until(lambda: AWAY in live.log(), "the first write")
        assert backtests.ask("GET")[0] == 200, "whoever only reads is let in"
        status, answer = backtests.ask("POST", body={"strategy": "buy_and_hold", "resolution": "1s", **EVER})
        assert (status, answer["error"]["code"]) == (503, "unavailable")
    wait_until(lambda: BACK in live.log(), "the rows")
    assert "Traceback" not in live.log()


def test_sqlite_is_locked_for_a_while(site: Site) -> None:
    live = site.serve(**MARKET)
    with socket(live, "?types=tick") as client:
        wait_until(lambda: live.json("/segments"), "a finished segment")
        other = sqlite3.connect(site.database, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        begun = time.monotonic()
        wait_until(lambda: AWAY in live.log(), "the news of the lock")
        ticks_pass(live, 20, client)
        assert time.monotonic() - begun >= 5, "a writer waits its turn before it gives up"
        assert live.json("/segments"), "reading goes on"
        other.execute("ROLLBACK")
        other.close()
        wait_until(lambda: BACK in live.log(), "the rows")
        ticks_pass(live, 5, client)
    assert live.log().count(AWAY) == 1
    assert live.stop() == 0
    assert_complete(site)
