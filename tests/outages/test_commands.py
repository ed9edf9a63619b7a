"""Commands that work for long: connections that are cut meanwhile change nothing of what they say and do."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.outages.conftest import MARKET
from tests.processes import Site
from tests.services import PostgresServer

pytestmark = pytest.mark.postgres

_FIRST_CUT_SECONDS = 0.1


@contextmanager
def cut_again_and_again(postgres: PostgresServer) -> Iterator[list[int]]:
    """Every connection is cut, more and more seldom: on a busy machine too a job gets done between two cuts. Gives how
    many each cut ended."""
    ended, cuts = threading.Event(), []

    def work() -> None:
        seconds = _FIRST_CUT_SECONDS
        while not ended.wait(seconds):
            cuts.append(postgres.cut_connections())
            seconds *= 1.05

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield cuts
    finally:
        ended.set()
        thread.join()


@pytest.fixture
def env(site: Site, postgres: PostgresServer) -> dict[str, Any]:
    """A site with segments of a second and their bars."""
    env = {**MARKET, "IG_SPEED": 50, "DATABASE_URL": postgres.url}
    done = site.run("runmarket", "--ticks", "3000", **env)
    assert done.returncode == 0, done.stderr
    return env


#: Reads a manifest's entries from a connection that is cut when all of them have come, and the cursor is to be closed.
CUT_READER = """
import django.db, os, psycopg
from recorder.manifest.json_files import every_finished
from recorder.models import Market
close = psycopg.ServerCursor.close
def cut_and_close(cursor):
    with psycopg.connect(os.environ["DATABASE_URL"]) as other:
        other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
    close(cursor)
psycopg.ServerCursor.close = cut_and_close
try:
    list(every_finished(Market.objects.get(), "ticks"))
except django.db.OperationalError:
    print("unavailable")
"""


def test_a_cut_while_rows_are_read_is_an_error_that_a_retry_knows(site: Site, env: dict[str, Any]) -> None:
    done = site.run("shell", "-v0", "-c", CUT_READER, **env)
    assert done.stdout == "unavailable\n", done.stderr


def test_connections_are_cut_while_commands_work(
    site: Site, postgres: PostgresServer, env: dict[str, Any], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    commands = [
        ["verify", "--deep"],
        ["repair"],
        ["segments"],
        ["exportmanifest", "--symbol", "IG-USD", "--out", str(out)],
        ["rebuildbars", "--symbol", "IG-USD"],
    ]

    def said(command: list[str]) -> str:
        done = site.run(*command, **env)
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout

    undisturbed = [said(command) for command in commands]
    hit = 0
    with cut_again_and_again(postgres) as cuts:
        while not hit:  # a fast machine has done before a cut comes
            assert [said(command) for command in commands] == undisturbed
            hit = sum(cuts)
        taken = said(["adopt", str(site.store), "--symbol", "COPY", "--pin"])
    assert " 0 were there already" in taken
    assert said(["verify", "--symbol", "COPY"]).endswith("no faults\n")
    copied, own = (said(["segments", "--symbol", one]).splitlines()[-1] for one in ("COPY", "IG-USD"))
    assert copied == own
    assert "pinned" in said(["segments", "--symbol", "COPY", "--pinned"])
