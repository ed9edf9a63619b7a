"""Supervision: side tasks that fail are logged, counted and restarted, and end nothing but themselves.

Only the market and the listening server may end the process; everything else runs under the supervisor.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

log = logging.getLogger(__name__)

#: Called with the name of what failed and its error, each time it did; from any thread.
OnFailure = Callable[[str, BaseException], None]

#: A failed task waits this long, twice as long after each further failure, and never longer than the bound.
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 60.0

#: A task without a failure for this long, its pause not counted, is healthy again.
HEALTHY_SECONDS = 60.0

_SHOWN_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Trouble:
    """A task that has failed since the start; `failing` until it has run without failing for a while."""

    name: str
    error: str
    failing: bool


@dataclass(slots=True)
class _Task:
    """One task by its name: its consecutive failures, its last error, and when it may run again (monotonic)."""

    failures: int = 0
    error: str = ""
    retry_at: float = float("-inf")
    shown: set[type] = field(default_factory=set)


class Supervisor:
    """Runs side tasks, each known by its name. May be used from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._tasks: dict[str, _Task] = {}

    async def keep(self, name: str, work: Callable[[], Awaitable[object]]) -> None:
        """Run `work` until it returns; restart it after a pause if it fails."""
        while True:
            try:
                await work()
                return
            except asyncio.CancelledError as error:
                task = asyncio.current_task()
                if task is None or task.cancelling():
                    raise
                self.failed(name, error)  # something that the task waited for was cancelled, not the task itself
            except Exception as error:  # noqa: BLE001 (whatever it is, the process goes on)
                self.failed(name, error)
            await asyncio.sleep(self.pause_seconds(name))

    async def every(self, seconds: float, name: str, check: Callable[[], Awaitable[object]]) -> None:
        """Run `check` at an interval, for ever; after a failure once its pause is over."""
        while True:
            await self.keep(name, check)
            await asyncio.sleep(seconds)

    @contextmanager
    def guarded(
        self, name: str, on_failure: Callable[[], None] = lambda: None, *, but: type[Exception] | tuple[()] = ()
    ) -> Iterator[None]:
        """Guards part of a task: its failure is noted, and the rest of the task continues.

        An error of the type `but` is not a failure and is raised.
        """
        try:
            yield
        except but:
            raise
        except Exception as error:  # noqa: BLE001 (whatever it is, the process goes on)
            self.failed(name, error)
            on_failure()

    def pause_seconds(self, name: str) -> float:
        """How long a failed task has to wait before it runs again."""
        with self._lock:
            task = self._tasks.get(name)
            return 0.0 if task is None else max(0.0, task.retry_at - self._clock())

    def troubles(self) -> list[Trouble]:
        """Every task that has ever failed."""
        now = self._clock()
        with self._lock:
            return [Trouble(name, task.error, _is_failing(task, now)) for name, task in self._tasks.items()]

    def failed(self, name: str, error: BaseException) -> None:
        """Note a failure.

        The log shows the traceback once for each type of error, and later failures in one line, at most one per
        attempt.
        """
        error = _only_one(error)
        now = self._clock()
        with self._lock:
            task = self._tasks.setdefault(name, _Task())
            pausing = now < task.retry_at
            if not _is_failing(task, now):
                task.failures, task.shown = 0, set()
            is_new = type(error) not in task.shown
            task.shown.add(type(error))
            task.error = _shown(error)
            if not pausing:
                task.failures += 1
                # The exponent is bounded too: 2 ** 2000 is not a float.
                pause = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** min(task.failures - 1, 30))
                task.retry_at = now + pause
            failures, wait_seconds = task.failures, task.retry_at - now
        if is_new:
            log.error("%s failed, the next try is in %.3g s", name, wait_seconds, exc_info=error)
        elif not pausing:
            log.error("%s failed %d times, the next try is in %.3g s: %s", name, failures, wait_seconds, _shown(error))


def logged(name: str, error: BaseException) -> None:
    """Report a failure to the log alone."""
    log.error("%s failed", name, exc_info=error)


def _is_failing(task: _Task, now: float) -> bool:
    return task.failures > 0 and now - task.retry_at < HEALTHY_SECONDS


def _only_one(error: BaseException) -> BaseException:
    """The error itself, if a group of tasks wrapped a single one."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def _shown(error: BaseException) -> str:
    text = str(error)
    return f"{type(error).__name__}: {text[:_SHOWN_CHARACTERS]}" if text else type(error).__name__


#: The one of this process.
supervisor = Supervisor()
