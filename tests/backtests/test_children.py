"""The thread that runs backtests beside a live market: it fails loudly, and is started again."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from backtests.running import embedded
from backtests.running.embedded import Children
from runtime import supervision
from runtime.supervision import supervisor
from tests.processes import PATIENCE_SECONDS


@pytest.mark.parametrize("error", [OSError(24, "Too many open files"), ValueError("no number"), RuntimeError("a bug")])
def test_a_thread_that_fails_is_started_again_and_takes_what_waits(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(supervision, "FIRST_PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(supervisor, "_tasks", {})
    looks: list[int] = []

    def run_next(self: Any) -> bool:
        looks.append(1)
        if len(looks) < 4:
            raise error
        children._ending.set()
        return False

    children = Children()
    monkeypatch.setattr(Children, "_run_next", run_next)
    monkeypatch.setattr(embedded, "_LOOK_SECONDS", 0.01)

    async def run() -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await supervisor.keep("backtests", children.run)
            await children.stop()

    asyncio.run(run())
    assert len(looks) == 4
    assert [one.name for one in supervisor.troubles()] == ["backtests"]
