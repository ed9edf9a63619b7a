"""The reporter: measures the components in this process and sends their reports to the bus."""

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

#: How often a component is checked for a change.
LOOK_SECONDS = 1.0

_MEBI = 1 << 20


def resident_bytes() -> int:
    """The memory of this process; components that share it all report this value."""
    return int(psutil.Process().memory_info().rss)


@dataclass(slots=True)
class MeasuredComponent:
    """A component and how it is measured: CPU seconds since some moment, bytes, items that wait."""

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
        """Start to count CPU time."""
        self._measured_at, self._measured_cpu = now, self.cpu_seconds()

    def report(self, now: float, status: str) -> dict[str, Any]:
        """The values measured since the last report."""
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
    """Reports some components at an interval and on change; `look` is to be called about each second."""

    def __init__(
        self, parts: Sequence[MeasuredComponent], publish: Callable[[dict[str, Any]], None] = system_bus.publish
    ) -> None:
        self._parts, self._publish = parts, publish
        for part in parts:
            part.begin(time.monotonic())

    def look(self) -> None:
        """Send the reports that are due. A component that cannot be measured does not affect the others."""
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
        """Report that the components end normally."""
        for part in self._parts:
            with supervisor.guarded(f"report of {part.agent_id}"):
                self._publish(part.report(time.monotonic(), STOPPED))


class TroubleReporter:
    """Reports to the web processes which side tasks of this process fail: only those can raise alerts.

    `process` is the name of one of its components.
    """

    def __init__(self, process: str, publish: Callable[[dict[str, Any]], None] = system_bus.publish) -> None:
        self._process, self._publish = process, publish
        self._told: list[Trouble] = []
        self._told_at = float("-inf")

    def look(self) -> None:
        """Report each change at once, and everything at an interval, for processes that missed it."""
        now, troubles = time.monotonic(), supervisor.troubles()
        if troubles == self._told and now - self._told_at < REPORT_SECONDS:
            return
        told = [{"name": one.name, "error": one.error, "failing": one.failing} for one in troubles]
        self._publish({"channel": "side_tasks", "process": self._process, "troubles": told})
        self._told, self._told_at = troubles, now


class ReportingThread:
    """Runs reporters on their own thread, for a process whose other threads are busy."""

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
    """Report these components, on this thread, while the context lasts; `alone` if this process has no web server."""
    troubles = TroubleReporter(parts[0].agent_id) if alone and parts else None
    reporting = ReportingThread(thread, Reporter(parts), troubles)
    try:
        yield
    finally:
        reporting.stop()


def process_name(kind: str, pid: int) -> str:
    """The agent_id of a process: its role, its host and its process id."""
    return f"{kind}-{socket.gethostname()}-{pid}"


def host_of(process: str) -> str:
    """The host in a process's name; "" in a name without one, such as `simulator`."""
    return process.partition("-")[2].rpartition("-")[0]
