"""Tables: how fast a million ticks become Parquet, Arrow and CSV, over HTTP and in a folder, and in how much memory.

`python bench/export.py [--ticks 1000000]` records that many ticks of 10 agents, serves them live, and takes tables of a
tenth of them and of all of them from `/export`: memory is bounded where both need the same. Then `manage.py export`
makes a folder. CPU time is that of the server's process, or of the command's.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import psutil
from stores import environment, fill, free_port

MANAGE = str(Path(__file__).resolve().parent.parent / "manage.py")

#: (table, format) that are taken from the server.
ANSWERS = (("ticks", "parquet"), ("agents", "parquet"), ("agents", "arrow"), ("agents", "csv"))
_PIECE_BYTES = 1 << 20
#: Different ticks; the tape repeats them at other t.
_DIFFERENT = 5_000
#: Ticks that are made to rows in two ways.
_BESIDE = 20_000


def record(directory: Path, ticks: int) -> Iterator[int]:
    """In a process of its own: the ticks, in segments of 100,000, with the rows of a market."""
    from market.model.simulator import Simulator
    from recorder.manifest.row_writer import save_facts
    from recorder.models import Market
    from recorder.tape.recording import Recording

    market = Market.objects.create(symbol="IG-USD")
    simulator = Simulator(0, agents=10)
    made = [simulator.step() for _ in range(_DIFFERENT)]
    clock = _Clock()
    for first_t in range(0, ticks, 100_000):
        recording = Recording(
            directory / "store", segment_seconds=1e9, level=3, flush_seconds=1e9, clock=clock,
            on_change=lambda facts: save_facts(market, None, facts),
        )  # fmt: skip
        for t in range(first_t, min(ticks, first_t + 100_000)):
            recording.write(t, made[t % _DIFFERENT].placed(t, round(1.7e9 + t / 10, 6)).to_json(), None, None)
        recording.close()
        clock.now += 300
        yield min(ticks, first_t + 100_000)


class _Clock:
    now = 1.7e9

    def __call__(self) -> float:
        return self.now


class Watched:
    """The CPU time and the greatest memory of a process, from here to the end of the block."""

    def __init__(self, process: psutil.Process) -> None:
        self._process, self._ended = process, threading.Event()

    def __enter__(self) -> Watched:
        self.begun, self._cpu = time.monotonic(), self._seconds()
        self.before_bytes = self.most_bytes = self._process.memory_info().rss
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def _look(self) -> None:
        while not self._ended.wait(0.02):
            self.most_bytes = max(self.most_bytes, self._process.memory_info().rss)

    def _seconds(self) -> float:
        times = self._process.cpu_times()
        return times.user + times.system

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        self._thread.join()
        self.seconds, self.cpu_seconds = time.monotonic() - self.begun, self._seconds() - self._cpu


def take(server: psutil.Process, port: int, table: str, form: str, ticks: int) -> None:
    url = f"http://127.0.0.1:{port}/export?kind={table}&format={form}&t1={ticks - 1}"
    with Watched(server) as watched, urllib.request.urlopen(url) as answer:
        size = sum(map(len, iter(lambda: answer.read(_PIECE_BYTES), b"")))
    print(
        f"  {table:8} {form:8} of {ticks:9,} ticks: {ticks / watched.cpu_seconds:9,.0f} ticks a CPU second,"
        f" {size / ticks:6.1f} B a tick, {(watched.most_bytes - watched.before_bytes) / 1e6:6.1f} MB more memory,"
        f" {watched.most_bytes / 1e6:5.0f} MB at most",
        flush=True,
    )


def serve(directory: Path, ticks: int) -> None:
    port = free_port()
    settings = environment(directory, PORT=str(port), IG_HEAD_START="0", IG_SPEED="0.1")
    command = [sys.executable, MANAGE, "live"]
    with subprocess.Popen(command, env=settings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as live:
        try:
            _wait_for(port)
            server = psutil.Process(live.pid)
            for table, form in ANSWERS:
                for count in (ticks // 10, ticks):
                    take(server, port, table, form, count)
        finally:
            live.terminate()


def _wait_for(port: int) -> None:
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health").close()
            return
        except OSError:
            time.sleep(0.2)


def folder(directory: Path, ticks: int) -> None:
    kinds = ["ticks", "agents", "actions", "matches"]
    chosen = [word for kind in kinds for word in ("--kind", kind)]
    arguments = [MANAGE, "export", str(directory / "out"), *chosen, "--t1", str(ticks - 1)]
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    child = subprocess.Popen([sys.executable, *arguments], env=environment(directory), **silent)
    _, status, usage = os.wait4(child.pid, 0)
    assert status == 0, f"manage.py export ended with {status}"
    size = sum(path.stat().st_size for path in (directory / "out").rglob("*.parquet"))
    cpu_seconds = usage.ru_utime + usage.ru_stime
    print(
        f"  a folder of {', '.join(kinds)}: {len(kinds) * ticks / cpu_seconds:,.0f} ticks a CPU second and table,"
        f" {size / ticks:.1f} B a tick in all, {usage.ru_maxrss / 1e3:.0f} MB at most"
    )


def beside(directory: Path) -> None:
    """Rows of agents by `marketcamera.tables`, and by orjson and lists of Python objects, of the same lines."""
    import orjson
    import pyarrow

    from marketcamera.tables.arrow import schema_of
    from marketcamera.tables.batches import batches
    from recorder.tape.reader import read

    lines = [line.text for line in read(directory / "store", "ticks", -1, _BESIDE)]

    def by_lists() -> int:
        rows = [
            {"t": tick["t"], "ts": round(tick["ts"] * 1e6), "agent_id": agent["id"], "experience": agent["experience"]}
            for tick in map(orjson.loads, lines)
            for agent in tick["agents"]
        ]
        return int(pyarrow.Table.from_pylist(rows, schema_of("agents")).num_rows)

    def by_tables() -> int:
        return sum(batch.num_rows for batch in batches("agents", lines))

    assert by_lists() == by_tables()
    ours, theirs = (min(_cpu_seconds(work) for _ in range(3)) for work in (by_tables, by_lists))
    print(
        f"  lines to rows of agents: {len(lines) / ours:,.0f} ticks a CPU second, orjson and lists"
        f" {len(lines) / theirs:,.0f}; ours is {theirs / ours:.2f} x"
    )


def _cpu_seconds(work: Callable[[], int]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description="How fast ticks become tables, and in how much memory.")
    parser.add_argument("--ticks", type=int, default=1_000_000)
    parser.add_argument("--fill", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.fill is not None:
        fill(record(options.fill, options.ticks), options.ticks)
        return
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        filling = [sys.executable, __file__, "--ticks", str(options.ticks), "--fill", name]
        subprocess.run(filling, env=environment(directory), check=True)
        text_bytes = sum(path.stat().st_size for path in (directory / "store" / "ticks").iterdir())
        print(f"  the recording has {text_bytes / options.ticks:.1f} B a tick on disk", flush=True)
        beside(directory)
        serve(directory, options.ticks)
        folder(directory, options.ticks)


if __name__ == "__main__":
    main()
