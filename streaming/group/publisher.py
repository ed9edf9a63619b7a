"""The publisher: hands the pipeline's messages to the channel layer's loop, and never makes the pipeline wait."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from functools import partial
from typing import Any

from runtime.announced import Announced
from runtime.supervision import supervisor
from streaming.group.membership import LAYER_ERRORS, group_name

log = logging.getLogger(__name__)


class Publisher:
    """A bounded hand-off between two threads.

    Channel layers belong to one loop (the in-memory one is not even thread-safe), so the pipeline only appends here.
    When the loop lags by more than `most` messages the oldest are dropped; relays see the hole in t and fill it, or
    announce it to their clients. `unpublished` counts these, and those that the channel layer refused, and gives the
    newest range of them. The status in each message passes it on.
    """

    def __init__(
        self, symbol: str, layer: Any, loop: asyncio.AbstractEventLoop, most: int = 2048, *, group: str | None = None
    ) -> None:
        self._group, self._layer, self._loop = group or group_name(symbol), layer, loop
        self._waiting: deque[dict[str, Any]] = deque()
        self._most = most
        self._room = threading.Event()
        self._idle = threading.Event()
        self._draining = False
        self._lock = threading.Lock()
        self.dropped = self.failed = 0
        self._lost_t: tuple[int, int] | None = None
        self._sending = Announced(log)

    def publish(self, message: dict[str, Any]) -> None:
        """Hand over a group message; from any thread, at once."""
        with self._lock:
            if len(self._waiting) >= self._most:
                self._note(self._waiting.popleft())
                self.dropped += 1
            self._waiting.append(message)
            start, self._draining = not self._draining, True
            self._idle.clear()
        if start:
            self._loop.call_soon_threadsafe(self._start)

    @property
    def waiting(self) -> int:
        """How many messages wait to be sent. May be asked from any thread."""
        return len(self._waiting)

    @property
    def unpublished(self) -> dict[str, int] | None:
        """How many messages were not sent, and the newest range of t without one; None if all were."""
        with self._lock:
            if self._lost_t is None:
                return None
            return {"messages": self.dropped + self.failed, "from_t": self._lost_t[0], "to_t": self._lost_t[1]}

    def _note(self, lost: dict[str, Any]) -> None:
        """Count a message that is not sent. To be called with the lock."""
        t = lost.get("t")
        if t is None:
            return
        if self._lost_t is not None and t <= self._lost_t[1] + 1:
            self._lost_t = (self._lost_t[0], max(self._lost_t[1], t))
            return
        self._lost_t = (t, t)
        log.warning("%s: t=%d is not published, and maybe more: readers take it from the recording", self._group, t)

    def wait_for_room(self, seconds: float) -> None:
        """Hold back a producer at full speed while the loop is far behind, `seconds` at most."""
        with self._lock:
            if len(self._waiting) < self._most // 2:
                return
            self._room.clear()
        self._room.wait(seconds)

    def drain(self, seconds: float) -> bool:
        """Wait until everything handed over is sent, `seconds` at most; whether it was."""
        deadline = time.monotonic() + seconds
        while self._draining and time.monotonic() < deadline:
            self._idle.wait(max(0.0, deadline - time.monotonic()))
        return not self._draining

    def _start(self) -> None:
        self._task = self._loop.create_task(self._drain())

    async def _drain(self) -> None:
        while True:
            with self._lock:
                if len(self._waiting) < self._most // 2:
                    self._room.set()
                if not self._waiting:
                    self._draining = False
                    self._idle.set()
                    return
                message = self._waiting.popleft()
            with supervisor.guarded(f"publisher of {self._group}", partial(self._count_failed, message)):
                await self._send(message)
            # The in-memory layer's send never suspends: let the relay read before its channel is full.
            await asyncio.sleep(0)

    def _count_failed(self, message: dict[str, Any]) -> None:
        with self._lock:
            self.failed += 1
            self._note(message)

    async def _send(self, message: dict[str, Any]) -> None:
        try:
            await self._layer.group_send(self._group, message)
        except LAYER_ERRORS as error:  # the tape has the message, relays fill the hole
            self._count_failed(message)
            self._sending.lost("%s: the channel layer is unavailable, recording continues: %s", self._group, error)
        else:
            self._sending.back(
                "%s: the channel layer is back; %d messages were not published", self._group, self.failed
            )
