"""The feed: a thread that stays connected to `/market_data` and caches every bar; it runs no user code."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict
from types import EllipsisType
from typing import Any

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from marketcamera.addresses import Address
from marketcamera.backoff import Backoff
from marketcamera.bars.bar import Bar
from marketcamera.bars.cache import CAPACITY, BarCache
from marketcamera.environment import names_a_feed, subscription_from_environment
from marketcamera.errors import BadMessage, MarketCameraError
from marketcamera.failures import UNHEARD, connection_error, is_of_the_network
from marketcamera.feed.protocol import Connected, HistoryEnd, Missing, Subscription, Told, feed_message
from marketcamera.feed.replaying import Replaying
from marketcamera.feed.status import ConnectionState, FeedStatus

log = logging.getLogger("marketcamera")

_OPEN_SECONDS = 10.0
_CLOSE_SECONDS = 1.0
_STOP_SECONDS = 3.0

#: A connection on which so many messages in a row are not understood is given up: it is not to a bar feed.
_BAD_MESSAGES = 10


class BarFeed:
    """What `get_websocket_manager()` gives: configure it, start it, and read the cache.

    A lost connection is taken up again after a growing, jittered wait, for ever unless `attempts` bounds failures in a
    row; each new connection brings the last 1,000 bars of every pair first, which fills what was missed. Nothing heard
    for `silence_seconds`, not even the answer to a ping, counts as lost. May be used from any thread.
    With `replay` it reads a part of the past, on a clock that a new connection goes on with.
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
        self._requests = 0
        self._status = FeedStatus()
        self._replaying = Replaying(cache)

    def configure(
        self,
        endpoint: str | None = None,
        symbols: str | Iterable[str] | None = None,
        resolutions: str | Iterable[str] | None = None,
        csrf_token: str | None = None,
        market_type: str | None = None,
        *,
        replay: str | None = None,
        attempts: int | EllipsisType | None = ...,
        silence_seconds: float | None = None,
    ) -> None:
        """Say which bars to read and where; what is left out stays as it was, at first as the environment has it.

        `replay` is a part of the past, `T0..T1@SPEED`; "" is the present. A running feed connects anew. Bars of another
        endpoint, or of another time, are forgotten. Raises ValueError.
        """
        with self._lock:
            before = self.subscription
            self._subscription = before.changed(
                endpoint=endpoint,
                symbols=symbols,
                resolutions=resolutions,
                csrf_token=csrf_token,
                market_type=market_type,
                replay=replay,
            )
            self._attempts = self._attempts if attempts is ... else attempts
            self._silence_seconds = self._silence_seconds if silence_seconds is None else silence_seconds
            self._is_left_alone = False
            running = self.running
            moved = Address(before.endpoint).feed() != Address(self._subscription.endpoint).feed()
            moved = moved or before.span != self._subscription.span
        if running:
            self.stop()
        if moved:
            self._replaying.forget()
            self._cache.clear()  # not before: until the thread has ended it adds bars of the old server
        if running:
            self.start()

    @property
    def subscription(self) -> Subscription:
        """What is asked for: what was configured, else what the environment says."""
        with self._lock:
            return self._subscription or subscription_from_environment()

    def load_config_from_env(self) -> dict[str, Any]:
        """What the environment asks for, and the defaults where it is silent: the arguments of `configure`.

        Nothing is configured by it; a feed that nobody has configured starts by the same. Raises ValueError.
        """
        asked = asdict(subscription_from_environment())
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asked.items()}

    @property
    def _endpoint(self) -> str:
        return Address(self.subscription.endpoint).feed()

    @property
    def running(self) -> bool:
        """Whether it reads, or tries to."""
        return self._thread is not None and self._thread.is_alive() and not self._ended.is_set()

    @property
    def connected(self) -> bool:
        """Whether the server has accepted the subscription and sends what closes."""
        return self._status.state is ConnectionState.CONNECTED

    def is_connected(self) -> bool:
        """The same as `connected`, for programs that call it."""
        return self.connected

    def start(self) -> None:
        """Begin to read, on a thread of its own; nothing happens if it runs. Raises ValueError."""
        with self._lock:
            if self.running:
                return
            subscription = self.subscription
            subscription.check()
            self._subscription, self._is_left_alone = subscription, False
            self._replaying.begin(subscription)
            self._backoff.succeeded()  # failures before a start are another row
            self._ended = threading.Event()
            self._status.state = ConnectionState.CONNECTING
            self._thread = threading.Thread(target=self._read, args=(self._ended,), name="bar feed", daemon=True)
            self._thread.start()

    @property
    def present_ms(self) -> int | None:
        """The market time at which its replay is; None where it is live."""
        with self._lock:
            self._replaying.begin(self.subscription)
            return self._cache.present_ms

    def start_if_environment_says_so(self) -> None:
        """Start a feed that nobody has configured, started or stopped, if the environment is enough to do it by."""
        with self._lock:
            if self._is_left_alone and names_a_feed():
                self.start()

    def stop(self) -> None:
        """Close the connection; the cache stays. From any thread, also from one that it runs code on, and repeatedly.

        A connection that is just being made may take some seconds longer to end; nothing comes of it any more.
        """
        with self._lock:
            thread, connection = self._thread, self._connection
            self._is_left_alone = False
            self._ended.set()
            self._connection = None
            self._status.state = ConnectionState.DISCONNECTED
        if connection is not None:
            with suppress(OSError, WebSocketException):  # then it is closed already
                connection.close()
        if thread is not None and thread is not threading.current_thread():
            thread.join(_STOP_SECONDS)

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
        """How it stands: `state` (a ConnectionState's text), what is subscribed, counts, the age of the last message.

        `last_error` is a sentence; None before anything was wrong, and once a connection works again. `replay` is None
        where it is live, else the `time` at which the replay is, in ms, and whether it is `over`.
        """
        with self._lock:
            status, wanted, error = self._status, Subscription(), self._status.last_error
            try:
                wanted = self.subscription
            except ValueError as wrong:  # of the environment, before anybody has configured anything
                error = error or MarketCameraError(str(wrong))
            return {
                "running": self.running,
                "connected": self.connected,
                **status.told(wanted, self._backoff.attempts),
                "last_error": None if error is None else str(error),
                "replay": self._replaying.told,
            }

    def _read(self, ended: threading.Event) -> None:
        """The thread: connect, read until the connection ends, wait, again; whatever goes wrong."""
        while not ended.is_set():
            failure: Exception | None = None
            try:
                self._read_connection(ended)
            except Exception as error:  # noqa: BLE001 - a thread that dies leaves nobody who would tell
                failure = error
            with self._lock:
                if ended.is_set():
                    return
                self._connection = None
                seconds = self._backoff.next_seconds()
                given_up = self._attempts is not None and self._backoff.attempts >= self._attempts
                told = connection_error(self._endpoint, failure)
                self._status.failed(told, passing=is_of_the_network(failure) and not given_up)
            if given_up:
                self._status.log(logging.ERROR, "the bar feed is given up after %d attempts: %s", self._attempts, told)
                return
            self._status.log(logging.WARNING, "the bar feed is lost: %s; next attempt in %.1f s", told, seconds)
            ended.wait(seconds)

    def _read_connection(self, ended: threading.Event) -> None:
        half = self._silence_seconds / 2
        with connect(
            self._endpoint,
            open_timeout=_OPEN_SECONDS,
            close_timeout=_CLOSE_SECONDS,
            ping_interval=half,
            ping_timeout=self._replaying.patience_seconds(half),
            compression=None,
            logger=UNHEARD,
        ) as connection:
            with self._lock:
                if ended.is_set():
                    return
                self._connection = connection
                self._send_connect(connection)
            bad = 0
            for text in connection:
                bad = 0 if self._take(text, ended) else bad + 1
                if bad >= _BAD_MESSAGES:
                    raise self._status.last_error or BadMessage("no message of a feed", text)

    def _send_connect(self, connection: ClientConnection) -> None:
        self._requests += 1
        wanted = self.subscription
        connection.send(wanted.connect_message(self._requests, CAPACITY, self._replaying.rest(wanted)))

    def _take(self, text: str | bytes, ended: threading.Event) -> bool:
        """Take a message in; False for one that is left out as nothing can be made of it. Raises FeedRefused."""
        told: Told | BadMessage | None
        try:
            told = feed_message(text)
        except BadMessage as error:
            told = error
        if not self._replaying.waits(told, ended.is_set):
            self._status.log(
                logging.WARNING, "the replay goes on without a program that is at work on a bar, or asks for none"
            )
        with self._lock:
            if ended.is_set():
                return True
            self._status.heard()
            if isinstance(told, Connected):
                self._backoff.succeeded()
                self._status.connected(told.unknown_symbols)
                for symbol in self._cache.connected(told.stores, history_end=told.history_end):
                    self._status.log(
                        logging.WARNING, "%s has another recording now: the bars before it are forgotten", symbol
                    )
            elif isinstance(told, HistoryEnd):
                self._cache.history_ends()
            elif isinstance(told, BadMessage):
                self._cache.interrupted()  # it may have been a bar
                self._status.skipped(told)
            elif isinstance(told, Bar):
                self._cache.put(told)
            elif told is not None:
                level = logging.WARNING if isinstance(told, Missing) else logging.INFO
                self._status.log(level, "%s", self._replaying.take(told))
        if not isinstance(told, BadMessage):
            return True
        self._status.log(logging.WARNING, "the bar feed leaves a message out: %s", told)
        return False
