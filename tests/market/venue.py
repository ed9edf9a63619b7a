"""A stand-in for the venue: it speaks the documented protocol, from a feed that a seed determines, and misbehaves."""

from __future__ import annotations

import json
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import Server, ServerConnection, serve

GARBAGE = (
    "", "not JSON", "[", "[]", "7", "null", '"text"', "{}", '{"channel":null}', '{"channel":"trades"}',
    '{"channel":"trades","data":{}}', '{"channel":"trades","data":[null,7,{}]}', '{"channel":"bbo","data":[]}',
    '{"channel":"trades","data":[{"coin":"OTHER","tid":1}]}', '{"channel":"notification","data":{}}',
    '{"channel":"error","data":"Invalid subscription"}', b"\xff\x00", "[" * 2000,
)  # fmt: skip

_STEP_SECONDS = 0.01
_TOP_SECONDS = 0.1


@dataclass
class Manners:
    """How the venue behaves; may be changed while it runs.

    `repeats` and `garbage` are shares of messages, `disorder_seconds` how long a trade may be held back. `replay` and
    `recent` are how many of the newest trades a subscription and recentTrades bring.
    """

    rate: float = 100.0
    repeats: float = 0.0
    garbage: float = 0.0
    disorder_seconds: float = 0.0
    replay: int = 10
    recent: int = 100
    is_away: bool = False
    is_deaf: bool = False
    answers_slowly: bool = False
    closes_slowly: bool = False
    tells_tops: bool = True


class Feed:
    """Trades of one coin between so many addresses, the same for each seed but for their times."""

    def __init__(self, seed: int, coin: str, addresses: int) -> None:
        self._random, self._coin = random.Random(seed), coin
        self._addresses = [f"0x{self._random.getrandbits(160):040x}" for _ in range(addresses)]
        self._price, self._tid = 60_000.0, 10**14

    def trade(self, time_ms: int) -> dict[str, Any]:
        chance = self._random
        self._price = max(1.0, self._price + chance.choice((-1, -0.5, 0, 0.5, 1)))
        self._tid += chance.randrange(1, 1000)
        return {
            "coin": self._coin,
            "side": chance.choice("AB"),
            "px": f"{self._price:.1f}",
            "sz": f"{chance.randrange(1, 10**6) / 1e5:.5f}",
            "time": time_ms,
            "hash": "0x" + "0" * 64,
            "tid": self._tid,
            "users": chance.sample(self._addresses, 2),
        }

    def top(self, time_ms: int) -> dict[str, Any]:
        sides = [{"px": f"{self._price + step:.1f}", "sz": "1.0", "n": 1} for step in (-0.5, 0.5)]
        return {"coin": self._coin, "time": time_ms, "bbo": sides}


