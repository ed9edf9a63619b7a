"""`make services`: everything on this machine, from nothing, by one command; and once more on what that has left."""

from __future__ import annotations

import re
import shutil
import signal
import sys
from functools import partial
from pathlib import Path

import psutil
import pytest

from tests.processes import ROOT, Live, Site, environment, free_port, wait_until
from tests.services import directory_for_others, missing, postgres_binaries, program

pytestmark = [pytest.mark.redis, pytest.mark.postgres]


def project_in(directory: Path) -> Path:
    """The project by links, with a `data` of its own; PostgreSQL, which is another user's for root, gets to it."""
    (directory / "deploy").mkdir(parents=True)
    directory.chmod(0o711)
    for path in ROOT.iterdir():
        if path.name not in ("data", "deploy"):
            (directory / path.name).symlink_to(path)
    shutil.copy(ROOT / "deploy" / "local.py", directory / "deploy")
    return directory


def all_are_started(services: Live) -> bool:
    return "Ctrl-C ends all of it" in services.log()


def test_one_command_starts_everything_ends_it_and_starts_it_again(site: Site) -> None:
    program("redis-server")
    if postgres_binaries() is None:
        missing("PostgreSQL (/usr/lib/postgresql/*/bin)")
    project, port = project_in(directory_for_others(site.directory) / "project"), free_port()
    settings = environment(site.store, site.database, PORT=port, IG_SPEED=2)
    del settings["DATABASE_URL"]
    command = [sys.executable, str(project / "deploy" / "local.py"), "--webs", "1", "--symbols", "IG-USD"]
    newest = -1
    for _ in range(2):
        services = Live(site, port, command, settings, site.directory / "services.log", cwd=project)
        try:
            services.wait_until_it_answers()
            newest = services.wait_for_ticks(newest + 20)
            wait_until(partial(all_are_started, services), "the last of them")
            started = re.findall(r"^  (\S+) +process (\d+)", services.log(), re.MULTILINE)
        finally:
            status = services.stop(signal.SIGINT)
        assert status == 0, services.log()
        programs = {"market-IG-USD", f"web-{port}", "worker", "backtests", "beat"}
        assert {name for name, _ in started} == {"redis", "postgres"} | programs
        assert not [name for name, pid in started if psutil.pid_exists(int(pid))]
