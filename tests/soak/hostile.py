"""Clients that no server would wish for, from addresses of their own; one kind of attack after the other, many at once.

Run by the parent as `python -m tests.soak.hostile PLAN`.
"""

from __future__ import annotations

import asyncio
import json
import random
import socket
import struct
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.soak.child import Book, raise_descriptors, told_to_finish

_UPGRADE = (
    "GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
_ODD_REQUESTS = (
    b"GET /segment/ticks/..%2f..%2fetc%2fpasswd HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /incremental?from_t=%00&limit=99999999999999999999 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /range?t0=-1&t1=1e9 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /health?symbol=%ff%fe HTTP/1.1\r\nHost: \x00\xff\r\n\r\n",
    b"GET " + b"/" * 70_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"POST /api/v1/backtests HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 2000 + b"\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 200,
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET /api/v1/bars?from=nan&limit=-5&resolution=9x HTTP/1.1\r\nHost: localhost\r\n"
    b"X-Forwarded-For: 203.0.113.7:1\r\n\r\n",
)
#: Malformed frames: reserved bits, unmasked, control frames in fragments or too long, no text, a length of 2^63.
_ODD_FRAMES = (
    b"\xf1\x80\x00\x00\x00\x00",
    b"\x81\x04ping",
    b"\x09\x80\x00\x00\x00\x00",
    b"\x89\xfe\x01\x00\x00\x00\x00\x00" + b"x" * 256,
    b"\x81\x84\x00\x00\x00\x00\xff\xfe\xfd\xfc",
    b"\x81\xff\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" + b"x" * 2000,
    b"\x8f\x80\x00\x00\x00\x00",
    b"\x88\x81\x00\x00\x00\x00\x00",
    bytes(range(256)) * 8,
)
_PATHS = ("/ws/stream", "/market_data", "/api/v1/websocket")


class Hostile:
    """All attacks, chosen by one random generator; `flood` is the number of silent connections of the largest."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self._plan, self.book = plan, Book()
        self._rng = random.Random(f"{plan['seed']} hostile")
        self._hold = plan["hold_seconds"]
        self.attacks: dict[str, Callable[[], Awaitable[None]]] = {
            "silent": self.silent,
            "half open": self.half_open,
            "dripping headers": self.dripping_headers,
            "dripping body": self.dripping_body,
            "stalled": self.stalled,
            "ping flood": self.ping_flood,
            "odd frames": self.odd_frames,
            "odd requests": self.odd_requests,
            "huge messages": self.huge_messages,
            "odd options": self.odd_options,
            "flood": self.flood,
        }

    def _source(self) -> str:
        return f"127.0.{self._rng.randrange(1, 4)}.{self._rng.randrange(2, 60)}"

    async def _open(self, source: str | None = None, port: int | None = None, receive_bytes: int = 0) -> socket.socket:
        one = socket.socket()
        try:
            one.setblocking(False)
            if receive_bytes:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
            one.bind((source or self._source(), 0))
            where = ("127.0.0.1", port or self._rng.choice(self._plan["ports"]))
            async with asyncio.timeout(self._hold):
                await asyncio.get_running_loop().sock_connect(one, where)
        except BaseException:
            one.close()
            raise
        return one

    async def _read(self, one: socket.socket, seconds: float) -> bytes:
        """What comes until the other side ends it or the time is over; at most the first 64 KiB of it."""
        received, loop = b"", asyncio.get_running_loop()
        with suppress(TimeoutError, OSError):
            async with asyncio.timeout(seconds):
                while data := await loop.sock_recv(one, 1 << 16):
                    received += data if len(received) < 1 << 16 else b""
        return received

    async def _upgraded(self, path: str = "/ws/stream", source: str | None = None, **options: Any) -> socket.socket:
        one = await self._open(source, **options)
        await asyncio.get_running_loop().sock_sendall(one, _UPGRADE.format(path=path).encode())
        return one

    async def _held(self, sockets: list[socket.socket], what: str) -> None:
        """Hold silent connections until the server ends them, or for so long; count which it was."""
        begun = time.monotonic()
        ended = await asyncio.gather(*(self._until_closed(one) for one in sockets))
        self.book.count(f"{what}: cut by the server", sum(ended))
        self.book.count(f"{what}: held {self._hold:g} s", len(ended) - sum(ended))
        self.book.write("held", what=what, cut=sum(ended), of=len(ended), seconds=round(time.monotonic() - begun, 1))
        for one in sockets:
            _vanish(one)

    async def _until_closed(self, one: socket.socket) -> bool:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._hold):
                while await loop.sock_recv(one, 1 << 16):
                    pass
        except TimeoutError:
            return False
        except OSError:
            return True
        return True

    async def _many(self, count: int, opening: Callable[[], Awaitable[socket.socket]]) -> list[socket.socket]:
        opened = []
        for _ in range(count):
            try:
                opened.append(await opening())
            except (OSError, TimeoutError):
                self.book.count("refused at once")
        return opened

    # -- the attacks

    async def silent(self) -> None:
        source = self._source()
        await self._held(await self._many(self._rng.randrange(20, 60), lambda: self._open(source)), "silent")

    async def flood(self) -> None:
        port = self._rng.choice(self._plan["ports"])
        await self._held(await self._many(self._plan["flood"], lambda: self._open(port=port)), "flood")

    async def half_open(self) -> None:
        sockets = await self._many(10, self._open)
        for one in sockets:
            head = _UPGRADE.format(path=self._rng.choice(_PATHS)).encode()
            with suppress(OSError):
                await asyncio.get_running_loop().sock_sendall(one, head[: self._rng.randrange(1, len(head) - 1)])
        await self._held(sockets, "half open")

    async def dripping_headers(self) -> None:
        head = b"GET /health HTTP/1.1\r\nHost: localhost\r\n" + b"X-Long: y\r\n" * 100
        sockets = await self._many(8, self._open)
        await asyncio.gather(*(self._drip(one, head, "header") for one in sockets))

    async def dripping_body(self) -> None:
        head = b"POST /api/v1/backtests HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n\r\n"
        sockets = await self._many(8, self._open)
        for one in sockets:
            with suppress(OSError):
                await asyncio.get_running_loop().sock_sendall(one, head)
        await asyncio.gather(*(self._drip(one, b" " * 5000, "body") for one in sockets))

    async def _drip(self, one: socket.socket, data: bytes, what: str) -> None:
        loop, begun = asyncio.get_running_loop(), time.monotonic()
        try:
            for byte in data:
                await loop.sock_sendall(one, bytes((byte,)))
                await asyncio.sleep(0.3)
                if time.monotonic() > begun + self._hold:
                    self.book.count(f"dripping {what}: held {self._hold:g} s")
                    return
        except OSError:
            self.book.count(f"dripping {what}: cut by the server")
            self.book.write("held", what=f"dripping {what}", cut=1, of=1, seconds=round(time.monotonic() - begun, 1))
        finally:
            one.close()

    async def stalled(self) -> None:
        source = self._source()
        query = self._rng.choice(("", "?since=-1", "?types=frame"))
        opening = lambda: self._upgraded(f"/ws/stream{query}", source, receive_bytes=4096)  # noqa: E731
        sockets = await self._many(6, opening)
        await asyncio.sleep(self._hold)
        for one in sockets:
            _vanish(one)
        self.book.count("stalled", len(sockets))

    async def ping_flood(self) -> None:
        one = await self._upgraded(self._rng.choice(_PATHS))
        frame = self._rng.choice((b"\x81\x84\0\0\0\0ping", b"\x89\x80\0\0\0\0"))
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(self._hold):
                for _ in range(2000):
                    await asyncio.get_running_loop().sock_sendall(one, frame * 50)
        self.book.count("ping flood")
        _vanish(one)

    async def odd_frames(self) -> None:
        for frame in self._rng.sample(_ODD_FRAMES, 4):
            one = await self._upgraded(self._rng.choice(_PATHS))
            with suppress(OSError):
                await asyncio.get_running_loop().sock_sendall(one, frame)
                await self._read(one, 5)
            self.book.count("odd frames")
            one.close()

    async def odd_requests(self) -> None:
        for request in self._rng.sample(_ODD_REQUESTS, 4):
            one = await self._open()
            with suppress(OSError):
                await asyncio.get_running_loop().sock_sendall(one, request)
            status = (await self._read(one, 5))[:12]
            self.book.count(f"odd requests: {status[9:12].decode(errors='replace') or 'closed'}")
            if status.startswith(b"HTTP/1.1 5") and not status.endswith(b"503"):
                self.book.violation("hostile", f"status {status[9:].decode()}", repr(request[:80]))
            one.close()

    async def huge_messages(self) -> None:
        one = await self._upgraded(self._rng.choice(_PATHS))
        size = 20_000_000
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(self._hold):
                await asyncio.get_running_loop().sock_sendall(one, b"\x81\xff" + size.to_bytes(8) + bytes(4))
                for _ in range(size // 100_000):
                    await asyncio.get_running_loop().sock_sendall(one, b"x" * 100_000)
        self.book.count("huge messages")
        _vanish(one)

    async def odd_options(self) -> None:
        """64 sets of options from one address, each a stream that is read."""
        source = self._source()
        sockets: list[socket.socket] = []
        for every in range(100, 164):
            with suppress(OSError, TimeoutError):
                sockets.append(await self._upgraded(f"/ws/stream?every={every}", source))
        await asyncio.gather(*(self._read(one, self._hold) for one in sockets))
        self.book.count("odd options", len(sockets))
        for one in sockets:
            _vanish(one)

    # -- their life

    async def live(self) -> None:
        tasks = [asyncio.create_task(self._attack_on()) for _ in range(self._plan["attackers"])]
        flooding = asyncio.create_task(self._flood_now_and_then())
        await told_to_finish()
        for task in [*tasks, flooding]:
            task.cancel()
        found = await asyncio.gather(*tasks, flooding, return_exceptions=True)
        for error in found:
            if isinstance(error, Exception):
                self.book.violation("harness", "an attacker failed", repr(error))
        self.book.write("end", counts=self.book.counts)

    async def _attack_on(self) -> None:
        names = [name for name in self.attacks if name != "flood"]
        while True:
            await asyncio.sleep(self._rng.uniform(0, 2 * self._plan["attack_seconds"]))
            await self._attack(self._rng.choice(names))

    async def _flood_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(self._plan["flood_seconds"])
            await self._attack("flood")

    async def _attack(self, name: str) -> None:
        self.book.write("attack", what=name)
        with suppress(OSError, TimeoutError):
            await self.attacks[name]()


def _vanish(one: socket.socket) -> None:
    """Leave without a word: the other side sees a reset."""
    with suppress(OSError):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    one.close()


def main() -> None:
    raise_descriptors()
    asyncio.run(Hostile(json.loads(Path(sys.argv[1]).read_text())).live())


if __name__ == "__main__":
    main()
