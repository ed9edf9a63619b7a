"""Catch-up: how fast a client comes from far back to the present, beside the reading alone, and what that costs others.

`python bench/resume.py [--ticks 30000] [--clients 1 20]` makes a recording, serves it live, and lets clients resume
from its beginning while a live client notes its longest wait.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import psutil
from crowd import HERE, Client

from recorder.tape.reader import read

_MARKET = {"IG_CAM_SEGMENT_SECONDS": "20", "IG_RING_TICKS": "1000", "IG_SECRET_KEY": "bench", "IG_SPEED": "1"}
GOAL = 20_000


def manage(environment: dict[str, str], *arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, str(HERE.parent / "manage.py"), *arguments]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


async def connect(port: int, query: str) -> Client:
    loop = asyncio.get_running_loop()
    opened = loop.create_future()
    head = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    key = "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    request = f"GET /ws/stream?{query} HTTP/1.1\r\nHost: x\r\n{head}{key}\r\n".encode()
    client = Client(request, opened, times=True)
    await loop.create_connection(lambda: client, "127.0.0.1", port)
    await opened
    return client


async def catch_up(server: psutil.Process, port: int, clients: int, ticks: int) -> None:
    live = await connect(port, "types=tick")
    await asyncio.sleep(1)
    memory, most = server.memory_info().rss, 0
    begun = time.monotonic()
    crowd = [await connect(port, "types=tick&since=-1") for _ in range(clients)]
    while min(client.messages for client in crowd) < ticks:
        await asyncio.sleep(0.02)
        most = max(most, server.memory_info().rss - memory)
    rate = clients * ticks / (time.monotonic() - begun)
    assert live.times is not None
    waits = [later - sooner for sooner, later in zip(live.times, live.times[1:], strict=False)]
    print(
        f"  {clients:4} clients: {rate:9,.0f} ticks/s in all (goal for one {GOAL:,}), {most / 1e6:.1f} MB more memory,"
        f" a live client waited {1000 * (max(waits) - 0.1):.0f} ms too long at worst",
        flush=True,
    )


async def main() -> None:
    parser = argparse.ArgumentParser(description="Catch-up from far back, beside the reading alone.")
    parser.add_argument("--ticks", type=int, default=30_000)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 20])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        store = Path(directory) / "store"
        paths = {"IG_CAM_STORE_DIR": str(store), "DATABASE_URL": f"sqlite:///{directory}/db.sqlite3"}
        environment = {**os.environ, **_MARKET, **paths, "PORT": str(port)}
        probe.close()
        manage(environment, "migrate").wait()
        manage(environment, "runmarket", "--ticks", str(options.ticks), "--speed", "0").wait()
        begun = time.monotonic()
        lines = sum(1 for _ in read(store, "ticks", -1))
        print(f"  reading alone: {lines / (time.monotonic() - begun):9,.0f} ticks/s")
        server = manage(environment, "live")
        try:
            await until_it_answers(port)
            for clients in options.clients:
                await catch_up(psutil.Process(server.pid), port, clients, options.ticks)
        finally:
            server.terminate()
            server.wait()


async def until_it_answers(port: int) -> None:
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).close()  # noqa: ASYNC210
            return
        except OSError:
            await asyncio.sleep(0.1)


if __name__ == "__main__":
    asyncio.run(main())
