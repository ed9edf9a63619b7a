"""Every scheduled task has its turn with a worker of one process, however long others take, run after run."""

from __future__ import annotations

import math
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from celery import Celery
from celery.worker.request import Request

from igsite import beat
from igsite.celery import app
from igsite.settings import CELERY_BEAT_SCHEDULE
from monitoring import task_runs

HOURS = 3 * 3600
#: What has all the time something to do, and takes its minute and the rest of what it was at.
LONG = ("copies", "digests")


class Host:
    """A worker of one process and its messages, by clocks of their own: the host's one is set in the middle."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, leap: float) -> None:
        self.monotonic, self._leap = 0.0, leap
        self.begun: dict[str, list[float]] = {name: [0.0] for name in CELERY_BEAT_SCHEDULE}
        clocks = SimpleNamespace(monotonic=lambda: self.monotonic, time=lambda: self.clock(self.monotonic))
        monkeypatch.setattr(task_runs, "time", clocks)
        monkeypatch.setattr(task_runs, "note", lambda *_, **__: None)
        app.autodiscover_tasks(force=True)
        for name, entry in CELERY_BEAT_SCHEDULE.items():
            task = app.tasks[entry["task"]]
            monkeypatch.setattr(task, "_begun", -math.inf)
            monkeypatch.setattr(task, "run", lambda name=name: self._run(name))

    def clock(self, monotonic: float) -> float:
        return 1e9 + monotonic + (self._leap if monotonic > HOURS / 2 else 0)

    def _run(self, name: str) -> None:
        self.begun[name].append(self.monotonic)
        self.monotonic += 64 if name in LONG else 0.1

    def take(self, name: str, sent: float) -> None:
        """Take a message as a worker does."""
        entry: Any = CELERY_BEAT_SCHEDULE[name]
        self.monotonic = max(self.monotonic, sent)
        if self.clock(self.monotonic) - self.clock(sent) <= entry["options"]["expires"]:
            task = app.tasks[entry["task"]]
            task.push_request(**{task_runs.SENT: self.clock(sent)})
            task()
            task.pop_request()


def sent() -> Iterator[tuple[float, str]]:
    """What beat sends, and when."""
    for second in range(HOURS):
        yield from ((second, name) for name, entry in CELERY_BEAT_SCHEDULE.items() if second % entry["schedule"] == 0)


@pytest.mark.parametrize("leap", [0, 7200, -7200], ids=["", "the clock is set forward", "the clock is set back"])
def test_none_waits_for_more_than_minutes_while_two_are_never_done(monkeypatch: pytest.MonkeyPatch, leap: int) -> None:
    host = Host(monkeypatch, leap)
    for second, name in sent():
        host.take(name, second)
    for name, begun in host.begun.items():
        pauses = [then - one for one, then in zip(begun, [*begun[1:], HOURS], strict=True)]
        # What is on its way as the clock is set may be dropped, or run each time.
        assert max(pauses) < CELERY_BEAT_SCHEDULE[name]["schedule"] + (600 if leap else 240), name
        assert leap or len(begun) <= 3 + HOURS / (64 * len(LONG)), "once in each round"


def test_a_message_tells_when_it_was_sent_and_is_skipped_if_its_task_was_begun_since(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def often() -> None:
        runs.append(1)

    def work() -> None:
        while (message := channel.basic_get(app.conf.task_default_queue)) is not None:
            Request(message, app=app).execute()

    monkeypatch.setattr(task_runs, "note", lambda *_, **__: None)
    app = Celery(broker="memory://", task_cls=task_runs.NotedTask, set_as_current=False)
    runs = list[int]()
    app.task(name="tests.tasks.often", ignore_result=True)(often)
    app.conf.beat_schedule = {"often": {"task": "tests.tasks.often", "schedule": 60.0, "options": {"expires": 600}}}
    scheduler = beat.Scheduler(app)
    with app.connection() as connection:
        channel = connection.default_channel
        for entry in 3 * [scheduler.schedule["often"]]:
            scheduler.apply_entry(entry)
        work()
        assert len(runs) == 1
        scheduler.apply_entry(scheduler.schedule["often"])
        work()
        assert len(runs) == 2
