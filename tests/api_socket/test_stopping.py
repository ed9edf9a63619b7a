"""The end of a web process: what it says of it is the last that it says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from alerts import monitor
from api_socket import service
from api_socket.service import Service
from components.reporter import Reporter
from runtime.supervision import Supervisor
from tests.processes import PATIENCE_SECONDS

pytestmark = pytest.mark.django_db(transaction=True)

TASK = "figures of x"


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not holds():
            await asyncio.sleep(0.01)


def test_no_round_says_anything_after_the_last_words(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[dict[str, Any]] = []
    own = Supervisor()
    monkeypatch.setattr(monitor, "supervisor", own)
    monkeypatch.setattr(service, "Reporter", partial(Reporter, publish=told.append))
    monkeypatch.setattr(monitor, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(service, "_LOOK_SECONDS", 0.01)
    monkeypatch.setattr(service, "_LAST_WORDS_SECONDS", PATIENCE_SECONDS)

    def told_of() -> list[Any]:
        """What was told of this process and of its task that fails."""
        ours = (one for one in told if one["channel"] == "agent_status" or TASK in one.get("key", ""))
        return [one["wrong"] if "wrong" in one else one["data"]["status"] for one in ours]

    async def run() -> None:
        serving = Service()
        monkeypatch.setattr(serving.alerts, "_publish", told.append)
        running = asyncio.create_task(serving.run())
        await until(lambda: "running" in told_of())
        own.failed(TASK, OSError("away"))
        await until(lambda: True in told_of())
        await serving.stop()
        await asyncio.sleep(0.3)
        running.cancel()
        await asyncio.wait([running])

    asyncio.run(run())
    assert told_of()[told_of().index("stopped") :] == ["stopped", False]
