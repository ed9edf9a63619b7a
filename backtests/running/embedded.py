"""Running backtests without Celery: one at a time, in a child process of low priority, so that no stream stutters."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import subprocess
import sys
import threading

from django.conf import settings
from django.db import Error as DatabaseError

from backtests.models import Backtest
from backtests.running import lifecycle
from backtests.running.messages import last_message
from components import system_bus
from runtime.db_threads import detached, persistently

log = logging.getLogger(__name__)

#: Queued ones of other processes are found by looking.
_LOOK_SECONDS = 2.0

#: How long a child may take to write down that it was stopped.
_STOP_SECONDS = 2.0


class Children:
    """The children of this process, one after the other, and the thread that waits for them."""

    def __init__(self) -> None:
        self._wake, self._ending = threading.Event(), threading.Event()
        self._child: subprocess.Popen[bytes] | None = None
        self._ended: asyncio.Future[None] | None = None

    def wake(self) -> None:
        """A backtest was queued; from any thread."""
        self._wake.set()

    async def run(self) -> None:
        """Run queued backtests, until `stop`; do nothing if Celery workers run them. Raises the thread's error."""
        if settings.CONFIG.redis_url:
            return
        loop = asyncio.get_running_loop()
        self._ended = loop.create_future()
        threading.Thread(target=self._work, args=(loop,), name="backtests", daemon=True).start()
        await asyncio.shield(self._ended)

    async def stop(self) -> None:
        """End the child, which fails its backtest."""
        self._ending.set()
        self._wake.set()
        if self._ended is None:
            return
        if (child := self._child) is not None:
            _close_stdin(child)
        await asyncio.wait((self._ended,), timeout=_STOP_SECONDS)
        if (child := self._child) is not None:
            child.kill()

    def _work(self, loop: asyncio.AbstractEventLoop) -> None:
        ended = self._ended
        assert ended is not None
        try:
            self._run_all()
        except Exception as error:  # noqa: BLE001 (raised again by `run`)
            _on_loop(loop, ended, error)
        else:
            _on_loop(loop, ended, None)

    def _run_all(self) -> None:
        """Raises OSError where no child can be started."""
        away = False
        while not self._ending.is_set():
            self._wake.clear()
            try:
                ran = self._run_next()
                away = False
            except DatabaseError as error:
                ran = False
                log.log(logging.DEBUG if away else logging.ERROR, "backtests wait: %s", error)
                away = True
            if not ran:
                self._wake.wait(_LOOK_SECONDS)

    def _run_next(self) -> bool:
        """Run the one that waits longest; whether there was one. Raises django.db.Error, OSError."""
        backtest_id = detached(lifecycle.next_queued)
        if backtest_id is not None:
            self._run_one(backtest_id)
        return backtest_id is not None

    def _run_one(self, backtest_id: str) -> None:
        command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "runbacktest", backtest_id]
        # A group of its own: Ctrl-C is for the server, which then stops its child in good order. But no session of its
        # own: Linux gives each session an equal share (sched_autogroup), whatever the niceness in it.
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, process_group=0)
        with child:
            self._child = child
            if self._ending.is_set():
                _close_stdin(child)
            try:
                _pass_on(child)
                status = child.wait()
            finally:
                self._child = None
                child.kill()  # nothing where it has ended
        persistently(
            lambda: _see_to_its_end(backtest_id, child.pid, status),
            f"the end of {backtest_id}",
            pause=self._ending.wait,
        )


def _pass_on(child: subprocess.Popen[bytes]) -> None:
    """Publish the messages of the child, until it has ended."""
    assert child.stdout is not None
    for line in child.stdout:
        if line.endswith(b"\n"):  # else it was killed in the middle of it
            system_bus.publish(json.loads(line))


def _see_to_its_end(backtest_id: str, pid: int, status: int) -> None:
    """A child that ended without a word of its own leaves a backtest that has failed; unless the child of another
    server on this database was the first to claim it."""
    if lifecycle.fail_unless_elsewhere(backtest_id, lifecycle.worker_of(pid), f"its process ended {_words(status)}"):
        backtest = Backtest.objects.get(backtest_id=backtest_id)
        log.error("%s failed: %s", backtest, backtest.error)
        system_bus.publish(last_message(backtest))


def _words(status: int) -> str:
    if status >= 0:
        return f"with status {status}"
    try:
        return f"by {signal.Signals(-status).name}"
    except ValueError:
        return f"by signal {-status}"


def _close_stdin(child: subprocess.Popen[bytes]) -> None:
    assert child.stdin is not None
    child.stdin.close()


def _on_loop(loop: asyncio.AbstractEventLoop, ended: asyncio.Future[None], error: BaseException | None) -> None:
    """Tell the loop how the thread ended; one that is closed already does not want to know."""

    def tell() -> None:
        if not ended.done():
            ended.set_result(None) if error is None else ended.set_exception(error)

    try:
        loop.call_soon_threadsafe(tell)
    except RuntimeError:
        log.log(logging.DEBUG if error is None else logging.ERROR, "the loop ended before the backtests: %s", error)


children = Children()
