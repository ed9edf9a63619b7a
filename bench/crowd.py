"""A crowd of clients in one process, and the server it listens to; counts messages without decoding them."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import orjson

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from bench.stores import free_port  # noqa: E402
from camera.frame import frame_json  # noqa: E402
from camera.metric import metric_of  # noqa: E402
from camera.window import SlidingWindowCamera  # noqa: E402
from market.model.simulator import Simulator  # noqa: E402

_UPGRADE = (
    "GET /ws/stream{query} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n{headers}\r\n"
)


_EVENTS = "GET /stream{query} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n"


def real_moments(agents: int, count: int = 10) -> list[dict[str, str]]:
    """Moments as the pipeline makes them, the first with a frame: frame, metric, tick."""
    simulator, camera = Simulator(seed=1, agents=agents, fixed_agents=True), SlidingWindowCamera()
    moments: list[dict[str, str]] = []
    for t in range(300 + count):
        tick = simulator.step().placed(t, 1.7e9 + t / 10)
        camera.ingest(tick)
        snapshot = camera.maybe_shoot(t)
        moment = {} if snapshot is None else {"frame": frame_json(snapshot).decode()}
        moments.append({**moment, "metric": orjson.dumps(metric_of(tick)).decode(), "tick": tick.to_json().decode()})
    return moments[300:]


class Client(asyncio.Protocol):
    """Counts whole WebSocket messages; with `times` notes when each was there."""

    def __init__(self, request: bytes, opened: asyncio.Future[None], *, times: bool) -> None:
        self._request, self._opened = request, opened
        self.messages = self.bytes = 0
        self.times: list[float] | None = [] if times else None
        self._open = False
        self._head, self._left = b"", 0

    def connection_made(self, transport: Any) -> None:
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        if not self._open:
            self._head += data
            if b"\r\n\r\n" not in self._head:
                return
            head, _, data = self._head.partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 101"), head
            self._open, self._head = True, b""
            self._opened.set_result(None)
        self.bytes += len(data)
        self._count(data)

    def _count(self, data: bytes) -> None:
        at, end = 0, len(data)
        while True:
            if self._left:
                taken = min(self._left, end - at)
                self._left -= taken
                at += taken
                if self._left:
                    return
                self.messages += 1
                if self.times is not None:
                    self.times.append(time.monotonic())
            head = self._head + data[at : at + 10 - len(self._head)]
            if len(head) < 2 or len(head) < (width := {126: 4, 127: 10}.get(head[1], 2)):
                self._head = head
                return
            at += width - len(self._head)
            self._head = b""
            self._left = int.from_bytes(head[2:width]) if width > 2 else head[1]


class EventClient(Client):
    """Counts server-sent events, by their beginnings."""

    def data_received(self, data: bytes) -> None:
        self.bytes += len(data)
        seen = self._head + data
        if not self._open and b"\nid: " in seen:  # it is told where it is when it has joined
            assert seen.startswith(b"HTTP/1.1 200"), seen
            self._open = True
            self._opened.set_result(None)
        self.messages += seen.count(b"\nevent: ")
        self._head = seen[-7:] if self._open else seen


class Stage:
    """One of `servers.SERVERS` with moments to send, and clients that listen to it."""

    def __init__(self, name: str, moments: list[dict[str, str]], **env: str) -> None:
        self._directory = tempfile.TemporaryDirectory()
        directory = Path(self._directory.name)
        messages = directory / "messages"
        messages.write_text("\n".join(map(json.dumps, moments)))
        self.port = free_port()
        settings = {
            "IG_CAM_STORE_DIR": str(directory / "store"),
            "DATABASE_URL": f"sqlite:///{directory / 'site.sqlite3'}",
            "IG_MAX_CONNECTIONS": "10000",
            "IG_MAX_CONNECTIONS_PER_ADDRESS": "10000",
            "IG_SECRET_KEY": "bench",
        }
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "servers.py"), name, str(self.port), str(messages)],
            env={**os.environ, **settings, **env},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.clients: list[Client] = []
        self.sent = 0

    async def __aenter__(self) -> Stage:
        self.idle = await self._answer()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        self._directory.cleanup()

    async def connect(
        self, count: int, query: str = "", headers: str = "", *, times: bool = False, events: bool = False
    ) -> None:
        loop = asyncio.get_running_loop()
        request = (_EVENTS if events else _UPGRADE).format(query=query, headers=headers).encode()
        make = EventClient if events else Client
        for begin in range(0, count, 50):
            opened = [loop.create_future() for _ in range(min(50, count - begin))]
            for one in opened:
                client = make(request, one, times=times)
                await loop.create_connection(lambda client=client: client, "127.0.0.1", self.port)  # type: ignore[misc]
                self.clients.append(client)
            await asyncio.gather(*opened)

    async def command(self, text: str) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()
        return await self._answer()

    async def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = await asyncio.get_running_loop().run_in_executor(None, self.process.stdout.readline)
        if not line:
            raise ModuleNotFoundError("the server ended at once: is what it needs installed?")
        return dict(json.loads(line))

    async def send_in_step(self, seconds: float, ahead: int) -> tuple[float, float]:
        """Send for so long, never more than `ahead` messages before the slowest client; messages a second in all, and
        CPU seconds of the server for each."""
        cpu = (await self.command("send 0"))["cpu"]
        begun, before = time.monotonic(), sum(client.messages for client in self.clients)
        while (now := time.monotonic()) < begun + seconds:
            answer = await self.command(f"send {ahead // 2}")
            self.sent += ahead // 2
            while min(client.messages for client in self.clients) < self.sent - ahead // 2:
                await asyncio.sleep(0.0005)
                if time.monotonic() > now + 30:
                    raise TimeoutError("messages were lost")
        while min(client.messages for client in self.clients) < self.sent:  # noqa: ASYNC110
            await asyncio.sleep(0.0005)
        spent = time.monotonic() - begun
        answer = await self.command("send 0")
        messages = sum(client.messages for client in self.clients) - before
        return messages / spent, (answer["cpu"] - cpu) / messages
