"""How far long work is, on stderr: tqdm's bar on a terminal, and a line now and then where there is none."""

from __future__ import annotations

import sys
from typing import Any

from tqdm import tqdm

_LOG_SECONDS = 10.0


class _Lines:
    """A log: what a terminal draws over again and again is a line of its own there."""

    def write(self, text: str) -> None:
        if line := text.strip():
            print(line, file=sys.stderr)

    def flush(self) -> None:
        sys.stderr.flush()


class Progress(tqdm):  # type: ignore[type-arg]  # generic in its stubs alone
    """A bar that is told what is done so far. What draws is the work itself: there is no thread beside it."""

    monitor_interval = 0

    def __init__(self, total: int | None, unit: str) -> None:
        # With miniters=1 the clock alone decides when to draw, so that work which stalls and goes on is seen at once.
        where: dict[str, Any] = {} if sys.stderr.isatty() else {"file": _Lines(), "mininterval": _LOG_SECONDS}
        super().__init__(total=total, unit=f" {unit}", miniters=1, **where)

    def at(self, done: int, total: int | None = None) -> None:
        """So much is done; of so much, where that was not known before."""
        self.total = self.total if total is None else total
        self.update(done - self.n)
