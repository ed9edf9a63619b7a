"""Whether clients lose or repeat anything: many of them, and each goes on with `since` when its connection ends.

`python deploy/watch.py wss://market.example.org/ws/stream --clients 500` follows the ticks of a market until Ctrl-C, or
for `--seconds`, while processes are restarted, moved or updated. It says each five seconds what was heard, and ends
with status 1 if any client missed a tick or heard one twice.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import re
import signal
import ssl
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from marketcamera.backoff import Backoff

_REPORT_SECONDS = 5.0
_OPEN_SECONDS = 30.0
#: A server that has nothing to send sends a heartbeat in half this time.
_SILENCE_SECONDS = 60.0
#: Clients that connect at once when all begin, so that handshakes do not delay each other beyond all bounds.
_AT_ONCE = 100

_TYPE_AND_T = re.compile(r'\{"type":"(tick|gap|caught_up|error)"(?:,"t":(\d+))?')
_STORE = re.compile(r'"store":"([0-9a-f]{32})"')


@dataclass
class Book:
    """What all clients heard together."""

    #: When the first client heard each of the newest ticks, by the monotonic clock.
    first_heard: dict[int, float] = field(default_factory=dict)
    #: Milliseconds behind the first client, rounded up: how many ticks came so late.
    delays_ms: Counter[int] = field(default_factory=Counter)
    ticks: int = 0
    lost: int = 0
    repeated: int = 0
    gaps: int = 0
    #: Clients that were told that the market has another recording now, and began it from its beginning.
    begun_anew: int = 0
    longest_silence: float = 0.0
    #: Why connections ended, or could not be opened.
    endings: Counter[str] = field(default_factory=Counter)

    def heard(self, t: int, is_live: bool) -> None:
        now = time.monotonic()
        self.ticks += 1
        first = self.first_heard.setdefault(t, now)
        if is_live:
            self.delays_ms[math.ceil((now - first) * 1000)] += 1
        while len(self.first_heard) > 10_000:
            del self.first_heard[next(iter(self.first_heard))]

    def delay_ms(self, share: float) -> int:
        """What this share of ticks came within, after the first client heard them."""
        left = share * self.delays_ms.total()
        for delay in sorted(self.delays_ms):
            left -= self.delays_ms[delay]
            if left <= 0:
                return delay
        return 0


class Client:
    """One that resumes: whatever ends its connection, it asks for what came after its last tick."""

    def __init__(self, url: str, book: Book, tls: ssl.SSLContext | None, source: str | None, opening: Any) -> None:
        self._url, self._book, self._tls, self._source, self._opening = url, book, tls, source, opening
        self.last_t: int | None = None
        self.connections = 0
        self.is_connected = self.is_live = False
        self._store = ""
        self._heard_at: float | None = None

    async def run(self) -> None:
        backoff = Backoff()
        while True:
            try:
                await self._follow(backoff)
                ending = "closed"
            except (OSError, TimeoutError, WebSocketException) as error:
                ending = str(error) or type(error).__name__
            finally:
                self.is_connected = self.is_live = False
            self._book.endings[ending] += 1
            await asyncio.sleep(backoff.next_seconds())

    async def _follow(self, backoff: Backoff) -> None:
        options: dict[str, Any] = {"max_size": None, "compression": None, "ping_interval": None, "ssl": self._tls}
        if self._source is not None:
            options["local_addr"] = (self._source, 0)
        async with self._opening:
            socket = await connect(self._address(), open_timeout=_OPEN_SECONDS, close_timeout=1, **options)
        self.connections += 1
        self.is_connected, self.is_live = True, self.last_t is None
        try:
            while True:
                async with asyncio.timeout(_SILENCE_SECONDS):
                    self._take(str(await socket.recv()))
                backoff.succeeded()
        finally:
            await socket.close()

    def _address(self) -> str:
        given = "types=tick"
        if self.last_t is not None:
            given += f"&since={self.last_t}" + (f"&store={self._store}" if self._store else "")
        return self._url + ("&" if urlsplit(self._url).query else "?") + given

    def _take(self, text: str) -> None:
        match = _TYPE_AND_T.match(text)
        if match is None:
            return
        kind, t = match.groups()
        if kind == "tick":
            self._tick(int(t))
        elif kind == "caught_up":
            found = _STORE.search(text)
            self._store = found.group(1) if found else self._store
            self.is_live = True
        elif '"reason":"store_changed"' in text:
            self._begin_anew(text)
        elif kind == "gap":
            self._book.gaps += 1
            print(f"  told as missing: {text}", file=sys.stderr)
        else:
            self._book.endings[text] += 1

    def _begin_anew(self, text: str) -> None:
        """Another recording has a t of its own, which says nothing of what was lost or repeated in the one before."""
        self._book.begun_anew += 1
        self._book.first_heard.clear()
        self.last_t, self._store, self.is_live = None, _STORE.search(text)[1], False  # type: ignore[index]
        print(f"  begun anew: {text}", file=sys.stderr)

    def _tick(self, t: int) -> None:
        now, book = time.monotonic(), self._book
        if self.last_t is not None and t <= self.last_t:
            book.repeated += 1
            return
        if self.last_t is not None:
            book.lost += t - self.last_t - 1
        if self._heard_at is not None:
            book.longest_silence = max(book.longest_silence, now - self._heard_at)
        self.last_t, self._heard_at = t, now
        book.heard(t, self.is_live)


def summary(clients: list[Client], book: Book) -> str:
    last = [client.last_t for client in clients if client.last_t is not None]
    reconnections = sum(max(0, client.connections - 1) for client in clients)
    connected = sum(client.is_connected for client in clients)
    return (
        f"{connected} of {len(clients)} clients connected, {book.ticks} ticks heard, {book.lost} lost,"
        f" {book.repeated} repeated, {book.gaps} gaps told, {book.begun_anew} begun anew,"
        f" {reconnections} reconnections, longest silence {book.longest_silence:.1f} s,"
        f" behind the first client p50 {book.delay_ms(0.5)} ms p99 {book.delay_ms(0.99)} ms,"
        f" last t {min(last, default=-1)} to {max(last, default=-1)}"
    )


async def watch(options: argparse.Namespace) -> int:
    book, opening, over = Book(), asyncio.Semaphore(_AT_ONCE), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, over.set)
    tls = _tls(options)
    clients = [Client(options.url, book, tls, _source(options, n), opening) for n in range(options.clients)]
    tasks = [asyncio.create_task(client.run()) for client in clients]
    ends_at = time.monotonic() + options.seconds
    while not over.is_set() and (left := ends_at - time.monotonic()) > 0:
        try:
            await asyncio.wait_for(over.wait(), min(_REPORT_SECONDS, left))
        except TimeoutError:
            print(time.strftime("%H:%M:%S"), summary(clients, book), flush=True)
        for broken in (task for task in tasks if task.done()):
            broken.result()
    said = summary(clients, book)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for ending, times in book.endings.most_common(10):
        print(f"  {times} x {ending[:200]}")
    print(said)
    unheard = any(client.last_t is None for client in clients)
    return 1 if book.lost or book.repeated or book.gaps or book.begun_anew or unheard else 0


def _tls(options: argparse.Namespace) -> ssl.SSLContext | None:
    if not options.url.startswith("wss:"):
        return None
    context = ssl.create_default_context(cafile=options.ca)
    if options.insecure:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _source(options: argparse.Namespace, number: int) -> str | None:
    """On the server's machine: an address for each fifty, since one may have a hundred (the limit of an address)."""
    return f"127.0.1.{1 + number // 50 % 250}" if options.loopback else None


def main() -> None:
    parser = argparse.ArgumentParser(description="Whether clients lose or repeat anything.")
    parser.add_argument("url", help="ws://… or wss://… of /ws/stream")
    parser.add_argument("--clients", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=math.inf, help="how long; without it until Ctrl-C")
    parser.add_argument("--ca", help="a file of certificates to trust: that of the server, if it is self-signed")
    parser.add_argument("--insecure", action="store_true", help="believe any certificate")
    parser.add_argument("--loopback", action="store_true", help="on the server's own machine: from many addresses")
    sys.exit(asyncio.run(watch(parser.parse_args())))


if __name__ == "__main__":
    main()
