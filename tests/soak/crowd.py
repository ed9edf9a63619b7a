"""A process full of clients, from its parent's side: started with a plan, listened to, told to finish."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.processes import ROOT


class Crowd:
    """Runs `module` with a plan. Each line it writes goes to `hear`; what it said last of each type is kept."""

    def __init__(
        self, module: str, plan: Path, environment: dict[str, str], hear: Callable[[str, dict[str, Any]], None]
    ) -> None:
        self.name = module.rsplit(".", 1)[-1]
        self.last: dict[str, dict[str, Any]] = {}
        self._hear = hear
        with (plan.parent / "logs" / f"{self.name}.log").open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", module, str(plan)],
                env=environment,
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            message = json.loads(line)
            self.last[message["type"]] = message
            self._hear(self.name, message)

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def least(self, symbol: str) -> int | None:
        """How far the last of its clients that keep up has come, None where there are none."""
        found: int | None = self.last.get("progress", {}).get("least", {}).get(symbol)
        return found

    def finish(self, targets: dict[str, int]) -> None:
        """Faults are over, and this is how far the markets are."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(targets) + "\n")
        self.process.stdin.flush()

    def wait(self, seconds: float) -> int | None:
        """Its exit status; None when it was not over in time, and killed."""
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            return None
        self._thread.join(10)
        return status

    def kill(self) -> None:
        if self.running:
            self.process.kill()
            self.process.wait()
