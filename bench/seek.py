"""Seeking: `/incremental?limit=100` anywhere in a long recording, beside the same in one of a tenth of the length.

`python bench/seek.py [--ticks 1000000] [--agents 74]` makes both recordings, leaves each as a crash would, starts a
server on each, asks them by turns over HTTP, and prints how long the starts and the answers took.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.stores import environment, fill, free_port  # noqa: E402

#: Different ticks that recordings are made of; so many that no zstd window holds one twice.
_DIFFERENT = 2048
_SEGMENT_SECONDS = 300
_START_SECONDS = 60
_IDLE_PERCENT = 40.0


def bodies(agents: int) -> list[bytes]:
    """Ticks of a real market, without their t and ts."""
    from market.model.simulator import Simulator

    simulator = Simulator(seed=1, agents=agents, fixed_agents=True)
    ticks = (simulator.step().placed(0, 0.0).to_json() for _ in range(_DIFFERENT))
    return [tick[tick.index(b',"s":') :] for tick in ticks]


def record(directory: Path, texts: list[bytes], ticks: int) -> Iterator[int]:
    """Records ticks at ten a second of market time, with rows; the last segment stays open. How many are done."""
    from recorder.manifest.row_writer import save_facts
    from recorder.models import Market
    from recorder.segment.writer import ZstdSegmentWriter

    market, now = Market.objects.create(symbol="IG-USD"), time.time() - ticks / 10
    writer = ZstdSegmentWriter(
        "ticks",
        directory,
        _SEGMENT_SECONDS,
        3,
        clock=lambda: now,
        on_change=lambda facts: None if facts.pending else save_facts(market, None, facts),
    )
    for t in range(ticks):
        now += 0.1
        writer.roll_if_needed(t)
        writer.write_jsonline(b'{"type":"tick","t":%d,"ts":%.1f%b' % (t, now, texts[t % _DIFFERENT]), t)
        yield t + 1
    writer.flush()


def make_store(directory: Path, agents: int, ticks: int) -> None:
    """In a process of its own, whose settings name the store."""
    fill(record(directory, bodies(agents), ticks), ticks)


class Server:
    """`manage.py live` on a recording; `start_seconds` is how long it took to answer."""

    def __init__(self, directory: Path, ticks: int, agents: int) -> None:
        self.store, self.ticks = directory / "store", ticks
        self.port = free_port()
        # A small ring: it is the recording that is to be read.
        self._environment = environment(directory, IG_RING_TICKS="1000", PORT=str(self.port))
        code = f"from bench.seek import make_store, Path; make_store(Path({str(self.store)!r}), {agents}, {ticks})"
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=self._environment, check=True)
        self._log = directory / "log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        begun = time.monotonic()
        command = [sys.executable, "manage.py", "live", "--bind", "127.0.0.1"]
        log = self._log.open("wb")
        self._process = subprocess.Popen(command, cwd=ROOT, env=self._environment, stdout=log, stderr=log)
        while not self._has_ticked():
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < begun + _START_SECONDS, "the server does not answer"
            time.sleep(0.02)
        self.start_seconds = time.monotonic() - begun
        self._connection = HTTPConnection("127.0.0.1", self.port)

    def settle(self) -> None:
        """Let a first start do what it does once for a recording that it did not make, such as its bars; then crash."""
        self.start()
        process = psutil.Process(self._process.pid)
        process.cpu_percent()
        while process.cpu_percent(interval=1) > _IDLE_PERCENT:
            pass
        self._process.kill()
        self._process.wait()

    def ask(self, from_t: int) -> float:
        """Milliseconds from the request to the whole of its answer."""
        begun = time.perf_counter()
        self._connection.request("GET", f"/incremental?from_t={from_t}&limit=100")
        body = self._connection.getresponse().read()
        milliseconds = (time.perf_counter() - begun) * 1e3
        answer = json.loads(body)
        ts = [tick["t"] for tick in answer["data"]]
        assert ts == list(range(from_t + 1, from_t + 101)), f"behind t={from_t}: {ts[:3]} …, {answer.get('gap')}"
        return milliseconds

    def end(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()

    def _has_ticked(self) -> bool:
        """Whether there is a first tick behind the recording."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=_START_SECONDS)
        try:
            connection.request("GET", f"/incremental?from_t={self.ticks - 1}&limit=1")
            return bool(json.loads(connection.getresponse().read())["data"])
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()


def measure(servers: list[Server], requests: int) -> list[list[float]]:
    """Milliseconds of each server's answers, sorted; asked by turns at random positions."""
    rng = random.Random(1)
    for server in servers:
        for _ in range(20):
            server.ask(rng.randrange(server.ticks - 101))
    taken = [[server.ask(rng.randrange(-1, server.ticks - 101)) for server in servers] for _ in range(requests)]
    return [sorted(one) for one in zip(*taken, strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(description="How long it takes to read 100 ticks anywhere in a recording.")
    parser.add_argument("--ticks", type=int, default=1_000_000, help="in the long recording; the short has a tenth")
    parser.add_argument("--agents", type=int, default=74)
    parser.add_argument("--requests", type=int, default=400, help="to each server")
    options = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="market-camera-seek-"))
    servers = []
    try:
        for ticks in (options.ticks // 10, options.ticks):
            place = directory / str(ticks)
            place.mkdir()
            servers.append(Server(place, ticks, options.agents))
        for server in servers:
            server.settle()
        for server in servers:
            server.start()
        taken = measure(servers, options.requests)
    finally:
        for server in servers:
            server.end()
        shutil.rmtree(directory, ignore_errors=True)
    for server, milliseconds in zip(servers, taken, strict=True):
        p95 = milliseconds[int(len(milliseconds) * 0.95)]
        print(
            f"{server.ticks:,} ticks of {options.agents} agents: p50 {statistics.median(milliseconds):.1f} ms,"
            f" p95 {p95:.1f} ms (goal 20); first tick {server.start_seconds:.2f} s after the start"
        )
    short, long = taken
    print(f"ten times the history: {statistics.median(long) / statistics.median(short):.2f} x the time (goal 1.3)")


if __name__ == "__main__":
    main()