class Venue:
    """Runs while `running` lasts; `trades` are all that happened, in their order. `ahead_seconds` is how far its clock
    is ahead of this host's."""

    def __init__(self, manners: Manners, *, seed: int, coin: str, addresses: int, ahead_seconds: float) -> None:
        self.manners, self.coin, self._ahead = manners, coin, ahead_seconds
        self._feed, self._random = Feed(seed, coin, addresses), random.Random(seed)
        self.trades: list[dict[str, Any]] = []
        #: Trades that are held back, with the time at which they are told.
        self._held: list[tuple[float, dict[str, Any]]] = []
        self._lock = threading.Lock()
        self._subscribed: dict[ServerConnection, set[str]] = {}
        self._ended = threading.Event()
        self.connections = self.pings = self.questions = 0
        self.port = 0

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

    def now(self) -> float:
        """Its Unix seconds."""
        return time.time() + self._ahead

    def break_connections(self) -> None:
        """As a network does: without a word."""
        with self._lock:
            for connection in self._subscribed:
                with suppress(OSError):
                    connection.socket.shutdown(socket.SHUT_RDWR)
            self._subscribed.clear()

    def serve(self, connection: ServerConnection) -> None:
        self.connections += 1
        with suppress(ConnectionClosed):
            for text in connection:
                if not self.manners.is_deaf:
                    self._answer(connection, json.loads(text))
        with self._lock:
            self._subscribed.pop(connection, None)

    def _answer(self, connection: ServerConnection, asked: dict[str, Any]) -> None:
        if asked["method"] == "ping":
            self.pings += 1
            connection.send('{"channel":"pong"}')
            return
        connection.send(json.dumps({"channel": "subscriptionResponse", "data": asked}))
        kind, coin = asked["subscription"]["type"], asked["subscription"]["coin"]
        assert coin == self.coin
        with self._lock:
            if kind == "trades":
                connection.send(self._message("trades", self._newest(self.manners.replay)))
            self._subscribed.setdefault(connection, set()).add(kind)

    def answer_question(self, client: socket.socket) -> None:
        """One HTTP request: POST /info."""
        with client.makefile("rb") as request:
            line = request.readline()
            length = 0
            while (header := request.readline().strip().lower()) != b"":
                if header.startswith(b"content-length:"):
                    length = int(header.split(b":")[1])
            asked = json.loads(request.read(length))
            assert line.startswith(b"POST /info "), line
            assert asked == {"type": "recentTrades", "coin": self.coin}
            self.questions += 1
            with self._lock:
                body = json.dumps(self._newest(self.manners.recent)).encode()
            head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            client.sendall(head.encode())
            if self.manners.answers_slowly:
                while body and not self._ended.wait(0.05):
                    client.sendall(body[:1])
                    body = body[1:]
            client.sendall(body)

    def run(self) -> None:
        """Make trades and tell them until the end."""
        due, top_due = self.now(), self.now()
        while not self._ended.wait(_STEP_SECONDS):
            now, rate = self.now(), self.manners.rate
            with self._lock:
                while rate and due <= now:
                    self._happen(due)
                    due += self._random.expovariate(rate)
                if not rate:
                    due = now
                self._tell(now)
                if self.manners.tells_tops and top_due <= now:
                    self._send("bbo", self._feed.top(int(now * 1000)))
                    top_due = now + _TOP_SECONDS

    def _happen(self, at: float) -> None:
        trade = self._feed.trade(int(at * 1000))
        self.trades.append(trade)
        self._held.append((at + self._random.random() * self.manners.disorder_seconds, trade))

    def _tell(self, now: float) -> None:
        told = [trade for at, trade in self._held if at <= now]
        if told:
            self._held = [(at, trade) for at, trade in self._held if at > now]
            self._send("trades", told)

    def _send(self, channel: str, data: Any) -> None:
        texts: list[str | bytes] = [self._message(channel, data)]
        if self._random.random() < self.manners.repeats:
            texts *= 2
        if self._random.random() < self.manners.garbage:
            texts.append(self._random.choice(GARBAGE))
        for connection, kinds in list(self._subscribed.items()):
            if channel in kinds and not self.manners.is_deaf:
                try:
                    for text in texts:
                        connection.send(text)
                except (ConnectionClosed, OSError):
                    self._subscribed.pop(connection, None)

    def _newest(self, count: int) -> list[dict[str, Any]]:
        return self.trades[::-1][:count]

    def _message(self, channel: str, data: Any) -> str:
        return json.dumps({"channel": channel, "data": data}, separators=(",", ":"))

    def end(self) -> None:
        self._ended.set()

    def connection(self, *arguments: Any, **options: Any) -> ServerConnection:
        return _Connection(self, *arguments, **options)

    def wait_before_close(self) -> None:
        if self.manners.closes_slowly:
            self._ended.wait(30)


class _Connection(ServerConnection):
    """One whose TCP connection may stay open long after the last word was said."""

    def __init__(self, venue: Venue, *arguments: Any, **options: Any) -> None:
        self._venue = venue
        super().__init__(*arguments, **options)

    def close_socket(self) -> None:
        self._venue.wait_before_close()
        super().close_socket()


@contextmanager
def running(
    manners: Manners | None = None,
    *,
    seed: int = 0,
    coin: str = "BTC",
    addresses: int = 2000,
    ahead_seconds: float = 0.0,
    port: int = 0,
) -> Iterator[Venue]:
    """A venue on this machine."""
    venue = Venue(manners or Manners(), seed=seed, coin=coin, addresses=addresses, ahead_seconds=ahead_seconds)
    with serve(
        venue.serve, "127.0.0.1", port, compression=None, close_timeout=1, create_connection=venue.connection
    ) as server:
        server.handler = _either(venue, server)
        venue.port = server.socket.getsockname()[1]
        threads = [threading.Thread(target=run) for run in (server.serve_forever, venue.run)]
        for thread in threads:
            thread.start()
        try:
            yield venue
        finally:
            venue.end()
            server.shutdown()
            for thread in threads:
                thread.join()


def _either(venue: Venue, server: Server) -> Callable[[socket.socket, Any], None]:
    """What serves a connection, by its first letter: a question begins with POST, a WebSocket with GET."""
    web_socket = server.handler

    def serve_one(client: socket.socket, address: Any) -> None:
        first = client.recv(1, socket.MSG_PEEK)
        if first == b"G" and not venue.manners.is_away:
            web_socket(client, address)
            return
        with client, suppress(OSError):
            if first == b"P" and not venue.manners.is_away:
                venue.answer_question(client)
        with server.lock:
            server.handler_threads.discard(threading.current_thread())

    return serve_one
