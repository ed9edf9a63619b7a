"""How much a client may say: so many messages in any one second, and what becomes of one that says more."""

from __future__ import annotations

from collections import deque
from enum import Enum

_WINDOW_SECONDS = 1.0


class Verdict(Enum):
    """What to do with a message: read it, refuse it with a word or without one, or end the connection."""

    READ = "read"
    REFUSE = "refuse"
    IGNORE = "ignore"
    CLOSE = "close"


class MessageRate:
    """Judges each message of one client by its time.

    Up to `most` are read in any second. Beyond that they are refused, told once a second; after `most` refusals
    without a whole second of moderation between them the connection is to end.
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
