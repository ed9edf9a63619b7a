"""Runs a test's coroutine on a loop of its own, within the patience of a test."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from tests.processes import PATIENCE_SECONDS


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await test()

    asyncio.run(bounded())
