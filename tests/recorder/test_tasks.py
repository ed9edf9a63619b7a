"""Digests and copies that wait in one market keep those of the others not waiting."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from monitoring import task_runs
from recorder import tasks
from runtime import each


class Waiting:
    """What waits in each market, a second of work each, and what was done of it."""

    def __init__(self, **waiting: int) -> None:
        self.waiting, self.done, self.now = waiting, dict.fromkeys(waiting, 0), 0.0

    def work(self, market: Any, is_over: Callable[[], bool]) -> int:
        while self.done[market.symbol] < self.waiting[market.symbol] and not is_over():
            self.done[market.symbol] += 1
            self.now += 1
        return self.done[market.symbol]


@pytest.fixture
def waiting(monkeypatch: pytest.MonkeyPatch) -> Waiting:
    waiting = Waiting(A=1000, B=2, C=2)
    monkeypatch.setattr(task_runs, "note", lambda *_, **__: None)
    monkeypatch.setattr(each, "time", SimpleNamespace(monotonic=lambda: waiting.now))
    monkeypatch.setattr(tasks, "_markets", lambda: [SimpleNamespace(symbol=symbol) for symbol in "ABC"])
    return waiting


def test_a_market_whose_segments_are_never_all_copied_keeps_no_other_waiting(
    waiting: Waiting, monkeypatch: pytest.MonkeyPatch
) -> None:
    def copying(market: Any, *_: Any) -> SimpleNamespace:
        return SimpleNamespace(run=lambda is_over: waiting.work(market, is_over))

    monkeypatch.setattr(tasks, "cold_bucket", object)
    monkeypatch.setattr(tasks, "Copying", copying)
    tasks.copy_segments()
    assert waiting.done == {"A": 56, "B": 2, "C": 2}


def test_a_market_that_never_has_all_its_digests_keeps_no_other_waiting(
    waiting: Waiting, monkeypatch: pytest.MonkeyPatch
) -> None:
    def make_digests(market: Any, directory: Path, *, is_over: Callable[[], bool]) -> int:
        return waiting.work(market, is_over)

    monkeypatch.setattr(tasks, "making", SimpleNamespace(make_digests=make_digests))
    tasks.digest()
    assert waiting.done == {"A": 56, "B": 2, "C": 2}
