"""The overview of recordings of 100,000, 1,000,000 and 10,000,000 ticks: whether it takes as long for each.

`python bench/overview.py` makes the digests of each by machine, as recording ten million ticks takes an hour, and
records one segment behind them, which has no digest yet. It then asks a server on each by turns.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import numpy as np
import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.stores import environment, free_port  # noqa: E402

_SYMBOL = "IG-USD"
_SEGMENT_TICKS, _STRIDE, _WINDOW = 3000, 10, 300
_BEGUN = 1_700_000_000.0
_HOLE_EVERY = 100  # segments
_GOAL_MS, _GOAL_BYTES = 50, 200_000
_PATIENCE_SECONDS = 120

#: What is asked for, by name; {t0} and {t1} are a random tenth of the recording.
QUESTIONS = {
    "`/overview`, all": "/overview",
    "`/overview`, all, 5,000 points": "/overview?points=5000",
    "`/overview`, a tenth": "/overview?t0={t0}&t1={t1}",
    "`/structure`, all, 4 measures": "/structure?measures=density,clustering,modularity,persistence",
}


# -- making


def fill(ticks: int, store: Path) -> None:
    """Makes the store's rows and digests; in a process of its own, with `environment`."""
    import django

    django.setup()
    from django.core.management import call_command

    from recorder.digests.digest import FRAMES, METRICS
    from recorder.digests.roll_up import roll_up
    from recorder.models import Market, Run, Segment
    from recorder.recovery.run_registry import CAMERA_SETTINGS

    call_command("migrate", verbosity=0)
    market = Market.objects.create(symbol=_SYMBOL)
    camera = dict(zip(CAMERA_SETTINGS, (_WINDOW, _STRIDE, 0.003, 2000, 5000, "mixed", 0.25), strict=True))
    run = Run.objects.create(
        market=market, first_t=0, start_ts=_BEGUN, tick_interval=0.1, source="simulator", settings=camera
    )
    last_t = _make_digests(market, run, store, ticks)
    for kind in (METRICS, FRAMES):
        roll_up(market, store, kind, coming=list(Segment.objects.of(market, kind)))
    _record(market, run, store, last_t + 1)


