"""A host's clock that leaps changes nothing of what is measured in seconds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import daphne
import pytest
from django.conf import settings

from igsite import beat
from igsite.celery import app
from tests.processes import ROOT


def test_daphne_measures_by_the_monotonic_clock() -> None:
    (package,) = (Path(path) for path in daphne.__path__)
    reading = sorted(path.stem for path in package.glob("*.py") if "time.time()" in path.read_text())
    assert reading == ["http_protocol", "server", "ws_protocol"], "all that server.daphne_clock knows of"
    lines = ["import time, server.server", f"from daphne import {', '.join(reading)}"]
    lines += [f"assert {name}.time.time is time.monotonic" for name in reading]
    # In a process of its own, since daphne installs a reactor.
    subprocess.run([sys.executable, "-c", "\n".join(lines)], cwd=ROOT, check=True)


class Clock:
    """Monotonic seconds, and a host's clock that may leap."""

    def __init__(self) -> None:
        self.monotonic_seconds = 1000.0
        self.sent: list[tuple[float, str]] = []

    def monotonic(self) -> float:
        return self.monotonic_seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(beat, "time", SimpleNamespace(monotonic=clock.monotonic))

    def send(_: Any, entry: Any, producer: Any = None) -> None:
        clock.sent.append((clock.monotonic_seconds, entry.task))

    monkeypatch.setattr(beat.Scheduler, "apply_entry", send)
    empty = SimpleNamespace(connection=app, queue_declare=lambda queue: SimpleNamespace(message_count=0))
    monkeypatch.setattr(beat.Scheduler, "producer", SimpleNamespace(channel=empty))
    return clock


def test_periodic_work_is_due_every_so_many_seconds_whatever_the_host_s_clock_says(clock: Clock) -> None:
    scheduler = beat.Scheduler(app)
    while clock.monotonic_seconds < 1000.0 + 121:
        clock.monotonic_seconds += max(0.01, scheduler.tick())
    for entry in settings.CELERY_BEAT_SCHEDULE.values():
        sent = [at for at, task in clock.sent if task == entry["task"]]
        assert sent[0] == 1000.0
        assert len(sent) == 1 + int(121 // entry["schedule"])
