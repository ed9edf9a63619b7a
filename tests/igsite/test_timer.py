"""The timer of the embedded mode: every scheduled task at once and then in its time, whatever the last one came to."""

from __future__ import annotations

import asyncio
import threading

import pytest
from django.db import OperationalError

from igsite import timer
from igsite.celery import app
from igsite.settings import CELERY_BEAT_SCHEDULE
from recorder import tasks
from runtime import supervision
from tests.processes import PATIENCE_SECONDS


def run_for(rounds: list[int], least: int, schedule, monkeypatch) -> None:
    monkeypatch.setattr(timer, "scheduled", lambda: schedule)

    async def run() -> None:
        work = asyncio.ensure_future(timer.run_scheduled())
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(rounds) < least and not work.done():
                await asyncio.sleep(0.001)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        if not work.cancelled():
            work.result()

    asyncio.run(run())


def test_everything_that_celery_beat_does_is_on_the_timer(settings):
    assert (60.0, tasks.clean_up) in timer.scheduled()
    settings.CELERY_BEAT_SCHEDULE = {
        "a": {"task": "recorder.tasks.clean_up", "schedule": 5},
        "b": {"task": "recorder.retention.disk_use", "schedule": 7.5},
    }
    assert [seconds for seconds, _ in timer.scheduled()] == [5.0, 7.5]


def test_a_task_runs_at_once_and_again_off_the_loops_thread(monkeypatch):
    threads: list[int] = []
    run_for(threads, 3, [(0.001, lambda: threads.append(threading.get_ident()))], monkeypatch)
    assert len(threads) >= 3
    assert threading.get_ident() not in threads


def test_one_that_finds_no_database_is_told_and_tried_in_its_time(monkeypatch, caplog):
    rounds: list[int] = []

    def task():
        rounds.append(1)
        raise OperationalError("the database is away")

    run_for(rounds, 3, [(0.001, task)], monkeypatch)
    assert "task did not end well, the next is in 0.001 s: the database is away" in caplog.text


@pytest.mark.parametrize(
    "error", [OSError(24, "Too many open files"), ValueError("no number"), RuntimeError("a bug"), ZeroDivisionError()]
)
def test_one_that_fails_of_anything_else_is_supervised(monkeypatch, caplog, error):
    monkeypatch.setattr(supervision, "FIRST_PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(supervision.supervisor, "_tasks", {})
    rounds: list[int] = []

    def task():
        rounds.append(1)
        raise error

    run_for(rounds, 3, [(0.001, task)], monkeypatch)
    assert "Traceback" in caplog.text
    assert "scheduled task failed 2 times" in caplog.text
    assert [one.name for one in supervision.supervisor.troubles()] == ["scheduled task"]


def test_one_that_fails_does_not_hold_up_another(monkeypatch):
    rounds: list[int] = []

    def failing():
        raise OSError("no")

    run_for(rounds, 3, [(0.001, failing), (0.001, lambda: rounds.append(1))], monkeypatch)
    assert len(rounds) >= 3


@pytest.mark.parametrize("name", [*(entry["task"] for entry in CELERY_BEAT_SCHEDULE.values()), "backtests.tasks.run"])
def test_an_outage_of_the_database_is_a_line_in_a_worker_s_log(name: str) -> None:
    app.autodiscover_tasks(force=True)
    assert issubclass(OperationalError, app.tasks[name].throws), "else Celery logs a traceback every few seconds"
