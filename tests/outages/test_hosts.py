"""One writer a market: on one host decided at once, across hosts by the lease; a dead holder holds nobody up."""

from __future__ import annotations

import re
import sqlite3
import time
from contextlib import closing

from recorder.tape.reader import last_line
from tests.outages.conftest import MARKET
from tests.processes import PATIENCE_SECONDS, Process, Site, wait_until


def newest(site: Site, store: str = "store") -> int:
    line = last_line(site.directory / store, "ticks")
    return -1 if line is None else line.last_t


def start(site: Site) -> Process:
    run = site.start("runmarket", **MARKET)
    wait_until(lambda: newest(site) > 10, "some ticks")
    return run


def test_the_second_on_one_host_is_told_who_the_first_is_and_follows_it_at_once_when_it_is_killed(site: Site) -> None:
    first = start(site)
    second = site.run("runmarket", "--ticks", "5", **MARKET)
    assert second.returncode == 1
    assert re.search(rf"the market IG-USD is held by process {first.process.pid} on \S+$", second.stderr.strip())
    live = site.serve(ready=False, **MARKET)
    assert live.wait() == 1
    assert f"held by process {first.process.pid} on" in live.log()
    first.kill()
    third = site.run("runmarket", "--ticks", "5", **MARKET)
    assert third.returncode == 0, third.stderr
    assert "the run from t=0 goes on with t=" in third.stderr
    ts = [message["t"] for message in site.messages("ticks")]
    assert ts == list(range(len(ts)))


def test_another_host_takes_over_ten_seconds_after_the_holder_died(site: Site) -> None:
    """A host is told apart by its store here: the other one has the same database and files of its own."""
    other = {**MARKET, "IG_CAM_STORE_DIR": site.directory / "other"}
    first = start(site)
    held = rf"the market IG-USD is held by process {first.process.pid} on \S+, which renewed its lease \d\.\d s ago"
    refused = site.run("runmarket", "--ticks", "5", **other)
    assert refused.returncode == 1
    assert re.search(held, refused.stderr), refused.stderr
    first.kill()
    with closing(sqlite3.connect(site.database)) as database:
        (last_t,) = database.execute("SELECT max(end_t) FROM recorder_segment").fetchone()
        # Most of the wait is not waited for.
        database.execute("UPDATE recorder_lease SET renewed_at = datetime(renewed_at, '-6 seconds')")
        database.commit()
        (renewed,) = database.execute("SELECT unixepoch(renewed_at) FROM recorder_lease").fetchone()
    begun = time.monotonic()
    tries = [site.run("runmarket", "--ticks", "5", **other)]
    while tries[-1].returncode and time.monotonic() < begun + PATIENCE_SECONDS:
        tries.append(site.run("runmarket", "--ticks", "5", **other))
    assert tries[-1].returncode == 0, tries[-1].stderr
    assert time.time() - renewed >= 10, "not before ten seconds after the last renewal"
    assert newest(site, "other") > last_t, "t goes on above all that rows tell of, though the files are elsewhere"
