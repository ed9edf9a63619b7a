"""The rate limit of a client: messages in any one second, and the treatment of further ones."""

from __future__ import annotations

from collections import deque
from enum import Enum

_WINDOW_SECONDS = 1.0


class Verdict(Enum):
    """The treatment of a message: read it, refuse it with or without an answer, or close the connection."""

    READ = "read"
    REFUSE = "refuse"
    IGNORE = "ignore"
    CLOSE = "close"


class MessageRate:
    """Judges each message of one client by its time.

    Up to `most` are read in any second. Further ones are refused, which is reported once a second. After `most`
    refusals without a second's pause between them the connection is closed.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._read_at: deque[float] = deque(maxlen=most)
        self._refusals = 0
        self._refused_at = self._told_at = float("-inf")

    def judge(self, now: float) -> Verdict:
        if len(self._read_at) < self._most or now - self._read_at[0] >= _WINDOW_SECONDS:
            self._read_at.append(now)
            return Verdict.READ
        if now - self._refused_at >= _WINDOW_SECONDS:
            self._refusals = 0
        self._refused_at = now
        self._refusals += 1
        if self._refusals > self._most:
            return Verdict.CLOSE
        if now - self._told_at < _WINDOW_SECONDS:
            return Verdict.IGNORE
        self._told_at = now
        return Verdict.REFUSE
