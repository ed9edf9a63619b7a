"""Strategies that misbehave, for tests with real processes."""

from __future__ import annotations

import time
from typing import Any


class Slow:
    """Takes its time at each bar, and prints where a strategy should not."""

    def initialize(self, context: Any) -> None:
        print("a slow one begins")

    def handle_bar(self, context: Any, bar: Any) -> None:
        time.sleep(0.05)


class Hangs:
    """Never comes back from its first bar."""

    def initialize(self, context: Any) -> None: ...

    def handle_bar(self, context: Any, bar: Any) -> None:
        while True:
            time.sleep(0.05)


class Broken:
    """Raises at its third bar."""

    def initialize(self, context: Any) -> None:
        self.bars = 0

    def handle_bar(self, context: Any, bar: Any) -> None:
        self.bars += 1
        if self.bars == 3:
            raise ValueError("the third is too much")


class Leaves:
    """Ends the process, and not as one does."""

    def initialize(self, context: Any) -> None: ...

    def handle_bar(self, context: Any, bar: Any) -> None:
        import os

        os._exit(7)
