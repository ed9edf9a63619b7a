"""Measures one web process with many subscribers: memory, processor and the age of a price when it arrives.

    .venv/bin/python bench/subscribe.py --connections 1000 --symbols 50 --rate 1 --seconds 15

Starts a Redis, a server on a throw-away store and a publisher that plays `--symbols` markets, each with `--rate`
prices a second; every connection subscribes to every symbol. One connection in fifty reads what it gets, the others
count bytes.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from channels_redis.pubsub import RedisPubSubChannelLayer  # noqa: E402

from streaming.protocol import messages_in  # noqa: E402
from tests.processes import Live, Site, make_migrated, wait_until  # noqa: E402
from tests.services import redis_server  # noqa: E402

_READING = 50


class Subscriber(asyncio.Protocol):
    """A WebSocket client with as little of its own work as possible."""

    def __init__(self, token: str, symbols: list[str], ages: list[float] | None) -> None:
        self._token, self._symbols, self._ages = token, symbols, ages
        self.bytes = 0
        self._rest = b""
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(
            f"GET /api/v1/websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
            f"Authorization: Bearer {self._token}\r\n\r\n".encode()
        )

    def connection_lost(self, error: Exception | None) -> None:
        if not self.ready.done():
            self.ready.set_exception(ConnectionError(f"refused: {self._rest[:200]!r}"))

    def data_received(self, data: bytes) -> None:
        self.bytes += len(data)
        if not self.ready.done():
            self._open(data)
        elif self._ages is not None:
            self._read(data)

    def _open(self, data: bytes) -> None:
        self._rest += data
        if b"\r\n\r\n" in self._rest:
            self._rest = self._rest.partition(b"\r\n\r\n")[2]
            for symbol in self._symbols:
                message = {"type": "subscribe", "channel": "market_data", "symbol": symbol}
                self._transport.write(_masked(json.dumps(message).encode()))
            self.ready.set_result(None)

    def _read(self, data: bytes) -> None:
        now, whole = time.time(), self._rest + data
        end = _end_of_whole(whole)
        for payload, _ in messages_in(whole[:end]):
            message = json.loads(payload)
            if message["type"] == "market_data" and self._ages is not None:
                self._ages.append(now - message["data"]["timestamp"])
        self._rest = whole[end:]


def _masked(payload: bytes) -> bytes:
    """A client's text frame with the mask 0, which changes nothing."""
    assert len(payload) < 126
    return bytes((0x81, 0x80 | len(payload), 0, 0, 0, 0)) + payload


def _end_of_whole(data: bytes) -> int:
    at = 0
    while at + 4 <= len(data):
        size, head = data[at + 1], 2
        if size == 126:
            size, head = int.from_bytes(data[at + 2 : at + 4]), 4
        if at + head + size > len(data):
            break
        at += head + size
    return at


async def publish(redis: str, symbols: list[str], rate: float, seconds: float) -> None:
    """Play the markets, their prices spread evenly over each period."""
    layer = RedisPubSubChannelLayer(hosts=[redis])
    begun, sent = time.monotonic(), 0
    while (due := begun + sent / (rate * len(symbols))) < begun + seconds:
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        day = {
            "timestamp": time.time(),
            "price": 50000.25,
            "open": 50000.0,
            "high": 51000.5,
            "low": 49000.75,
            "volume": 12.0,
        }
        status = {"running": False, "start_ts": 0.0, "ticks": 0, "seed": 0, "silence_seconds": 10.0, "segment": None}
        message = {"type": "moment", "t": None, "tick": None, "metric": None, "frame": None}
        more = {"seen": {"bars": {"day": day}}, "status": {**status, "recording": False}}
        await layer.group_send(f"market.{symbols[sent % len(symbols)]}", {**message, **more})
        sent += 1


async def measure(live: Live, token: str, symbols: list[str], arguments: argparse.Namespace, redis: str) -> None:
    loop = asyncio.get_running_loop()
    server = psutil.Process(live.process.pid)
    before = server.memory_info().rss
    ages: list[float] = []
    clients = []
    begun = time.monotonic()
    for i in range(arguments.connections):
        read = ages if i % _READING == 0 else None
        _, client = await loop.create_connection(
            lambda read=read: Subscriber(token, symbols, read), "127.0.0.1", live.port
        )
        clients.append(client)
        await client.ready
    seconds = time.monotonic() - begun
    print(f"{len(clients)} connections with {len(symbols)} subscriptions each in {seconds:.1f} s")
    await asyncio.sleep(3)
    joined = server.memory_info().rss
    each = (joined - before) / len(clients) / 1024
    print(f"memory {before / 2**20:.0f} -> {joined / 2**20:.0f} MiB, {each:.1f} KiB each")
    command = [__file__, "--publish", redis, "--symbols", len(symbols), "--rate", arguments.rate, "--seconds"]
    source = await asyncio.create_subprocess_exec(sys.executable, *map(str, [*command, arguments.seconds]))
    await asyncio.sleep(2)
    ages.clear()
    bytes_before, cpu_before, begun = sum(c.bytes for c in clients), sum(server.cpu_times()[:2]), time.monotonic()
    await asyncio.sleep(arguments.seconds - 3)
    seconds = time.monotonic() - begun
    cpu = sum(server.cpu_times()[:2]) - cpu_before
    heard = len(ages) * _READING / seconds
    megabytes = (sum(c.bytes for c in clients) - bytes_before) / seconds / 1e6
    print(f"about {heard:.0f} messages/s, {megabytes:.1f} MB/s; server {100 * cpu / seconds:.0f} % of a core")
    cuts = statistics.quantiles(ages, n=100)
    print(f"age on arrival: median {cuts[49] * 1e3:.0f} ms, p95 {cuts[94] * 1e3:.0f} ms, p99 {cuts[98] * 1e3:.0f} ms, "
          f"most {max(ages) * 1e3:.0f} ms; memory {server.memory_info().rss / 2**20:.0f} MiB")  # fmt: skip
    await source.wait()


def run(arguments: argparse.Namespace, symbols: list[str]) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    with tempfile.TemporaryDirectory() as name, redis_server(Path(name)) as redis:
        site = Site(Path(name), make_migrated(Path(name) / "migrated.sqlite3"))
        rows = f"from recorder.models import Market; [Market.objects.create(symbol=s) for s in {symbols}]"
        assert site.run("shell", "-c", rows).returncode == 0
        token = site.run("createtoken", "bench").stdout.strip()
        env = {"REDIS_URL": redis, "IG_SYMBOL": symbols[0], "IG_API_CONNECTIONS": arguments.connections}
        # These clients answer no pings.
        live = site.serve(
            "serve", "--ping-interval", "3600", **env, IG_API_SUBSCRIPTIONS=len(symbols), IG_API_MESSAGES_A_SECOND=1000
        )
        try:
            wait_until(lambda: f'symbol="{symbols[-1]}"' in live.ask("/metrics").body.decode(), "all markets")
            asyncio.run(measure(live, token, symbols, arguments, redis))
        finally:
            site.end()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, default=1000)
    parser.add_argument("--symbols", type=int, default=50)
    parser.add_argument("--rate", type=float, default=1.0, help="prices a second and symbol")
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--publish", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    symbols = [f"S{i}" for i in range(arguments.symbols)]
    if arguments.publish:
        asyncio.run(publish(arguments.publish, symbols, arguments.rate, arguments.seconds))
    else:
        run(arguments, symbols)


if __name__ == "__main__":
    main()
