"""The messages that wait for one subscriber: all that must arrive, and of the others the newest."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable


class SubscriberOutbox:
    """Answers and alerts wait in order and are never dropped; of other messages the newest of each key counts.

    It replaces the one that waits, in its place in line. The owner closes a connection whose outbox grows beyond its
    limit.
    """

    def __init__(self) -> None:
        self._lossless: deque[bytes] = deque()
        self._newest: dict[Hashable, bytes] = {}
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._lossless) + len(self._newest)

    def __bool__(self) -> bool:
        return bool(self._lossless or self._newest)

    def put(self, wire: bytes) -> None:
        """Add a message that must arrive; it is sent before those of which only the newest counts."""
        self._lossless.append(wire)
        self.bytes += len(wire)

    def replace(self, key: Hashable, wire: bytes) -> None:
        """Add a message in place of the one with this key that still waits."""
        self.bytes += len(wire) - len(self._newest.get(key, b""))
        self._newest[key] = wire

    def discard(self, key: Hashable) -> None:
        """Remove the message with this key, if one waits."""
        self.bytes -= len(self._newest.pop(key, b""))

    def take(self, about_bytes: int) -> bytes:
        """Remove and return the oldest messages, `about_bytes` or one message more; b"" when nothing waits."""
        parts: list[bytes] = []
        size = 0
        while self and size < about_bytes:
            part = self._lossless.popleft() if self._lossless else self._newest.pop(next(iter(self._newest)))
            parts.append(part)
            size += len(part)
        self.bytes -= size
        return parts[0] if len(parts) == 1 else b"".join(parts)