def _make_digests(market: Any, run: Any, store: Path, ticks: int) -> int:
    """Digests of finished segments whose files are not there; returns the last t."""
    from recorder.digests.digest_files import write_digest
    from recorder.models import Segment

    rng, rows, t = np.random.default_rng(1), [], 0
    for n in range(ticks // _SEGMENT_TICKS):
        hole = n % _HOLE_EVERY == _HOLE_EVERY - 1
        t += 1000 * hole
        for digest, kind in _of_segment(rng, t):
            if digest is not None:
                write_digest(store, digest)
            rows.append(_row(market, run, kind, t, int(hole)))
        t += _SEGMENT_TICKS
    Segment.objects.bulk_create(rows, batch_size=2000)
    return t - 1


def _of_segment(rng: Any, start_t: int) -> list[tuple[Any, str]]:
    from recorder.digests.digest import FRAMES, METRICS, Digest, Note, Rows
    from recorder.digests.metric_rows import NAMES
    from structure.measures import MEASURES

    t = np.arange(start_t, start_t + _SEGMENT_TICKS)
    walk = np.clip(0.5 + np.cumsum(rng.normal(0, 1e-4, t.size)), 0, 1)
    metrics = np.concatenate([walk[None], np.round(rng.random((len(NAMES) - 1, t.size)) * 100, 6)])
    frames_t = t[t % _STRIDE == 0]
    frames = Rows(MEASURES, frames_t, _BEGUN + frames_t / 10, np.round(rng.random((len(MEASURES), frames_t.size)), 6))
    name, shocks = _name(start_t), []
    for at in rng.choice(frames_t[1:], 2, replace=False).tolist():
        score = float(np.round(5 + rng.exponential(), 6))
        what = {"t": at - 3, "kind": "price", "size": -0.001234, "score": score, "frame_t": at}
        shocks.append(Note(at, score, what))
    of_metrics = Rows(NAMES, t, np.round(_BEGUN + t / 10, 6), metrics).buckets()
    return [
        (None, "ticks"),
        (Digest(METRICS, name, "", of_metrics), METRICS),
        (Digest(FRAMES, name, "", frames.buckets(), shocks, frames), FRAMES),
    ]


def _name(start_t: int) -> str:
    from recorder.segment.layout import make_name

    return make_name(_BEGUN + start_t / 10, start_t).lasting


def _row(market: Any, run: Any, kind: str, start_t: int, gaps: int) -> Any:
    from datetime import UTC, datetime

    from recorder.digests.digest import VERSIONS
    from recorder.models import Segment

    sealed = datetime.fromtimestamp(_BEGUN + (start_t + _SEGMENT_TICKS) / 10, UTC)
    size = {"lines": _SEGMENT_TICKS, "bytes": 1, "text_bytes": 1}
    place = {"name": _name(start_t), "start_t": start_t, "end_t": start_t + _SEGMENT_TICKS - 1}
    facts = {"pending": False, "gaps": gaps, "created_at": sealed, "digest": VERSIONS.get(kind, 0)}
    return Segment(market=market, run=run, kind=kind, **place, **size, **facts)


def _record(market: Any, run: Any, store: Path, first_t: int) -> None:
    """One segment of each kind as the recorder leaves it, without a digest."""
    import orjson

    from camera.frame import frame_json
    from camera.metric import metric_of
    from camera.window import SlidingWindowCamera
    from market.model.simulator import Simulator
    from recorder.manifest.row_writer import save_facts
    from recorder.tape.recording import Recording

    simulator, camera = Simulator(0), SlidingWindowCamera(_WINDOW, _STRIDE)
    recording = Recording(
        store,
        segment_seconds=3600,
        level=3,
        flush_seconds=1,
        clock=lambda: _BEGUN + first_t / 10,
        on_change=lambda facts: save_facts(market, run, facts),
    )
    for t in range(first_t, first_t + _SEGMENT_TICKS):
        tick = simulator.step().placed(t, round(_BEGUN + t / 10, 6))
        camera.ingest(tick)
        shot = camera.maybe_shoot(t)
        recording.write(t, tick.to_json(), orjson.dumps(metric_of(tick)), None if shot is None else frame_json(shot))
    recording.close()


# -- asking


class Served:
    """A server on a recording of so many ticks."""

    def __init__(self, directory: Path, ticks: int) -> None:
        self.ticks, self._port = ticks, free_port()
        self._environment = environment(directory, PORT=str(self._port))
        store = directory / "store"
        store.mkdir(parents=True)
        make = [sys.executable, __file__, "--fill", str(ticks), str(store)]
        subprocess.run(make, cwd=ROOT, env=self._environment, check=True)
        sizes = [path.stat().st_size for path in (store / "digests").rglob("*.zst")]
        self.file_bytes, self.rows_bytes = sum(sizes), (directory / "rows.sqlite3").stat().st_size
        self._log = (directory / "log").open("wb")
        command = [sys.executable, "manage.py", "serve", "--bind", "127.0.0.1"]
        self._process = psutil.Popen(command, cwd=ROOT, env=self._environment, stdout=self._log, stderr=self._log)
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                self.ask("/overview")
                return
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def ask(self, path: str) -> tuple[float, float, int]:
        """The milliseconds of an answer, by the clock and of the server's CPU, and its bytes."""
        spent, begun = sum(self._process.cpu_times()[:2]), time.perf_counter()
        with closing(HTTPConnection("127.0.0.1", self._port, timeout=_PATIENCE_SECONDS)) as connection:
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read()
        wall_ms = (time.perf_counter() - begun) * 1e3
        assert answer.status == 200, f"{path}: {answer.status} {body[:200]!r}"
        return wall_ms, (sum(self._process.cpu_times()[:2]) - spent) * 1e3, len(body)

    def end(self) -> None:
        self._process.terminate()
        self._process.wait()
        self._log.close()


def compare(servers: list[Served], rounds: int) -> bool:
    """Prints a line for each question; whether the goals were met by the longest recording."""
    rng, met = random.Random(1), True
    print("| asked | " + " | ".join(f"{server.ticks:,} ticks" for server in servers) + " |")
    print("|---|" + "---|" * len(servers))
    for name, path in QUESTIONS.items():
        found: list[list[tuple[float, float, int]]] = [[] for _ in servers]
        for turn in range(-3, rounds):
            for server, answers in zip(servers, found, strict=True):
                t0 = rng.randrange(9 * server.ticks // 10)
                answer = server.ask(path.format(t0=t0, t1=t0 + server.ticks // 10))
                if turn >= 0:
                    answers.append(answer)
        medians = [[statistics.median(column) for column in zip(*answers, strict=True)] for answers in found]
        cells = [f"{wall:.0f} ms, CPU {cpu:.0f} ms, {size / 1000:,.0f} kB" for wall, cpu, size in medians]
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)
        if path == "/overview":
            met = medians[-1][0] <= _GOAL_MS and medians[-1][2] <= _GOAL_BYTES
    for server in servers:
        mega = (server.file_bytes / 1e6, server.rows_bytes / 1e6)
        print(f"{server.ticks:,} ticks: digests {mega[0]:,.1f} MB, database {mega[1]:,.1f} MB")
    return met


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ticks", type=int, nargs="+", default=[100_000, 1_000_000, 10_000_000])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--fill", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.fill:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "igsite.settings")
        fill(int(arguments.fill[0]), Path(arguments.fill[1]))
        return
    with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
        servers = []
        for ticks in arguments.ticks:
            servers.append(Served(Path(directory) / str(ticks), ticks))
            stack.callback(servers[-1].end)
        sys.exit(not compare(servers, arguments.rounds))


if __name__ == "__main__":
    main()
