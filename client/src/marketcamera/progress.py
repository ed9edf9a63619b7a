"""A progress bar for long work on a terminal, and a line now and then where there is none."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TextIO

_WIDTH = 30
_TERMINAL_SECONDS = 0.1
_LOG_SECONDS = 10.0


class Progress:
    """Shows how much is done of `total`, or, where that is not known, how much there is; and how fast."""

    def __init__(self, total: int | None, unit: str, out: TextIO) -> None:
        self._total, self._unit, self._out = total, unit, out
        self._terminal = out.isatty()
        self._pause_seconds = _TERMINAL_SECONDS if self._terminal else _LOG_SECONDS
        self._began = self._shown = time.monotonic()
        self._done = 0

    def at(self, done: int) -> None:
        """So much is done."""
        self._done = done
        now = time.monotonic()
        if now - self._shown >= self._pause_seconds:
            self._shown = now
            self._show(now, "\r" if self._terminal else "\n")

    def end(self) -> None:
        """The work is over, done or not."""
        self._show(time.monotonic(), "\n")

    def _show(self, now: float, ending: str) -> None:
        seconds = max(now - self._began, 1e-9)
        text = f"{self._done:,} {self._unit}, {self._done / seconds:,.0f} a second"
        if self._total:
            filled = _WIDTH * min(self._done, self._total) // self._total
            text = f"[{'#' * filled}{'.' * (_WIDTH - filled)}] {self._done:,} of {self._total:,} {self._unit}" + (
                f", {self._done / seconds:,.0f} a second"
            )
        with suppress(OSError):  # a terminal that was closed shows nothing; the work itself goes on, or ends cleanly
            self._out.write(f"{text:<90}{ending}")
            self._out.flush()
