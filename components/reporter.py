"""The reporter: measures the parts of the system that live in this process, and says so on the bus."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psutil

from components import system_bus
from components.registry import REPORT_SECONDS, STOPPED
from runtime.supervision import Trouble, supervisor
from runtime.threads import PrestartedThread

RUNNING = "running"

#: How often a part is looked at for a change.
LOOK_SECONDS = 1.0

_MEBI = 1 << 20


def resident_bytes() -> int:
    """The memory of this process; of parts that share it, each says this."""
    return int(psutil.Process().memory_info().rss)


@dataclass(slots=True)
class MeasuredComponent:
    """A part of the system and how it is measured: CPU seconds since some moment, bytes, items that wait."""

    agent_id: str
    cpu_seconds: Callable[[], float]
    queue_size: Callable[[], int]
    status: Callable[[], str] = lambda: RUNNING
    memory_bytes: Callable[[], int] = resident_bytes
    symbol: str | None = None
    _told_status: str | None = field(default=None, init=False)
    _measured_at: float = field(default=0.0, init=False)
    _measured_cpu: float = field(default=0.0, init=False)

    def begin(self, now: float) -> None:
        """From here on CPU time counts."""
        self._measured_at, self._measured_cpu = now, self.cpu_seconds()

    def report(self, now: float, status: str) -> dict[str, Any]:
        """What was measured since the last report."""
        seconds, cpu_seconds = now - self._measured_at, self.cpu_seconds()
        usage = (cpu_seconds - self._measured_cpu) / seconds if seconds > 0 else 0.0
        self._measured_at, self._measured_cpu, self._told_status = now, cpu_seconds, status
        data = {
            "status": status,
            "cpu_usage": round(100 * max(0.0, usage), 1),
            "memory_usage": round(self.memory_bytes() / _MEBI, 1),
            "task_queue_size": self.queue_size(),
            "last_update": round(time.time(), 3),
        }
        return {"channel": "agent_status", "agent_id": self.agent_id, "symbol": self.symbol, "data": data}

    def is_due(self, now: float, status: str) -> bool:
        return status != self._told_status or now - self._measured_at >= REPORT_SECONDS


class Reporter:
    """Reports some parts each few seconds and on change; `look` is to be called about each second."""

    def __init__(
        self, parts: Sequence[MeasuredComponent], publish: Callable[[dict[str, Any]], None] = system_bus.publish
    ) -> None:
        self._parts, self._publish = parts, publish
        for part in parts:
            part.begin(time.monotonic())

    def look(self) -> None:
        """Report what is due. A part that cannot be measured keeps no other from being reported."""
        for part in self._parts:
            name = f"report of {part.agent_id}"
            if not supervisor.pause_seconds(name):
                with supervisor.guarded(name):
                    self._look_at(part, time.monotonic())

    def _look_at(self, part: MeasuredComponent, now: float) -> None:
        status = part.status()
        if part.is_due(now, status):
            self._publish(part.report(now, status))

    def stop(self) -> None:
        """Say that the parts end in good order."""
        for part in self._parts:
            with supervisor.guarded(f"report of {part.agent_id}"):
                self._publish(part.report(time.monotonic(), STOPPED))


class TroubleReporter:
    """Tells the web processes which side tasks of this process fail: none of its own raises alerts.

    `process` is the name of one of its parts.
    """

    def __init__(self, process: str, publish: Callable[[dict[str, Any]], None] = system_bus.publish) -> None:
        self._process, self._publish = process, publish
        self._told: list[Trouble] = []
        self._told_at = float("-inf")

    def look(self) -> None:
        """Tell what changed at once, and all of it each few seconds, for those who did not hear."""
        now, troubles = time.monotonic(), supervisor.troubles()
        if troubles == self._told and now - self._told_at < REPORT_SECONDS:
            return
        told = [{"name": one.name, "error": one.error, "failing": one.failing} for one in troubles]
        self._publish({"channel": "side_tasks", "process": self._process, "troubles": told})
        self._told, self._told_at = troubles, now


class ReportingThread:
    """Reporters on a thread of their own, for a process whose other threads are busy."""

    def __init__(self, thread: PrestartedThread, reporter: Reporter, troubles: TroubleReporter | None = None) -> None:
        self._thread, self._reporter, self._troubles = thread, reporter, troubles
        self._ending = threading.Event()
        thread.start(self._run)

    def stop(self) -> None:
        self._ending.set()
        self._thread.join()
        self._reporter.stop()

    def _run(self) -> None:
        while not self._ending.wait(LOOK_SECONDS):
            self._reporter.look()
            if self._troubles is not None:
                with supervisor.guarded("report of the side tasks"):
                    self._troubles.look()


@contextmanager
def reported(parts: Sequence[MeasuredComponent], thread: PrestartedThread, *, alone: bool) -> Iterator[None]:
    """Report these parts, on this thread, for as long as they live; `alone` where no web server is in this process."""
    troubles = TroubleReporter(parts[0].agent_id) if alone and parts else None
    reporting = ReportingThread(thread, Reporter(parts), troubles)
    try:
        yield
    finally:
        reporting.stop()


def process_name(kind: str, pid: int) -> str:
    """The agent_id of a process: what it is, on which host, and which."""
    return f"{kind}-{socket.gethostname()}-{pid}"
