"""A progress bar for long work on a terminal, and a line now and then where there is none."""

from __future__ import annotations

import time
from typing import TextIO

_WIDTH = 30
_TERMINAL_SECONDS = 0.1
_LOG_SECONDS = 10.0


class Progress:
    """Shows how much of `total` is done, how fast, and how long the rest will take."""

    def __init__(self, total: int, unit: str, out: TextIO) -> None:
        self._total, self._unit, self._out = total, unit, out
        self._terminal = out.isatty()
        self._pause_seconds = _TERMINAL_SECONDS if self._terminal else _LOG_SECONDS
        self._began = self._shown = time.monotonic()
        self._done = self._asked_at = 0

    def at(self, done: int) -> None:
        """So much is done."""
        self._done = done
        # Asking the clock for each of a million ticks would be the slowest part of this.
        if done < self._asked_at + 64 and done != self._total:
            return
        self._asked_at = done
        now = time.monotonic()
        if now - self._shown >= self._pause_seconds:
            self._shown = now
            self._show(now, "\r" if self._terminal else "\n")

    def end(self) -> None:
        """The work is over, done or not."""
        self._show(time.monotonic(), "\n")

    def _show(self, now: float, ending: str) -> None:
        seconds = max(now - self._began, 1e-9)
        rate = self._done / seconds
        filled = _WIDTH * self._done // max(self._total, 1)
        left = f", {(self._total - self._done) / rate:.0f} s left" if rate and self._done < self._total else ""
        bar = "#" * filled + "." * (_WIDTH - filled)
        text = f"[{bar}] {self._done:,} of {self._total:,} {self._unit}, {rate:,.0f} a second{left}"
        self._out.write(f"{text:<100}{ending}")
        self._out.flush()
