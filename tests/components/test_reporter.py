"""Parts of the system are measured and reported."""

from __future__ import annotations

import os
import time
from typing import Any

import psutil
import pytest

from components import celery_worker, reporter
from components.cpu_meter import Meter
from components.reporter import MeasuredComponent, Reporter, TroubleReporter, resident_bytes
from runtime.supervision import Supervisor, supervisor
from tests.processes import wait_until


def burn(seconds: float) -> None:
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def test_a_meter_counts_the_threads_work_and_not_its_sleep() -> None:
    meter = Meter()
    burn(0.02)
    begun = time.thread_time()
    with meter:
        burn(0.03)
        time.sleep(0.05)
    assert 0.03 <= meter.cpu_seconds <= time.thread_time() - begun
    assert meter.used_at is not None


class Bench:
    """A reporter of one part, with clock and measures in hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.cpu, self.queue, self.status = 50.0, 7.0, 0, "running"
        monkeypatch.setattr(reporter.time, "monotonic", lambda: self.now)
        self.published: list[dict[str, Any]] = []
        part = MeasuredComponent(
            "x", lambda: self.cpu, lambda: self.queue, lambda: self.status, lambda: 3 << 19, "IG-USD"
        )
        self.reporter = Reporter([part], self.published.append)

    def look(self, seconds: float) -> list[dict[str, Any]]:
        """Reports of one look, so much later."""
        self.now += seconds
        self.published.clear()
        self.reporter.look()
        return list(self.published)


def test_what_was_measured_since_the_last_report_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch)
    bench.cpu, bench.queue = 7.25, 3
    before = time.time()
    (report,) = bench.look(1)
    assert before - 0.001 <= report["data"].pop("last_update") <= time.time() + 0.001, "to a millisecond"
    assert report == {
        "channel": "agent_status",
        "agent_id": "x",
        "symbol": "IG-USD",
        "data": {"status": "running", "cpu_usage": 25.0, "memory_usage": 1.5, "task_queue_size": 3},
    }
    bench.cpu = 8.25
    assert bench.look(1) == []
    (report,) = bench.look(4)
    assert report["data"]["cpu_usage"] == 20.0


def test_a_change_is_reported_at_once_and_the_end_too(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch)
    bench.look(1)
    bench.status = "silent"
    assert [report["data"]["status"] for report in bench.look(1)] == ["silent"]
    assert bench.look(1) == []
    bench.published.clear()
    bench.reporter.stop()
    assert [report["data"]["status"] for report in bench.published] == ["stopped"]


@pytest.mark.parametrize(
    "error", [OSError(24, "Too many open files"), psutil.NoSuchProcess(7), ValueError("no number")]
)
def test_a_part_that_cannot_be_measured_keeps_no_other_from_being_reported(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(supervisor, "_tasks", {})

    def broken() -> int:
        raise error

    published: list[dict[str, Any]] = []
    parts = [MeasuredComponent("first", lambda: 0.0, broken), MeasuredComponent("second", lambda: 0.0, lambda: 0)]
    reports = Reporter(parts, published.append)
    reports.look()
    reports.stop()
    assert [(one["agent_id"], one["data"]["status"]) for one in published] == [
        ("second", "running"),
        ("second", "stopped"),
    ]
    assert [one.name for one in supervisor.troubles()] == ["report of first"]


def test_a_process_of_its_own_tells_which_side_tasks_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [50.0]
    monkeypatch.setattr(reporter.time, "monotonic", lambda: clock[0])
    own = Supervisor(lambda: clock[0])
    monkeypatch.setattr(reporter, "supervisor", own)
    published: list[dict[str, Any]] = []
    troubles = TroubleReporter("simulator", published.append)

    def told() -> list[Any]:
        published.clear()
        troubles.look()
        return [one["troubles"] for one in published]

    assert told() == [[]], "said at first too, so that what a predecessor left can be cleared"
    assert told() == []
    own.failed("checkpoint", ValueError("no number"))
    assert told() == [[{"name": "checkpoint", "error": "ValueError: no number", "failing": True}]]
    assert published[0]["channel"] == "side_tasks"
    assert published[0]["process"] == "simulator"
    assert told() == []
    clock[0] += 3
    assert told() == [[{"name": "checkpoint", "error": "ValueError: no number", "failing": True}]]
    clock[0] += 100
    assert told() == [[{"name": "checkpoint", "error": "ValueError: no number", "failing": False}]]


def test_memory_is_that_of_this_process() -> None:
    assert resident_bytes() == pytest.approx(psutil.Process(os.getpid()).memory_info().rss, rel=0.2)


def test_a_workers_time_and_memory_are_its_familys() -> None:
    before = celery_worker.cpu_seconds()
    burn(0.05)
    wait_until(lambda: celery_worker.cpu_seconds() >= before + 0.03, "CPU time that is noted")
    assert celery_worker.memory_bytes() >= resident_bytes() * 0.8
