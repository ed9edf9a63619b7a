"""Progress of long work, on stderr: tqdm's bar on a terminal, and a log line from time to time without one."""

from __future__ import annotations

import sys
from typing import Any

from tqdm import tqdm

_LOG_SECONDS = 10.0


class _Lines:
    """A log: each state that a terminal would draw over the last one is a line of its own."""

    def write(self, text: str) -> None:
        if line := text.strip():
            print(line, file=sys.stderr)

    def flush(self) -> None:
        sys.stderr.flush()


class Progress(tqdm):  # type: ignore[type-arg]  # generic in its stubs alone
    """A bar that receives what is done so far. The work itself draws it: there is no thread beside it."""

    monitor_interval = 0

    def __init__(self, total: int | None, unit: str) -> None:
        # With miniters=1 the clock alone decides when to draw, so that work which stalls and goes on is seen at once.
        where: dict[str, Any] = {} if sys.stderr.isatty() else {"file": _Lines(), "mininterval": _LOG_SECONDS}
        super().__init__(total=total, unit=f" {unit}", miniters=1, **where)

    def at(self, done: int, total: int | None = None) -> None:
        """Set what is done, and the total, if it was unknown before."""
        self.total = self.total if total is None else total
        self.update(done - self.n)
