"""Film and record: camera, encoding and recording against the floor of serialising and compressing the same bytes.

`python bench/film.py [--agents 74 300] [--ticks 3000]` prints CPU time a tick (all threads) of both by turns, the
median of their ratios, and how long the tick tape became; then what a stride with its frame costs in a long window,
beside a short one, and what the frame alone costs and how large it is. `--traders 20` films addresses of whom twenty
trade in a tick, most of them new ones, as many in the window as there are `--agents`.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import orjson
import zstandard

from camera.frame import frame_json
from camera.metric import metric_of
from camera.window import SlidingWindowCamera
from market.model.simulator import Simulator
from market.tick import Tick
from recorder.tape.recording import Recording


def ticks_of(agents: int, count: int) -> list[Tick]:
    simulator = Simulator(seed=1, agents=agents, fixed_agents=True)
    return [simulator.step().placed(t, 1.7e9 + t / 10) for t in range(count)]


def venue_ticks_of(agents: int, a_tick: int, window: int, count: int) -> list[Tick]:
    """Ticks in which `a_tick` addresses trade with one another, so that a window holds about so many `agents`."""
    rng, next_id, ticks = np.random.default_rng(1), 0, []
    recent = np.arange(0)
    for t in range(count):
        new = min(a_tick, int(rng.poisson(0.5 * agents / window)))
        known = rng.choice(recent, min(a_tick - new, recent.size), replace=False)
        ids = np.sort(np.concatenate([known, np.arange(next_id, next_id + new)])).astype(np.int64)
        next_id += new
        recent = np.arange(max(0, next_id - 6 * agents // 10), next_id)
        prices = np.round(50_000 + rng.normal(0, 3, ids.size), 2)
        a = np.arange(ids.size)
        sides = rng.integers(1, 3, ids.size).astype(np.int8)
        columns = ids, rng.random(ids.size), sides, prices, rng.random(ids.size), a, np.roll(a, 1), np.ones(ids.size)
        ticks.append(Tick(t, 1.7e9 + t / 10, 0.5, 0.001, 1.0, 0.0, *columns))
    return ticks


def film_of(options: argparse.Namespace, agents: int, count: int) -> list[Tick]:
    if options.traders:
        return venue_ticks_of(agents, options.traders, options.window, count)
    return ticks_of(agents, count)


def frame_cost(ticks: list[Tick], window: int) -> str:
    """What a frame costs to build and to encode, the median, and how large it is."""
    camera = SlidingWindowCamera(window)
    built, encoded = [], []
    for tick in ticks:
        camera.ingest(tick)
        times = [time.process_time()]
        snapshot = camera.maybe_shoot(tick.t)
        times.append(time.process_time())
        if snapshot is None:
            continue
        text, agents = frame_json(snapshot), snapshot.agent_ids.size
        built.append(times[1] - times[0])
        encoded.append(time.process_time() - times[1])
    small = len(zstandard.ZstdCompressor(level=3).compress(text))
    return (
        f"a frame of {agents} agents: {statistics.median(built) * 1e3:.1f} ms to build,"
        f" {statistics.median(encoded) * 1e3:.1f} ms to encode (goal at 2,000: 25 for both);"
        f" {len(text):,} B, as zstd {small:,} (goal 150,000)"
    )


def encoder(ticks: list[Tick], camera: SlidingWindowCamera, directory: Path | None) -> float:
    """CPU seconds for camera, encoding and, with a directory, recording."""
    recording = None
    if directory is not None:
        recording = Recording(directory, segment_seconds=300, level=3, flush_seconds=1, clock=time.time)
    begin = time.process_time()
    for tick in ticks:
        camera.ingest(tick)
        snapshot = camera.maybe_shoot(tick.t)
        messages = (tick.to_json(), orjson.dumps(metric_of(tick)), None if snapshot is None else frame_json(snapshot))
        if recording is not None:
            recording.write(tick.t, *messages)
    if recording is not None:
        recording.close()
    return time.process_time() - begin


def floor(ticks: list[Tick], window: int) -> float:
    """CPU seconds to serialise the same messages, which exist as dicts, and to compress their bytes, 1 MiB a frame."""
    camera = SlidingWindowCamera(window)
    kinds: tuple[list, list, list] = ([], [], [])
    for tick in ticks:
        camera.ingest(tick)
        frame = camera.maybe_build_frame(tick.t)
        for kind, message in zip(kinds, (tick.to_dict(), metric_of(tick), frame), strict=True):
            if message is not None:
                kind.append(message)
    spent = 0.0
    for messages in kinds:
        begin = time.process_time()
        compressor = zstandard.ZstdCompressor(level=3)
        lines = [orjson.dumps(message) for message in messages]
        text = b"\n".join(lines)
        for at in range(0, len(text), 1 << 20):
            compressor.compress(text[at : at + (1 << 20)])
        spent += time.process_time() - begin
    return spent


def stride_seconds(ticks: list[Tick], cameras: list[SlidingWindowCamera]) -> list[float]:
    """CPU seconds of a stride's ticks and frame, the median for each camera; their windows are full when it begins."""
    warm = max(camera.W for camera in cameras) + 10 * cameras[0].stride
    spent: list[list[float]] = [[] for _ in cameras]
    for at in range(0, len(ticks) - cameras[0].stride, cameras[0].stride):
        for camera, seconds in zip(cameras, spent, strict=True):
            begin = time.process_time()
            for tick in ticks[at : at + camera.stride]:
                camera.ingest(tick)
                if (snapshot := camera.maybe_shoot(tick.t)) is not None:
                    frame_json(snapshot)
            if at >= warm:
                seconds.append(time.process_time() - begin)
    return [statistics.median(seconds) for seconds in spent]


def tape_bytes(directory: Path) -> int:
    return sum(file.stat().st_size for file in (directory / "ticks").glob("segment_*"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--agents", type=int, nargs="+", default=[74, 300])
    parser.add_argument("--ticks", type=int, default=3000)
    parser.add_argument("--window", type=int, default=300)
    parser.add_argument("--long-window", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--traders", type=int, default=0, help="in a tick; 0 for the simulator's agents")
    parser.add_argument("--no-record", action="store_true")
    options = parser.parse_args()
    for agents in options.agents:
        ticks = film_of(options, agents, options.ticks)
        print(frame_cost(ticks, options.window))
        ours, least, size = [], [], 0
        for _ in range(options.rounds):
            with tempfile.TemporaryDirectory() as directory:
                path = None if options.no_record else Path(directory)
                ours.append(encoder(ticks, SlidingWindowCamera(options.window), path))
                size = 0 if path is None else tape_bytes(path)
            least.append(floor(ticks, options.window))
        ratio = statistics.median(a / b for a, b in zip(ours, least, strict=True))
        print(
            f"{agents} agents, window {options.window}: {min(ours) / len(ticks) * 1e6:.0f} us a tick,"
            f" floor {min(least) / len(ticks) * 1e6:.0f} us, ratio {ratio:.2f} (goal 2);"
            f" {size / len(ticks):.0f} B a tick on the tape"
        )
        ticks = film_of(options, agents, options.long_window + 2000)
        windows = [SlidingWindowCamera(window) for window in (options.window, options.long_window)]
        short, long = stride_seconds(ticks, windows)
        print(
            f"{agents} agents, a stride with its frame: {short * 1e6:.0f} us in a window of {options.window},"
            f" {long * 1e6:.0f} us in one of {options.long_window}, ratio {long / short:.2f} (goal 1.3)"
        )


if __name__ == "__main__":
    main()
