"""The report of a Celery worker: it starts and ends with the worker."""

from __future__ import annotations

import logging
import os
from typing import Any

import psutil
from celery import signals
from celery.worker import state
from kombu.exceptions import OperationalError

from components.reporter import MeasuredComponent, Reporter, ReportingThread, TroubleReporter, process_name
from runtime.threads import PrestartedThread
from streaming.group.membership import LAYER_ERRORS

log = logging.getLogger(__name__)

_BROKER_ERRORS: tuple[type[Exception], ...] = (OperationalError, *LAYER_ERRORS)


class WorkerReport:
    """The report of a worker: of its main process and the children that do the work."""

    def __init__(self) -> None:
        self._thread: ReportingThread | None = None
        self._app: Any = None

    def begin(self, sender: Any, **_: Any) -> None:
        self._app = sender.app
        name = process_name("worker", os.getpid())
        part = MeasuredComponent(name, cpu_seconds, self.waiting_tasks, memory_bytes=memory_bytes)
        self._thread = ReportingThread(PrestartedThread("reporter"), Reporter([part]), TroubleReporter(name))

    def end(self, **_: Any) -> None:
        if self._thread is not None:
            self._thread.stop()

    def waiting_tasks(self) -> int:
        """The number of tasks this worker has taken and not begun, and of those in its queues at the broker."""
        taken = max(0, len(state.reserved_requests) - len(state.active_requests))
        return taken + sum(self._length(name) for name in [*self._app.amqp.queues.consume_from])

    def _length(self, queue: str) -> int:
        try:
            with self._app.connection_for_read() as connection:
                return int(connection.default_channel.queue_declare(queue=queue).message_count)
        except _BROKER_ERRORS as error:
            log.debug("the broker cannot be asked for the length of %s: %s", queue, error)
            return 0


def _family() -> list[psutil.Process]:
    worker = psutil.Process()
    return [worker, *worker.children(recursive=True)]


def cpu_seconds() -> float:
    """CPU seconds of the worker and its children; the time of a child that ends is added to the parent's."""
    times = psutil.Process().cpu_times()
    ended = times.children_user + times.children_system
    return float(ended) + sum(_sum(one, lambda one: sum(one.cpu_times()[:2])) for one in _family())


def memory_bytes() -> int:
    return int(sum(_sum(one, lambda one: one.memory_info().rss) for one in _family()))


def _sum(process: psutil.Process, measure: Any) -> float:
    try:
        return float(measure(process))
    except psutil.NoSuchProcess:
        return 0.0


_report = WorkerReport()


def report_of_worker() -> None:
    """Make a Celery worker report itself, if this process becomes one."""
    signals.worker_ready.connect(_report.begin)
    signals.worker_shutting_down.connect(_report.end)
