"""Kills a real `runmarket` again and again, and holds its tapes against those of a run never interrupted.

`python -m tests.continuation.killing --kills 100` (or `make soak`).
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from functools import cache
from pathlib import Path

import orjson
import zstandard

from tests.forks import PATIENCE_SECONDS, Running, ran, spawn
from tests.processes import environment, make_migrated, manage

KINDS = ("ticks", "frames", "metrics")


class Market:
    """A `runmarket` in a store of its own, under settings that make everything happen often."""

    def __init__(self, directory: Path, **settings: str) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        usual = {
            "DJANGO_SETTINGS_MODULE": "igsite.settings",
            "IG_START_TS": 1_700_000_000,
            "IG_SPEED": 0,
            "IG_ADJUST_INTERVAL": 100,
            "IG_CAM_SEGMENT_SECONDS": 2,
            "IG_FLUSH_SECONDS": 0.3,
        }
        self.environment = environment(directory / "store", directory / "db.sqlite3", **{**usual, **settings})
        self.begin_database()

    def begin_database(self) -> None:
        """Give it a database that knows of nothing, in the place of the one it has."""
        for path in self.directory.glob("db.sqlite3*"):
            path.unlink()
        (self.directory / "db.sqlite3").write_bytes(_migrated())

    def manage(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = ran(manage(*arguments), self.environment, seconds=None)  # a soak makes many ticks again
        if check and done.returncode:
            raise RuntimeError(f"{arguments} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done

    def start(self, *arguments: str) -> Running:
        with (self.directory / "log").open("ab") as log:
            return spawn(manage("runmarket", *arguments), self.environment, output=log)

    def tape(self, kind: str) -> list[bytes]:
        """Every line of a kind, all segments put together."""
        lines: list[bytes] = []
        for path in sorted((self.directory / "store" / kind).glob("segment_*"), key=_start_t):
            with path.open("rb") as file:
                reader = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
                lines += reader.read().splitlines()
        return lines

    def last_t(self) -> int:
        ticks = self.tape("ticks")
        return orjson.loads(ticks[-1])["t"] if ticks else -1


@cache
def _migrated() -> bytes:
    """A database with every table, made once."""
    with tempfile.TemporaryDirectory() as directory:
        return make_migrated(Path(directory) / "migrated.sqlite3").read_bytes()


def _start_t(path: Path) -> int:
    return int(path.name.split(".")[0].removesuffix("_pending").rsplit("_", 1)[1])


def _wait_for_growth(market: Market, process: Running) -> None:
    """Until the process has written something new, so that a kill hits work and not the start of Python."""
    deadline = time.monotonic() + PATIENCE_SECONDS

    def written() -> int:
        total = 0
        for path in (market.directory / "store").rglob("segment_*"):
            with suppress(FileNotFoundError):  # it was sealed meanwhile, which gives it another name
                total += path.stat().st_size
        return total

    before = written()
    while written() <= before and process.poll() is None:
        assert time.monotonic() < deadline, "it writes nothing"
        time.sleep(0.01)
    assert not process.returncode, "it ended by itself"


def kill_again_and_again(market: Market, kills: int, rng: random.Random, longest_seconds: float) -> None:
    for n in range(1, kills + 1):
        process = market.start()
        try:
            if rng.random() < 0.8:
                _wait_for_growth(market, process)
            time.sleep(rng.uniform(0, longest_seconds))
        finally:
            process.kill()
            process.wait()
        print(f"\rkill {n} of {kills}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)


def compare(broken: Market, whole: Market) -> list[str]:
    """What differs between the tapes of two markets, in words."""
    found = []
    for kind in KINDS:
        ours, theirs = broken.tape(kind), whole.tape(kind)
        if ours != theirs:
            at = next((i for i, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), "end")
            found.append(f"{kind}: {len(ours)} lines, uninterrupted {len(theirs)}; first difference at line {at}")
    return found


def judge_kills(
    broken: Market, whole: Market, kills: int, rng: random.Random, longest_seconds: float = 2.0
) -> tuple[list[str], list[str]]:
    """Kill one market so many times, run the other to the same tick; what is wrong, and what was done."""
    kill_again_and_again(broken, kills, rng, longest_seconds)
    broken.manage("runmarket", "--ticks", "500")
    ticks = broken.last_t() + 1
    whole.manage("runmarket", "--ticks", str(ticks))
    found = compare(broken, whole)
    verified = broken.manage("verify", "--deep", check=False)
    if verified.returncode:
        found.append(verified.stdout + verified.stderr)
    return found, [f"{kills} kills in {ticks:,} ticks, {ticks - len(broken.tape('ticks'))} lost or repeated"]
