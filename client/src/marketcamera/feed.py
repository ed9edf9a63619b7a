"""The feed: a thread that stays connected to `/market_data` and caches every bar; it runs no user code."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable
from types import EllipsisType
from typing import Any

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from marketcamera.addresses import Address
from marketcamera.backoff import Backoff
from marketcamera.cache import CAPACITY, BarCache
from marketcamera.environment import names_a_feed, subscription_from_environment
from marketcamera.errors import BadMessage
from marketcamera.feed_protocol import Connected, FeedRefused, Subscription, feed_message

log = logging.getLogger("marketcamera")

_OPEN_SECONDS = 10.0
_CLOSE_SECONDS = 1.0


class BarFeed:
    """What `get_websocket_manager()` gives: configure it, start it, and read the cache.

    A lost connection is taken up again after a growing, jittered wait, for ever unless `attempts` bounds failures in a
    row; each new connection brings the last 1,000 bars of every pair first, which fills what was missed. Nothing heard
    for `silence_seconds`, not even the answer to a ping, counts as lost. May be used from any thread.
    """

    def __init__(self, cache: BarCache, backoff: Backoff | None = None) -> None:
        self._cache, self._backoff = cache, backoff or Backoff()
        self._lock = threading.RLock()
        self._subscription: Subscription | None = None
        self._is_left_alone = True  # nobody has configured, started or stopped it
        self._attempts: int | None = None
        self._silence_seconds = 40.0
        self._thread: threading.Thread | None = None
        self._connection: ClientConnection | None = None
        self._ended = threading.Event()
        self._connected = False
        self._connections = self._requests = 0
        self._unknown: tuple[str, ...] = ()
        self._last_error: str | None = None
        self._heard_at: float | None = None

    def configure(
        self,
        endpoint: str | None = None,
        symbols: str | Iterable[str] | None = None,
        resolutions: str | Iterable[str] | None = None,
        csrf_token: str | None = None,
        market_type: str | None = None,
        *,
        attempts: int | EllipsisType | None = ...,
        silence_seconds: float | None = None,
    ) -> None:
        """Say which bars to read and where; what is left out stays as it was, at first as the environment has it.

        A running feed connects anew. Bars of another endpoint are forgotten. Raises ValueError.
        """
        with self._lock:
            before = self.subscription
            self._subscription = before.changed(
                endpoint=endpoint,
                symbols=symbols,
                resolutions=resolutions,
                csrf_token=csrf_token,
                market_type=market_type,
            )
            self._attempts = self._attempts if attempts is ... else attempts
            self._silence_seconds = self._silence_seconds if silence_seconds is None else silence_seconds
            self._is_left_alone = False
            running = self.running
            moved = Address(before.endpoint).feed() != Address(self._subscription.endpoint).feed()
        if running:
            self.stop()
        if moved:
            self._cache.clear()  # not before: until the thread has ended it adds bars of the old server
        if running:
            self.start()

    @property
    def subscription(self) -> Subscription:
        """What is asked for: what was configured, else what the environment says."""
        with self._lock:
            return self._subscription or subscription_from_environment()

    @property
    def running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    @property
    def connected(self) -> bool:
        """Whether the server has accepted the subscription and sends what closes."""
        return self._connected

    def start(self) -> None:
        """Begin to read, on a thread of its own; nothing happens if it runs. Raises ValueError."""
        with self._lock:
            if self.running:
                return
            subscription = self.subscription
            subscription.check()
            self._subscription, self._is_left_alone = subscription, False
            self._backoff.succeeded()  # failures before a start are another row
            self._ended = threading.Event()
            self._thread = threading.Thread(target=self._read, args=(self._ended,), name="bar feed", daemon=True)
            self._thread.start()

    def start_if_environment_says_so(self) -> None:
        """Start a feed that nobody has configured, started or stopped, if the environment is enough to do it by."""
        with self._lock:
            if self._is_left_alone and names_a_feed():
                self.start()

    def stop(self) -> None:
        """Close the connection and wait for the thread's end; the cache stays."""
        with self._lock:
            thread, connection = self._thread, self._connection
            self._is_left_alone = False
            self._ended.set()
        if connection is not None:
            connection.close()
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def update_subscription(
        self, symbols: str | Iterable[str] | None = None, resolutions: str | Iterable[str] | None = None
    ) -> None:
        """Read these symbols and resolutions from now on; what is left out stays as it was. Raises ValueError."""
        with self._lock:
            new = self.subscription.changed(symbols=symbols, resolutions=resolutions)
            new.check()
            self._subscription = new
            connection = self._connection
            if connection is not None:
                try:
                    self._send_connect(connection)
                except (OSError, WebSocketException):
                    log.info("the connection ended meanwhile: the next one asks for the new subscription")

    def get_status(self) -> dict[str, Any]:
        """How it stands: running, connected, what is subscribed, connections made, the last error and message's age."""
        with self._lock:
            wanted = self.subscription
            heard = self._heard_at
            return {
                "running": self.running,
                "connected": self._connected,
                "endpoint": wanted.endpoint,
                "symbols": list(wanted.symbols),
                "resolutions": list(wanted.resolutions),
                "unknown_symbols": list(self._unknown),
                "connections": self._connections,
                "failed_attempts": self._backoff.attempts,
                "last_error": self._last_error,
                "seconds_since_message": None if heard is None else time.monotonic() - heard,
            }

    def _read(self, ended: threading.Event) -> None:
        """The thread: connect, read until the connection ends, wait, again."""
        while not ended.is_set():
            try:
                self._read_connection(ended)
            except (OSError, WebSocketException, BadMessage, FeedRefused) as error:
                if ended.is_set():
                    return
                self._last_error = str(error) or type(error).__name__
            finally:
                with self._lock:
                    self._connection, self._connected = None, False
            seconds = self._backoff.next_seconds()
            if self._attempts is not None and self._backoff.attempts >= self._attempts:
                log.error("the bar feed is given up after %d attempts: %s", self._attempts, self._last_error)
                return
            log.warning("the bar feed is lost: %s; next attempt in %.1f s", self._last_error, seconds)
            ended.wait(seconds)

    def _read_connection(self, ended: threading.Event) -> None:
        half = self._silence_seconds / 2
        with connect(
            Address(self.subscription.endpoint).feed(),
            open_timeout=_OPEN_SECONDS,
            close_timeout=_CLOSE_SECONDS,
            ping_interval=half,
            ping_timeout=half,
            compression=None,
        ) as connection:
            with self._lock:
                if ended.is_set():
                    return
                self._connection = connection
                self._send_connect(connection)
            for text in connection:
                self._heard_at = time.monotonic()
                self._take(text)
        self._last_error = "the connection was closed"

    def _send_connect(self, connection: ClientConnection) -> None:
        self._requests += 1
        connection.send(self.subscription.connect_message(self._requests, CAPACITY))

    def _take(self, text: str | bytes) -> None:
        told = feed_message(text)
        if isinstance(told, Connected):
            self._cache.connected()
            self._backoff.succeeded()
            self._unknown, self._connected, self._last_error = told.unknown_symbols, True, None
            self._connections += 1
        elif told is not None:
            self._cache.put(told)
