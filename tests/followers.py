"""Followers: well-behaved stream clients, each on a thread of its own, that write down what they heard and when."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from socket import SHUT_RDWR
from typing import Any, Protocol

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from streaming.protocol import CLOSE_STALLED
from tests.processes import PATIENCE_SECONDS, wait_until
from tests.streaming.events import Event, EventParser


class Server(Protocol):
    """What a follower needs of a web process, or of a proxy in front of it."""

    def connect(self, path: str) -> ClientConnection: ...

    def http(self) -> HTTPConnection: ...


class Follower:
    """Follows one market's ticks; when its connection ends it goes to the next server, with `since`.

    `query` is added to `types=tick`; with `since` it begins in the past.
    """

    def __init__(self, *servers: Server, query: str = "", since: int | None = None) -> None:
        self._servers = itertools.cycle(servers)
        self._query, self._since = query, since
        self.ts: list[int] = []
        self.heard: list[tuple[float, dict[str, Any]]] = []
        self.connections = 0
        #: How often the server found it stalled: this process, busy with a crowd, left its thread no time to read.
        self.stalled = 0
        self._over = False
        self._client: ClientConnection | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def last_t(self) -> int:
        return self.ts[-1] if self.ts else -1

    @property
    def gaps(self) -> list[dict[str, Any]]:
        return [message for _, message in self.heard if message["type"] == "gap"]

    @property
    def was_let_be(self) -> bool:
        """Whether its connection was never ended, but where it did not read itself."""
        return self.connections - self.stalled == 1

    def wait_for(self, t: int) -> None:
        """Wait until this tick was heard."""
        wait_until(lambda: self.last_t >= t, f"t={t} at a follower (the last is {self.last_t}, gaps {self.gaps})")

    def wait_for_more(self, ticks: int) -> int:
        """Wait until so many more ticks were heard; the newest."""
        self.wait_for(self.last_t + ticks)
        return self.last_t

    def assert_heard_each_tick_once(self) -> None:
        """From the first tick it heard on: no hole, no repeat, nothing told as lost."""
        first = self.ts[0] if self._since is None else self._since + 1
        assert self.ts == list(range(first, first + len(self.ts))), _first_break(self.ts, first)
        assert self.gaps == []

    def assert_nothing_is_untold(self) -> None:
        """No repeat, and each t between the first and the last tick was heard, or told as lost."""
        assert self.ts == sorted(set(self.ts))
        told = {t for gap in self.gaps for t in range(gap["from_t"], gap["to_t"] + 1)}
        assert set(range(self.ts[0], self.last_t + 1)) <= told | set(self.ts), _first_break(self.ts, self.ts[0])

    def longest_wait_seconds(self) -> float:
        """The longest time between two ticks."""
        at = [when for when, message in self.heard if message["type"] == "tick"]
        return max((later - sooner for sooner, later in itertools.pairwise(at)), default=0.0)

    def end(self) -> None:
        self._over = True
        if self._client is not None:
            self._client.close_socket()
        self._thread.join(PATIENCE_SECONDS)

    def _run(self) -> None:
        while not self._over:
            try:
                self._follow(next(self._servers))
            except (OSError, HTTPException, ConnectionClosed) as error:
                if isinstance(error, ConnectionClosed) and error.rcvd is not None and error.rcvd.code == CLOSE_STALLED:
                    self.stalled += 1
                time.sleep(0.05)  # as any client would, not to hammer at a server that is not there

    def _follow(self, server: Server) -> None:
        since = self.last_t if self.ts else self._since
        query = f"?types=tick{self._query}" + ("" if since is None else f"&since={since}")
        with server.connect(f"/ws/stream{query}") as client:
            self._client = client
            self.connections += 1
            for text in client:
                message = json.loads(text)
                self.heard.append((time.monotonic(), message))
                if message["type"] == "tick":
                    self.ts.append(message["t"])


class EventFollower(Follower):
    """Follows by server-sent events, as a browser does: it comes again with the id of the last event alone."""

    _connection: HTTPConnection | None = None
    _last_id = ""

    def end(self) -> None:
        self._over = True
        if self._connection is not None and self._connection.sock is not None:
            self._connection.sock.shutdown(SHUT_RDWR)
        self._thread.join(PATIENCE_SECONDS)

    def _follow(self, server: Server) -> None:
        connection = self._connection = server.http()
        headers = {"Last-Event-ID": self._last_id} if self._last_id else {}
        connection.request("GET", f"/stream?types=tick{self._query}", headers=headers)
        answer, parser = connection.getresponse(), EventParser(self._last_id)
        self.connections += 1
        while piece := answer.read1():
            parser.feed(piece)
            for event in parser.events:
                self._take(event)
            parser.events.clear()
            self._last_id = parser.last_id
        raise ConnectionError("the stream has ended")

    def _take(self, event: Event) -> None:
        self.heard.append((time.monotonic(), event.json))
        if event.type == "tick":
            self.ts.append(event.json["t"])


def _first_break(ts: list[int], first: int) -> str:
    for place, (t, due) in enumerate(zip(ts, itertools.count(first), strict=False)):
        if t != due:
            return f"at {place} of {len(ts)}: heard t={t} where t={due} was due, around it {ts[place - 2 : place + 3]}"
    return f"{len(ts)} in order"


@contextmanager
def following(*followers: Follower) -> Iterator[tuple[Follower, ...]]:
    """Followers that are under way; ended with the block."""
    try:
        for follower in followers:
            wait_until(lambda one=follower: one.ts, "a follower's first tick")  # type: ignore[misc]
        yield followers
    finally:
        for follower in followers:
            follower.end()
