"""The past beside the present: how late live messages are while many clients replay, from one run on one machine.

`python bench/past.py [--ticks 30000] [--replays 50] [--seconds 20]` makes a recording, serves it live, and lets clients
replay it at several speeds, in a process of their own that gives way to the others, while live clients note when each
tick came. It also compares one replay at speed 0 with `/range`.
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
from itertools import pairwise
from pathlib import Path

import psutil
from crowd import Client
from resume import connect, manage, until_it_answers

_MARKET = {"IG_CAM_SEGMENT_SECONDS": "20", "IG_RING_TICKS": "1000", "IG_SECRET_KEY": "bench", "IG_SPEED": "1"}
_TICK_SECONDS = 0.1
_LIVE_CLIENTS = 10


async def replaying(port: int, replays: int, speed: str) -> None:
    """Read replays until this process is ended; each second print how many messages came in all."""
    os.nice(10)  # they stand for other machines
    crowd = [await connect(port, f"types=tick,metric,frame&replay=0..&speed={speed}") for _ in range(replays)]
    while True:
        await asyncio.sleep(1)
        print(sum(client.messages for client in crowd), flush=True)


async def lag(port: int, server: psutil.Process, seconds: float) -> tuple[list[float], float]:
    """How many seconds late each live tick came by the one before, at every client; and the server's use of a core."""
    clients = [await connect(port, "types=tick") for _ in range(_LIVE_CLIENTS)]
    await asyncio.sleep(1)
    for client in clients:
        client.times = []
    begun, used = time.monotonic(), sum(server.cpu_times()[:2])
    await asyncio.sleep(seconds)
    cpu = (sum(server.cpu_times()[:2]) - used) / (time.monotonic() - begun)
    lags = list[float]()
    for client in clients:
        assert client.times
        # By the tick before: the market's own clock may slip once, and all ticks behind it then.
        lags += [max(0.0, after - before - _TICK_SECONDS) for before, after in pairwise(client.times)]
    return sorted(lags), cpu


async def beside(port: int, server: psutil.Process, replays: int, speed: str, seconds: float, alone: float) -> float:
    """Measure and print; returns the p99 in milliseconds. `alone` is that without replays, 0 to print no ratio."""
    command = [sys.executable, __file__, "--replaying", str(replays), "--port", str(port), "--speed", speed]
    crowd = subprocess.Popen(command, stdout=subprocess.PIPE, text=True) if replays else None  # noqa: ASYNC220
    before = server.memory_info().rss
    if crowd is not None:
        assert crowd.stdout is not None
        crowd.stdout.readline()
    lags, cpu = await lag(port, server, seconds)
    p50, p99 = (1000 * lags[int(len(lags) * part)] for part in (0.5, 0.99))
    line = f"  {replays:3} replays at speed {speed:>2}: live p50 {p50:6.1f} ms, p99 {p99:6.1f} ms"
    line += f" ({p99 / alone:.2f} x alone)" if alone else ""
    line += f", {100 * cpu:.0f} % of a core, {(server.memory_info().rss - before) / 1e6:+.0f} MB"
    if crowd is not None:
        crowd.terminate()
        counts = [int(text) for text in crowd.communicate()[0].split()]
        line += f", {(counts[-1] - counts[0]) / max(1, len(counts) - 1):,.0f} messages/s"
    print(line, flush=True)
    return p99


async def one_alone(port: int, ticks: int) -> None:
    """One replay as fast as it is read, beside the same part over HTTP."""
    begun = time.monotonic()
    client: Client = await connect(port, f"types=tick&replay=0..{ticks - 1}&speed=0")
    while client.messages < ticks:  # noqa: ASYNC110
        await asyncio.sleep(0.005)
    over_socket = ticks / (time.monotonic() - begun)
    begun = time.monotonic()
    url = f"http://127.0.0.1:{port}/range?t0=0&t1={ticks - 1}"
    lines = await asyncio.to_thread(lambda: sum(1 for _ in urllib.request.urlopen(url)))
    over_http = lines / (time.monotonic() - begun)
    print(f"  one at speed 0: {over_socket:,.0f} ticks/s; /range: {over_http:,.0f} ticks/s", flush=True)


async def main() -> None:
    parser = argparse.ArgumentParser(description="Live latency beside replays.")
    parser.add_argument("--ticks", type=int, default=30_000)
    parser.add_argument("--replays", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--replaying", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--speed", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.replaying is not None:
        await replaying(options.port, options.replaying, options.speed)
    with tempfile.TemporaryDirectory() as directory, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        store = Path(directory) / "store"
        paths = {"IG_CAM_STORE_DIR": str(store), "DATABASE_URL": f"sqlite:///{directory}/db.sqlite3"}
        environment = {**os.environ, **_MARKET, **paths, "PORT": str(port)}
        probe.close()
        manage(environment, "migrate").wait()
        manage(environment, "runmarket", "--ticks", str(options.ticks), "--speed", "0").wait()
        server = manage(environment, "live")
        try:
            await until_it_answers(port)
            process = psutil.Process(server.pid)
            await one_alone(port, options.ticks)
            alone = await beside(port, process, 0, "-", options.seconds, 0)
            for speed in ("1", "60", "0"):
                await beside(port, process, options.replays, speed, options.seconds, alone)
            await beside(port, process, 0, "-", options.seconds, alone)
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    asyncio.run(main())
