"""Strategies that misbehave, for tests with real processes."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from backtests.strategy import Parameter


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


class Gated:
    """Waits at one of its bars until there is a file `gate`; another beside it, `….reached`, tells that it waits."""

    parameters = {"gate": Parameter(""), "bar": Parameter(100, 1)}

    def initialize(self, context: Any) -> None:
        self.bars = 0

    def handle_bar(self, context: Any, bar: Any) -> None:
        self.bars += 1
        if self.bars == 1:
            context.order_buy(context.symbol)
        if self.bars == context.params["bar"]:
            gate = Path(context.params["gate"])
            gate.with_name(gate.name + ".reached").touch()
            while not gate.exists():
                time.sleep(0.02)
