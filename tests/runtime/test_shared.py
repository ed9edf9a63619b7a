"""A text is made once for all who ask together or soon after, and never given on when it is old or failed."""

from __future__ import annotations

import asyncio

import pytest

from runtime.shared import Shared


class Maker:
    """It counts how often it makes the text; it may fail, or wait."""

    def __init__(self) -> None:
        self.made = 0
        self.error: Exception | None = None
        self.free = asyncio.Event()
        self.free.set()

    async def make(self) -> bytes:
        self.made += 1
        await self.free.wait()
        if self.error is not None:
            raise self.error
        return b"%d" % self.made


def test_a_text_serves_all_who_ask_while_it_is_made_and_while_it_is_fresh() -> None:
    async def run() -> None:
        maker = Maker()
        text = Shared(maker.make, fresh_seconds=60.0)
        assert await asyncio.gather(*(text.get() for _ in range(20))) == [b"1"] * 20
        assert await text.get() == b"1"

    asyncio.run(run())


def test_an_old_text_is_given_to_nobody() -> None:
    async def run() -> None:
        maker = Maker()
        text = Shared(maker.make, fresh_seconds=0.0)
        assert [await text.get() for _ in range(3)] == [b"1", b"2", b"3"]

    asyncio.run(run())


def test_a_failure_is_told_to_all_who_wait_and_to_nobody_else() -> None:
    async def run() -> None:
        maker = Maker()
        text = Shared(maker.make, fresh_seconds=60.0)
        maker.error = ValueError("a fault of ours")
        outcomes = await asyncio.gather(*(text.get() for _ in range(3)), return_exceptions=True)
        assert outcomes == [maker.error] * 3
        maker.error = None
        assert await text.get() == b"2"

    asyncio.run(run())


def test_who_leaves_while_it_is_made_takes_it_from_nobody() -> None:
    async def run() -> None:
        maker = Maker()
        maker.free.clear()
        text = Shared(maker.make, fresh_seconds=60.0)
        first, second = asyncio.create_task(text.get()), asyncio.create_task(text.get())
        await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        maker.free.set()
        assert await second == b"1"

    asyncio.run(run())
