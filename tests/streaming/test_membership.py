"""Membership of the group of a market, whatever the clock of the host does."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from channels import layers
from channels.layers import get_channel_layer

from streaming.group.membership import Membership


@pytest.mark.parametrize("leap_seconds", [2 * 86_400, 100 * 365 * 86_400, -86_400])
def test_a_clock_that_leaps_silences_nobody(monkeypatch: pytest.MonkeyPatch, leap_seconds: int) -> None:
    heard: list[int] = []

    async def follow() -> None:
        layer: Any = get_channel_layer()
        joined = asyncio.Event()
        staying = asyncio.create_task(Membership("market", lambda message: heard.append(message["t"]), joined).stay())
        await joined.wait()
        await layer.group_send("market", {"type": "moment", "t": 1})  # it waits while the clock leaps
        before = layers.time.time
        monkeypatch.setattr(layers.time, "time", lambda: before() + leap_seconds)
        for t in (2, 3):
            await layer.group_send("market", {"type": "moment", "t": t})
        for _ in range(20):
            await asyncio.sleep(0)
        staying.cancel()
        await asyncio.gather(staying, return_exceptions=True)

    asyncio.run(follow())
    assert heard == [1, 2, 3]
