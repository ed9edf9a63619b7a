"""The stream: ticks, metrics and frames of a market as they happen, each exactly once, for threads and for asyncio."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as connect_async
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Response
from websockets.sync.client import connect

from marketcamera.backoff import Backoff
from marketcamera.decoding import MOST_TEXT_BYTES
from marketcamera.failures import UNHEARD
from marketcamera.stream.messages import Kind, Received
from marketcamera.stream.playhead import Slow
from marketcamera.stream.session import Session

#: Messages read ahead of the program: enough that the reader rarely waits, few enough for frames of some 100 kB.
_READ_AHEAD = 128
_OPEN_SECONDS = 10.0
_CLOSE_SECONDS = 1.0


class Stream:
    """Iterate a market: `for message in Stream(url)` or `async for message in Stream(url)`.

    Gives `Tick`, `Metric`, `Frame`, and a `Gap` wherever messages cannot be had any more, in the order frame, metric,
    tick of each t. `since=T` begins behind t = T (-1: with everything recorded; a mapping has a T for each kind),
    without it with the newest. A lost connection is taken up again where it was: no message is missed and none comes
    twice, also when the loop is left and entered again, and however slow the program is. `attempts` bounds failures in
    a row; by default there is no bound. A connection on which nothing is heard for `silence_seconds`, not even the
    answer to a ping, is given up for lost.

    A position is a t in one recording, which `store` names; the stream remembers it, and tells the server when it comes
    again. Where the market has another recording by then, all that follows is of that one, from its beginning: each
    kind is given a `Gap` with the reason `store_changed` first, or StoreChanged is raised with
    `on_store_change="raise"`.

    A message that is not understood over a third connection either is raised as BadMessage. With
    `on_bad_message="skip"` it is passed over then; a tick that is missing by it is a `Gap` with the reason `lost`.

    `types` are some of tick, metric, frame, all by default; `fields` are those of a tick's lists (agents, actions,
    matches) that are wanted, all by default, none if it is empty. Both are a list, or text with commas. The URL may
    itself name types, since, store and symbol.

    With `replay=T0..T1` in the URL, and `speed=`, the stream is that of the past, at that pace: T0 and T1 are a t or a
    time in ISO 8601. It ends behind T1; without T1 it goes on into the present. `since` is then where it begins in
    place of T0.

    Raises StreamRefused when the server will not serve this request, ConnectionGivenUp, WebSocketConnectionError for a
    proxy that cannot be used, BadMessage; ValueError at once for arguments that cannot be.
    """

    def __init__(
        self,
        url: str,
        types: str | Iterable[str] | None = None,
        since: int | Mapping[Kind, int] | None = None,
        *,
        store: str | None = None,
        on_store_change: str = "yield",
        on_bad_message: str = "raise",
        symbol: str | None = None,
        every: int = 1,
        fields: str | Iterable[str] | None = None,
        encoding: str = "json",
        attempts: int | None = None,
        silence_seconds: float = 40.0,
        backoff: Backoff | None = None,
    ) -> None:
        self._session = Session(
            url,
            types,
            since,
            store=store,
            on_store_change=on_store_change,
            on_bad_message=on_bad_message,
            symbol=symbol,
            every=every,
            fields=fields,
            encoding=encoding,
            attempts=attempts,
            backoff=backoff or Backoff(),
        )
        self._options: dict[str, Any] = {
            "open_timeout": _OPEN_SECONDS,
            "close_timeout": _CLOSE_SECONDS,
            "ping_interval": silence_seconds / 2,
            "ping_timeout": silence_seconds / 2,
            "compression": None,
            "max_size": MOST_TEXT_BYTES,
            "max_queue": _READ_AHEAD,
            "logger": UNHEARD,
        }
        self._closed = threading.Event()
        self._interrupt: Callable[[], None] = lambda: None

    @property
    def position(self) -> int | None:
        """The t of the newest message given, while others of that t may be still to come; None before the first."""
        return self._session.playhead.position

    @property
    def positions(self) -> dict[Kind, int]:
        """What `since` takes to go on exactly here: the t of the last of each kind that was given. Empty before the
        first."""
        return self._session.playhead.positions

    @property
    def store(self) -> str | None:
        """The id of the recording in which `positions` are some: keep both, and give both to go on there later. None
        while the server has not told."""
        return self._session.playhead.store

    def price_range(self, t: int) -> tuple[float, float]:
        """The prices at `price_norm` 0 and 1 at a t, as the server told when it connected, or else tells now.

        Raises HistoryUnavailable.
        """
        return self._session.playhead.prices.at(t)

    @property
    def caught_up(self) -> bool:
        """Whether everything behind `since` was given, so that what comes now is live."""
        return self._session.playhead.caught_up_t is not None

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed.is_set()

    def close(self) -> None:
        """End every iteration, from any thread."""
        self._closed.set()
        self._interrupt()

    @property
    def _is_over(self) -> bool:
        return self._closed.is_set() or self._session.ended

    def __iter__(self) -> Iterator[Received]:
        while not self._is_over:
            failure: Exception | None = None
            try:
                yield from self._connected()
            except Slow:
                continue
            except Exception as error:  # noqa: BLE001 - of the libraries below and our own; `failed` raises it
                failure = error
            if not self._is_over:
                self._closed.wait(self._session.failed(failure))

    def _connected(self) -> Iterator[Received]:
        """What one connection brings."""
        with (
            connect(self._session.connecting_url(), **self._options) as connection,
            self._interrupted(connection.close),
        ):
            self._session.connected(_headers(connection.response))
            while not self._is_over:
                yield from self._session.receive(connection.recv())

    async def __aiter__(self) -> AsyncIterator[Received]:
        while not self._is_over:
            failure: Exception | None = None
            connection: ClientConnection | None = None
            try:
                connection = await connect_async(self._session.connecting_url(), **self._options)
                self._session.connected(_headers(connection.response))
                with self._interrupted(_closing(connection)):
                    while not self._is_over:
                        for message in self._session.receive(await connection.recv()):
                            yield message
            except Slow:
                continue
            except Exception as error:  # noqa: BLE001 - of the libraries below and our own; `failed` raises it
                failure = error
            finally:
                # At once and without awaiting, for a generator that is left in mid-loop may have no loop to wait on.
                if connection is not None:
                    connection.transport.abort()
            if not self._is_over:
                await self._pause(self._session.failed(failure))

    async def _pause(self, seconds: float) -> None:
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        with self._interrupted(lambda: loop.call_soon_threadsafe(ended.set)), suppress(TimeoutError):
            async with asyncio.timeout(seconds):  # not `wait_for`, which loses a cancellation that comes with the end
                await ended.wait()

    @contextmanager
    def _interrupted(self, interrupt: Callable[[], Any]) -> Iterator[None]:
        """While this lasts, `close` calls `interrupt`; at once where it was called already."""
        self._interrupt = interrupt
        try:
            if self._closed.is_set():
                interrupt()
            yield
        except ConnectionClosed:
            if not self._closed.is_set():
                raise
        finally:
            self._interrupt = lambda: None


def _headers(answer: Response | None) -> Mapping[str, str]:
    """Those of the server's answer to the handshake."""
    return {} if answer is None else answer.headers


def _closing(connection: ClientConnection) -> Callable[[], None]:
    """Closes an asyncio connection from any thread."""
    loop = asyncio.get_running_loop()

    def close() -> None:
        loop.call_soon_threadsafe(connection.transport.close)

    return close
