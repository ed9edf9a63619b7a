"""How a feed stands, as programs ask for it while its thread goes on."""

from __future__ import annotations

import logging
import time
from enum import StrEnum
from typing import Any

from marketcamera.errors import MarketCameraError
from marketcamera.feed.protocol import Subscription

log = logging.getLogger("marketcamera")


class ConnectionState(StrEnum):
    """`reconnecting` while a connection that was lost is tried again; `error` where more than the network is wrong."""

    DISCONNECTED = "disconnected"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    RECONNECTING = "reconnecting"
    ERROR = "error"


class FeedStatus:
    """The state, the last error, and counts since the feed was made. Kept by the feed, under its lock."""

    def __init__(self) -> None:
        self.state = ConnectionState.DISCONNECTED
        self.last_error: MarketCameraError | None = None
        self.connections = self.bad_messages = 0
        self.unknown_symbols: tuple[str, ...] = ()
        self._heard_at: float | None = None

    @property
    def seconds_since_message(self) -> float | None:
        """Since anything was heard of the server; None before."""
        return None if self._heard_at is None else time.monotonic() - self._heard_at

    def told(self, wanted: Subscription, failed_attempts: int) -> dict[str, Any]:
        """What a program is told of it, and of what is subscribed."""
        return {
            "state": str(self.state),
            "endpoint": wanted.endpoint,
            "symbols": list(wanted.symbols),
            "resolutions": list(wanted.resolutions),
            "unknown_symbols": list(self.unknown_symbols),
            "connections": self.connections,
            "failed_attempts": failed_attempts,
            "bad_messages": self.bad_messages,
            "seconds_since_message": self.seconds_since_message,
        }

    def heard(self) -> None:
        """A message came, of whatever sort."""
        self._heard_at = time.monotonic()

    def connected(self, unknown_symbols: tuple[str, ...]) -> None:
        """The server has accepted the subscription."""
        self.state, self.last_error = ConnectionState.CONNECTED, None
        self.unknown_symbols = unknown_symbols
        self.connections += 1

    def skipped(self, error: MarketCameraError) -> None:
        """A message was not understood, and is left out."""
        self.bad_messages += 1
        self.last_error = error

    def log(self, level: int, text: str, *arguments: Any) -> None:
        """Log; the handlers are the program's own code, and one that fails must not end the thread."""
        try:
            log.log(level, text, *arguments)
        except Exception as error:  # noqa: BLE001
            self.last_error = MarketCameraError(f"a handler of the program's log failed: {error!r}")

    def failed(self, error: MarketCameraError, *, passing: bool) -> None:
        """The connection is gone, or was not made."""
        self.state = ConnectionState.RECONNECTING if passing else ConnectionState.ERROR
        self.last_error = error
