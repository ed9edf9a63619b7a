"""A server whose parts a test can break and mend."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.api_socket.client import new_token
from tests.processes import Live, Site, wait_until

_INSIDE = Path(__file__).with_name("inside")

#: Twenty ticks a second, a frame every five.
MARKET = {"IG_SPEED": 2, "IG_CAM_W": 20, "IG_CAM_STRIDE": 5, "IG_FLUSH_SECONDS": 0.2, "IG_STALL_SECONDS": 4}

#: What fails is tried again soon, and counts as healthy soon; not so soon that on a busy machine a report, of which
#: there is one each 3 s, would between two failures.
QUICK = {
    "runtime.supervision:HEALTHY_SECONDS": 10.0,
    "runtime.supervision:LONGEST_PAUSE_SECONDS": 1.0,
}


class Faulty:
    """A live market, and what is broken in it."""

    def __init__(self, site: Site, directory: Path, **env: Any) -> None:
        directory.mkdir()
        self._directory = directory
        self._constants: dict[str, Any] = {}
        self.site, self.env = site, {**MARKET, **env}
        self.live = self._start({"FAULTS": directory, "PYTHONPATH": _INSIDE})
        self.token = new_token(site, **env)
        self.mend()

    def _start(self, faults: dict[str, Any]) -> Live:
        """Start the server whose clients are served, and what else there is; `faults` make a process breakable."""
        return self.site.serve(**self.env, **faults)

    def set(self, **constants: Any) -> None:
        """Give constants other values from the next fault on."""
        self._constants |= constants

    def fail(self, **targets: str) -> None:
        """Let these callables, and no others, raise an error by its name."""
        text = json.dumps({"fail": targets, "set": {**QUICK, **self._constants}})
        new = self._directory / "new"
        new.write_text(text)
        new.replace(self._directory / "wanted")
        done = self._directory / "done"
        wait_until(lambda: done.exists() and done.read_text() == text, "the faults")

    def mend(self) -> None:
        self.fail()

    @contextmanager
    def without_descriptors(self) -> Iterator[None]:
        """Meanwhile the server can open nothing."""
        greedy = self._directory / "greedy"
        greedy.touch()
        try:
            yield
        finally:
            greedy.unlink()

    def alerts(self) -> list[dict[str, Any]]:
        """All alerts, newest first."""
        answer = self.live.ask("/api/v1/alerts?limit=1000", headers={"Authorization": f"Bearer {self.token}"})
        assert answer.status == 200, answer.body
        found: list[dict[str, Any]] = answer.json()["alerts"]
        return found

    def tasks_told(self) -> list[str]:
        """The side tasks with an alert, one for each of these."""
        return [_task(one) for one in self.alerts() if _task(one)]

    def active_tasks(self) -> set[str]:
        """The side tasks with an active alert."""
        return {_task(one) for one in self.alerts() if _task(one) and one["cleared_at"] is None}


class FaultyMarket(Faulty):
    """A market in a process of its own, which is the one that can be broken, and a web process."""

    def _start(self, faults: dict[str, Any]) -> Live:
        self.process = self.site.start("runmarket", **self.env, **faults)
        live = self.site.serve("serve", "-b", "127.0.0.1", **self.env)
        live.wait_for_ticks(5)
        return live


def _task(alert: dict[str, Any]) -> str:
    found = re.match("后台任务 (.*) 出错", alert["message"])
    return found[1] if found else ""


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory, migrated_database: Path) -> Iterator[Faulty]:
    """A live market; whoever breaks something in it mends it again."""
    site = Site(tmp_path_factory.mktemp("faulty"), migrated_database)
    try:
        faulty = Faulty(site, site.directory / "faults")
        yield faulty
        assert faulty.live.stop() == 0
    finally:
        site.end()
