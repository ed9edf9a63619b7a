"""The watch over a running backtest: signs of life, progress, and its end when that is wanted."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from django.db import Error as DatabaseError

from backtests.bar import Bar
from backtests.engine.progress import LONGEST_SECONDS, Span
from backtests.errors import Stopped
from backtests.models import Backtest
from backtests.running import lifecycle
from backtests.running.messages import Tell, message
from runtime.db_threads import detached, persistently

log = logging.getLogger(__name__)

TELL_SECONDS = 10.0

#: A strategy that does not return from a bar has this long before `give_up` is called.
_GRACE_SECONDS = 3.0


class Watch:
    """A thread beside the one that plays; a strategy that thinks for long keeps no sign of life back.

    `give_up` is called where the player does not stop although it must; by default it goes on until it has ended by
    itself, and nobody waits for what comes of it.
    """

    def __init__(self, backtest: Backtest, span: Span, tell: Tell, give_up: Callable[[], Any] | None = None) -> None:
        self.backtest, self._span, self._tell, self._give_up = backtest, span, tell, give_up
        self._began = time.monotonic()
        self._told = self._began
        self._at_ms = span.first_ms
        #: Why it must end, once it must.
        self.reason: str | None = None
        self._played = self._unheard = False
        self._wake, self._ended = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._work, name=backtest.backtest_id, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def at(self, bar: Bar) -> None:
        """The player's word that a bar is played. Raises Stopped when it shall end."""
        self._at_ms = bar.close_time
        if self.reason is not None:
            raise Stopped(self.reason)

    def pause(self, seconds: float) -> bool:
        """The player waits; whether it shall end instead of going on."""
        return self._wake.wait(seconds)

    def played(self) -> None:
        """The last bar was played: only the result has to be written, however long that takes."""
        self._played = True

    def stop(self, reason: str) -> None:
        """End the backtest as failed; from any thread."""
        self.reason = self.reason or reason
        self._wake.set()

    def end(self, *, done: bool) -> None:
        """The player has ended: send the last progress, and stop."""
        self._ended.set()
        self._wake.set()
        self._thread.join()
        self._say(self._span.last_ms if done else self._at_ms, over=True)

    def _work(self) -> None:
        try:
            while self.reason is None and not self._ended.is_set():
                self._wake.wait(lifecycle.BEAT_SECONDS)
                self._look()
            if not self._ended.is_set():
                self._see_it_end()
        except BaseException as error:
            self.stop(f"the watch over it died of {type(error).__name__}: {error}")
            raise  # to threading.excepthook

    def _look(self) -> None:
        now = time.monotonic()
        if now - self._began > LONGEST_SECONDS and not self._played:
            self.stop(f"it was not done within {LONGEST_SECONDS:g} s")
        if self.reason is None:
            self._beat()
        if now - self._told >= TELL_SECONDS:
            self._told = now
            self._say(self._at_ms, over=False)

    def _beat(self) -> None:
        try:
            to_be_run = detached(lambda: lifecycle.beat(self.backtest.backtest_id, self._span.part(self._at_ms)))
        except DatabaseError as error:
            if not self._unheard:
                log.warning("%s: the database does not hear that it runs: %s", self.backtest, error)
            self._unheard = True
            return
        self._unheard = False
        if not to_be_run:
            self.stop("it is over already")  # cancelled, as a rule

    def _see_it_end(self) -> None:
        if not self._played and self.reason is not None:
            self._fail(self.reason)
        if self._give_up is not None and not self._ended.wait(_GRACE_SECONDS):
            self._give_up()

    def _fail(self, reason: str) -> None:
        """Note why it has to end: a player that does not come back from a bar cannot."""
        what = f"{self.backtest}: that it has to end"
        try:
            persistently(lambda: lifecycle.fail(self.backtest.backtest_id, reason), what, pause=self._ended.wait)
        except DatabaseError as error:
            log.warning("%s: the database does not hear that it has to end: %s", self.backtest, error)

    def _say(self, at_ms: int, *, over: bool) -> None:
        self._tell(message(self.backtest, self._span, at_ms, time.monotonic() - self._began, over=over))
