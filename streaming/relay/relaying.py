"""What filling needs of the relay whose ring it fills."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from recorder.tape.history import History
from streaming.fanout.feeds import Feeds
from streaming.protocol import Moment
from streaming.ring import Ring


class Relaying(Protocol):
    """The relay whose ring is filled."""

    symbol: str
    ring: Ring
    history: History
    feeds: Feeds
    settle_seconds: float
    ended: bool
    start: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]
    on_found: list[Callable[[Moment], None]]

    def hand_out(self, moment: Moment) -> None: ...

    def enter(self, store_id: str) -> None: ...
