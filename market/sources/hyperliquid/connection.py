"""The connection to the venue: made again for ever, kept alive, and listened to."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from http.client import HTTPException, HTTPResponse
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import orjson

from market.sources.hyperliquid.addresses import VenueAddresses
from market.sources.hyperliquid.feed import Answered, Connected, Event, Lost, Recent
from market.sources.hyperliquid.messages import Message, Pong, Reader, Subscribed, Top, Trades
from market.sources.source import SourceError
from market.trades.trade import Trade

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

    from marketcamera.backoff import Backoff

log = logging.getLogger(__name__)

_OPEN_SECONDS = 10.0
_CLOSE_SECONDS = 1.0

#: How long to listen before looking whether something is to be said.
_LISTEN_SECONDS = 0.05

#: The least time between two pings while a tick waits for a sign of life; the venue bears 2,000 messages a minute.
_ASK_SECONDS = 0.1

#: The venue gives up a connection on which it heard nothing for a minute.
_SPEAK_SECONDS = 30.0

#: A quiet line is asked whether it lives after the first, and given up after the second.
_QUIET_SECONDS, _DEAD_SECONDS = 5.0, 15.0

#: A connection that lived for so long works: when it breaks, it is not one of a row of failures.
_WORKS_SECONDS = 30.0

_ANSWER_SECONDS = 5.0
_ASKED_TIMES, _PAUSE_SECONDS = 3, 0.5

#: No message and no answer of the venue is near that size.
_MOST_BYTES, _PART_BYTES = 16 << 20, 1 << 16


class VenueConnection:
    """Iterates over what is heard of one coin, each event with the monotonic time of its arrival, until it is closed.

    `wants_word` says whether somebody waits for any sign that the line lives. Raises SourceError at once where the
    client package is not installed, and while listening what no other attempt helps against.
    """

    def __init__(
        self,
        addresses: VenueAddresses,
        coin: str,
        reader: Reader,
        wants_word: Callable[[], bool],
        backoff: Backoff | None = None,
    ) -> None:
        self._addresses, self._coin, self._reader, self._wants_word = addresses, coin, reader, wants_word
        self._backoff = backoff or _backoff(addresses)
        self._closed = threading.Event()
        self._connection: ClientConnection | None = None
        self._number, self._is_told = 0, False
        #: When anything was said last, and when the pings were sent that wait for their answers, which come in order.
        self._spoke_at, self._asked = 0.0, deque[float]()
        #: Answers to what was asked for on other threads.
        self._answers: queue.SimpleQueue[Recent | Exception] = queue.SimpleQueue()

    def close(self) -> None:
        """Leave the venue. May be called from any thread."""
        self._closed.set()
        if (connection := self._connection) is not None:
            connection.close_socket()

    def __iter__(self) -> Iterator[tuple[Event, float]]:
        from marketcamera.failures import is_of_the_network, reason_of

        while not self._closed.is_set():
            began, failure = time.monotonic(), None
            try:
                yield from self._connected()
            except Exception as error:
                if not is_of_the_network(error):
                    raise
                failure = error
            if time.monotonic() - began > _WORKS_SECONDS:
                self._backoff.succeeded()
            yield Lost(), time.monotonic()
            if not self._closed.is_set():
                seconds = self._backoff.next_seconds()
                log.warning("%s: %s; next attempt in %.1f s", self._addresses, reason_of(failure), seconds)
                self._closed.wait(seconds)

    def _connected(self) -> Iterator[tuple[Event, float]]:
        """What one connection brings. Raises what ended it."""
        from websockets.sync.client import connect

        with connect(
            self._addresses.socket,
            open_timeout=_OPEN_SECONDS,
            close_timeout=_CLOSE_SECONDS,
            max_size=_MOST_BYTES,
            ping_interval=None,
        ) as connection:
            self._connection, self._is_told = connection, False
            self._number += 1
            for kind in ("trades", "bbo"):
                _say(connection, {"method": "subscribe", "subscription": {"type": kind, "coin": self._coin}})
            yield from self._listen(connection)

    def _listen(self, connection: ClientConnection) -> Iterator[tuple[Event, float]]:
        began = heard = told = self._spoke_at = time.monotonic()
        self._asked.clear()
        while not self._closed.is_set():
            text = _received(connection)
            now = time.monotonic()
            if text is not None:
                message, heard = self._reader.read(text), now
                told = now if isinstance(message, Trades | Top) else told
                yield from self._take(message, now)
            while not self._answers.empty():
                yield _answer(self._answers), now
            self._check(now - began, now - heard)
            if self._asks(now, now - heard, now - told):
                self._spoke_at = now
                self._asked.append(now)
                _say(connection, {"method": "ping"})

    def _take(self, message: Message, now: float) -> Iterator[tuple[Event, float]]:
        if isinstance(message, Pong) and self._asked:
            yield Answered(self._asked.popleft()), now
            return
        if not self._is_told and (isinstance(message, Trades) or message == Subscribed("trades")):
            self._is_told = True
            yield Connected(self._number), now
            threading.Thread(target=self._ask, args=(self._number,), name="hyperliquid recent", daemon=True).start()
        yield message, now

    def _check(self, age: float, quiet: float) -> None:
        """Give up a connection that tells nothing. Raises TimeoutError."""
        if quiet > _DEAD_SECONDS:
            raise TimeoutError(f"nothing was heard for {_DEAD_SECONDS:g} s, not even the answer to a ping")
        if not self._is_told and age > _DEAD_SECONDS:
            raise TimeoutError(f"the subscription was not confirmed within {_DEAD_SECONDS:g} s")

    def _asks(self, now: float, quiet: float, untold: float) -> bool:
        """Whether a ping is due on a line that was quiet, and told no time, for so many seconds.

        While one waits for its answer, another one is sent after a while only, for the venue is to hear something.
        """
        waited = now - self._spoke_at
        if self._asked and waited <= _QUIET_SECONDS:
            return False
        if untold > _LISTEN_SECONDS and self._wants_word():
            return waited > _ASK_SECONDS
        return waited > (_QUIET_SECONDS if quiet > _QUIET_SECONDS else _SPEAK_SECONDS)

    def _ask(self, number: int) -> None:
        """Ask for the newest trades, a few times if need be."""
        try:
            recent = None
            for times in range(1, _ASKED_TIMES + 1):
                if (recent := self._recent()) is not None or self._closed.wait(times * _PAUSE_SECONDS):
                    break
            self._answers.put(Recent(number, recent))
        except Exception as error:  # noqa: BLE001 - raised again where events are taken
            self._answers.put(error)

    def _recent(self) -> list[Trade] | None:
        """The newest trades; None if the venue does not answer."""
        question = orjson.dumps({"type": "recentTrades", "coin": self._coin})
        request = Request(self._addresses.info, question, {"Content-Type": "application/json"})
        try:
            with urlopen(request, timeout=_ANSWER_SECONDS) as answer:
                return self._reader.trades(_read(answer))
        except (OSError, HTTPException) as error:
            log.warning("%s: no answer to recentTrades: %s", self._addresses, error)
            return None


def _answer(answers: queue.SimpleQueue[Recent | Exception]) -> Recent:
    """The next answer. Raises what came instead of one."""
    answer = answers.get()
    if isinstance(answer, Exception):
        raise answer
    return answer


def _backoff(addresses: VenueAddresses) -> Backoff:
    try:
        from marketcamera.backoff import Backoff
    except ModuleNotFoundError as missing:
        hint = "pip install ./client installs it"
        raise SourceError(f"{addresses}: reading a venue needs {missing.name}; {hint}") from None
    return Backoff()


def _read(answer: HTTPResponse) -> bytes:
    """The answer, which may not come byte by byte for ever. Raises TimeoutError, OSError."""
    deadline, parts, size = time.monotonic() + _ANSWER_SECONDS, [], 0
    while part := answer.read1(_PART_BYTES):
        parts.append(part)
        size += len(part)
        if size > _MOST_BYTES or time.monotonic() > deadline:
            raise TimeoutError(f"{size:,} bytes came in {_ANSWER_SECONDS:g} s, and not all")
    return b"".join(parts)


def _received(connection: ClientConnection) -> str | bytes | None:
    """The next message, None if none came for a moment."""
    try:
        return connection.recv(_LISTEN_SECONDS)
    except TimeoutError:
        return None


def _say(connection: ClientConnection, message: dict[str, Any]) -> None:
    connection.send(orjson.dumps(message).decode())
