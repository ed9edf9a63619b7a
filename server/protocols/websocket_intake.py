"""Parses the input of WebSocket clients piece by piece, in turns, so that no client delays another."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Any

from igsite.config import Config

log = logging.getLogger(__name__)

#: 42 of the smallest frames, each of which takes 10 µs, a ping 30 µs.
PIECE_BYTES = 256

#: The size of a piece within the payload of one frame: a quarter of a millisecond.
PAYLOAD_BYTES = 16_384

#: The loop parses for this long at a time, for all clients together. Then it does its other work, so that parsing takes
#: at most half of its time in the long run.
STRETCH_SECONDS = 0.001


def frames_allowed(config: Config) -> int:
    """The WebSocket frames a client may send per second.

    The application of a subscribe socket reports too many messages itself, so its limit must be reached first.
    """
    return max(config.socket_frames_a_second, 2 * config.api_messages_a_second)


class Turns:
    """Parses one piece for each client in turn, and lets the loop do other work in between.

    Clients that have just sent something alternate with clients that have more than one piece. A short message does
    not wait for long ones, and long ones do not wait for a crowd of short ones.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._fresh: deque[Intake] = deque()
        self._further: deque[Intake] = deque()
        self._was_fresh = False
        self._at_work = False
        self._paid_at = 0.0

    def ask(self, intake: Intake) -> None:
        """Parse the input of this client: at once, if no other client waits and there is time."""
        self._fresh.append(intake)
        if not self._at_work:
            self._at_work = True
            self._work()

    def _work(self) -> None:
        while self._fresh or self._further:
            now = self._loop.time()
            if self._paid_at > now + STRETCH_SECONDS:
                self._loop.call_at(self._paid_at, self._work)
                return
            self._parse_next()
            self._paid_at = max(self._paid_at, now) + 2 * (self._loop.time() - now)
        self._at_work = False

    def _parse_next(self) -> None:
        self._was_fresh = bool(self._fresh) and not (self._was_fresh and self._further)
        intake = (self._fresh if self._was_fresh else self._further).popleft()
        if intake.parse_piece():
            self._further.append(intake)


class Intake:
    """The unparsed input of one client; while there is any, its transport is not read.

    `parse` returns how many bytes the frame in which its piece ended still lacks. The application's inbox uses this
    object as its transport: while paused, it neither reads nor parses.
    """

    def __init__(self, transport: Any, parse: Callable[[bytes], int], turns: Turns) -> None:
        self._transport, self._parse, self._turns = transport, parse, turns
        self._unparsed = b""
        self._piece_bytes = PIECE_BYTES
        self._has_begun = self._is_held = self._is_asking = self._has_ended = False
        self._is_read = True

    def put(self, data: bytes) -> None:
        """Take data that was read."""
        self._unparsed += data
        self._go_on()

    def begin(self, data: bytes) -> None:
        """The handshake is over; `data` arrived with it, before anything that was put here."""
        self._has_begun = True
        self._unparsed = data + self._unparsed
        self._go_on()

    def end(self) -> None:
        """Parse nothing more; further input is read and discarded, so that the end of the connection is noticed."""
        self._has_ended = True
        self._unparsed = b""
        self._go_on()

    def pauseProducing(self) -> None:  # noqa: N802 (Twisted's name)
        self._is_held = True
        self._go_on()

    def resumeProducing(self) -> None:  # noqa: N802
        self._is_held = False
        self._go_on()

    def parse_piece(self) -> bool:
        """Parse the piece of one turn; returns whether this client needs another turn."""
        piece, self._unparsed = self._unparsed[: self._piece_bytes], self._unparsed[self._piece_bytes :]
        try:
            self._piece_bytes = max(PIECE_BYTES, min(self._parse(piece), PAYLOAD_BYTES))
        except Exception:  # as Twisted does for an exception while it reads
            log.exception("a WebSocket's parser failed")
            self.end()
            self._transport.abortConnection()
        self._is_asking = self._can_parse
        self._go_on()
        return self._is_asking

    @property
    def _can_parse(self) -> bool:
        return bool(self._unparsed) and self._has_begun and not self._is_held

    def _go_on(self) -> None:
        if self._can_parse and not self._is_asking:
            self._is_asking = True
            self._turns.ask(self)
        is_read = self._has_ended or not (self._unparsed or self._is_held)
        if is_read != self._is_read:
            self._is_read = is_read
            (self._transport.resumeProducing if is_read else self._transport.pauseProducing)()
