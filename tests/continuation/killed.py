"""A market that runs within the test, is ended as by kill -9, and whose tapes are cut as a crash may leave them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
import zstandard

from igsite.config import Config
from pipeline import run
from pipeline.checkpointer import Checkpointer
from pipeline.run import MarketRun
from recorder.models import Market
from recorder.segment.layout import parse_name
from recorder.tape.recording import Recording
from recorder.verify.deep_verify import DeepVerification
from recorder.verify.verification import Verification, runs_of
from tests.recorder.tape import decoded


class Heard:
    """A client that notes every message it was sent."""

    waiting, unpublished = 0, None

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []

    def publish(self, message: dict[str, Any]) -> None:
        if message["t"] is not None:
            self.messages.append(message)

    def wait_for_room(self, seconds: float) -> None:
        """There always is."""

    @property
    def ts(self) -> list[int]:
        return [message["t"] for message in self.messages]

    def between(self, from_t: int, to_t: int) -> list[tuple[bytes, ...]]:
        """What it was sent of these t."""
        kept = [message for message in self.messages if from_t <= message["t"] <= to_t]
        return [(m["tick"], m["metric"], m["frame"]) for m in kept]


class Killable:
    """Runs a market by its settings."""

    def __init__(self, config: Config) -> None:
        self.store = config.store_dir

    def run(self, config: Config, ticks: int | None = None, heard: Heard | None = None) -> MarketRun:
        run = MarketRun(config, home_symbol=config.symbol)
        run.run(most_ticks=ticks, outlet=heard)
        return run

    def run_killed(self, config: Config, ticks: int, heard: Heard | None = None) -> MarketRun:
        """The process is gone: nothing is sealed, and no last word is kept."""
        with _killed():
            return self.run(config, ticks, heard)

    def tape(self, kind: str) -> list[dict[str, Any]]:
        paths = sorted((self.store / kind).glob("segment_*.zst"), key=lambda path: parse_name(path.name).start_t)
        return [orjson.loads(line) for path in paths for line in decoded(path).splitlines()]

    def told(self, kind: str) -> list[int | tuple[int, int]]:
        """The t of each line of a tape; of a gap both ends."""
        return [(m["from_t"], m["to_t"]) if m["type"] == "gap" else m["t"] for m in self.tape(kind)]

    def cut(self, kind: str, last_t: int) -> None:
        """The newest file of a kind ends with the line of this t, or with none: the rest had not reached the disk."""
        path = max((self.store / kind).glob("*_pending*"), key=lambda path: parse_name(path.name).start_t)
        lines = [line for line in decoded(path).splitlines() if _last_t(line) <= last_t]
        path.write_bytes(zstandard.compress(b"".join(line + b"\n" for line in lines)) if lines else b"")

    def faults(self) -> list[str]:
        """What `verify --deep` finds."""
        market = Market.objects.get()
        verification = Verification(market, self.store)
        found = [str(fault) for fault in verification.faults()]
        proof = DeepVerification(self.store, verification.tapes, runs_of(market, self.store))
        return found + [str(fault) for fault in proof.faults()]

    def forget_checkpoints(self) -> None:
        """Only a run's first one reached the disk."""
        for path in (self.store / "checkpoints").iterdir():
            first_t, next_t = path.name.split(".")[0].split("_")[1:]
            if first_t != next_t:
                path.unlink()


def _last_t(line: bytes) -> int:
    message = orjson.loads(line)
    return int(message.get("to_t", message.get("t")))


@contextmanager
def _killed() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Recording, "close", lambda recording: None)
        patch.setattr(run, "end_run", lambda run, t_shift: None)
        patch.setattr(Checkpointer, "last", lambda checkpointer, next_t, *, ended: None)
        yield


def write_source(path: Path, ts: list[int]) -> str:
    """A tape of these ticks to play; the setting that names it."""
    tick = {"type": "tick", "s": {"price_norm": 0.5, "volatility": 0.1, "liquidity": 1.0, "imbalance": 0.0},
            "agents": [], "actions": [], "matches": []}  # fmt: skip
    path.write_bytes(b"".join(orjson.dumps(tick | {"t": t, "ts": 1.7e9 + t}) + b"\n" for t in ts))
    return f"file:{path}"
