"""The verdict: what clients heard against what the tapes hold in the end, bars against bars made again."""

from __future__ import annotations

import json
import pickle
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import psycopg

from tests.soak.oracle import KINDS, Variant, digest_of, reduced
from tests.soak.recorded import Recorded

_BAR = "open_ms, open, high, low, close, volume"


@dataclass
class Tape:
    """One market's recording: per kind every t in order, its gap lines, and the content hashes that are asked for."""

    ts: dict[str, np.ndarray[Any, Any]] = field(default_factory=dict)
    gaps: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    digests: dict[tuple[str, Variant], np.ndarray[Any, Any]] = field(default_factory=dict)

    @classmethod
    def read(cls, recorded: Recorded, variants: set[Variant]) -> Tape:
        """Ticks are hashed in each of the variants."""
        tape = cls()
        for kind in KINDS:
            wanted = variants | {None} if kind == "tick" else {None}
            ts: list[int] = []
            digests: dict[Variant, list[int]] = {variant: [] for variant in wanted}
            tape.gaps[kind] = []
            for message in map(orjson.loads, recorded.lines(f"{kind}s")):
                if message["type"] == "gap":
                    tape.gaps[kind].append((message["from_t"], message["to_t"]))
                    continue
                ts.append(message["t"])
                for variant in wanted:
                    digests[variant].append(digest_of(reduced(message, variant) if kind == "tick" else message))
            tape.ts[kind] = np.array(ts, dtype=np.int64)
            for variant, found in digests.items():
                tape.digests[kind, variant] = np.array(found, dtype=np.uint64)
        return tape


@dataclass
class Verdict:
    """Everything that was found: violations one by one, figures by name."""

    violations: list[str] = field(default_factory=list)
    figures: Counter[str] = field(default_factory=Counter)

    def judge_testimony(self, path: Path, tapes: dict[str, Tape]) -> None:
        """What the clients of one process heard."""
        found = pickle.loads(path.read_bytes())
        for (symbol, kind, variant), heard in found["digests"].items():
            self._judge_contents(symbol, kind, variant, np.array(heard, dtype=np.uint64), tapes[symbol])
        for client in found["clients"]:
            for kind, heard in client["heard"].items():
                self._judge_client(client, kind, np.frombuffer(heard, dtype=np.uint32).astype(np.int64), tapes)

    def _judge_contents(
        self, symbol: str, kind: str, variant: Variant, heard: np.ndarray[Any, Any], tape: Tape
    ) -> None:
        """Each content that was heard is the one on tape."""
        ts = tape.ts[kind]
        known = ts[ts < len(heard)]
        on_tape, told = tape.digests[kind, variant][: len(known)], heard[known]
        for t in known[(told != 0) & (told != on_tape)][:5]:
            self.violations.append(f"{symbol} {kind} t={t}: clients heard another content than is on tape")
        self.figures["contents compared"] += int((told != 0).sum())
        heard_ts = np.flatnonzero(heard)
        for first, last in _runs(np.setdiff1d(heard_ts, ts)):
            told_so = _covered(np.arange(first, last + 1), tape.gaps[kind]).all()
            if told_so:
                self.figures["heard, and then told as lost in the tape"] += last + 1 - first
            else:
                self.violations.append(f"{symbol} {kind} t={first} to t={last}: heard by clients and not on tape")

    def _judge_client(
        self, client: dict[str, Any], kind: str, heard: np.ndarray[Any, Any], tapes: dict[str, Tape]
    ) -> None:
        """What lies between the first and the last t that a client heard was heard or told to be missing."""
        tape = tapes[client["symbol"]]
        gaps = [(a, b) for name, a, b, _ in client["gaps"] if name == kind]
        self.figures[f"{kind}s heard"] += len(heard)
        for name, from_t, to_t, reason in client["gaps"]:
            if name == kind:
                self.figures[f"gaps told, {reason}"] += 1
                begin, end = np.searchsorted(tape.ts[kind], (from_t, to_t + 1))
                if reason != "slow" and begin < end:
                    self.figures[f"gaps told as {reason} although the tape has part of them"] += 1
        if not len(heard):
            return
        begun = client["begun_at"]
        first = heard[0] if begun is None else begun + 1
        due = tape.ts[kind][(tape.ts[kind] >= first) & (tape.ts[kind] <= heard[-1])]
        if kind != "frame":
            due = due[due % client["every"] == 0]
        missing = np.setdiff1d(due, heard, assume_unique=True)
        missing = missing[~_covered(missing, gaps)]
        for begins, ends in list(_runs(missing, client["every"] if kind != "frame" else 10))[:5]:
            self.violations.append(f"{client['client']}: {kind}s t={begins} to t={ends} missing without a word")
        if (np.diff(heard) <= 0).any():
            self.violations.append(f"{client['client']}: {kind}s out of order")

    def judge_bars(self, heard: Path, rows: dict[tuple[str, str], dict[int, tuple[float, ...]]]) -> None:
        """What bar clients heard against the rows: same figures, and none missing between a client's first and last."""
        for name, pairs in orjson.loads(heard.read_bytes()).items():
            for symbol, resolution, bars in pairs:
                stored = rows.get((symbol, resolution), {})
                for time, content in bars:
                    figures = tuple(float(text) for text in content[1:])
                    if stored.get(time) != figures:
                        detail = f"heard {figures}, stored {stored.get(time)}"
                        self.violations.append(f"{name}: {symbol} {resolution} bar {time}: {detail}")
                times = [time for time, _ in bars]
                if times:
                    due = {time for time in stored if times[0] <= time <= times[-1]}
                    for time in sorted(due - set(times))[:5]:
                        self.violations.append(f"{name}: {symbol} {resolution} bar {time} never came")
                self.figures["bars heard"] += len(bars)

    def judge_backtests(self, backtests: list[dict[str, Any]], worker_kills: list[float]) -> None:
        """Each ended as done; one whose worker was killed while it ran may have failed with that reason."""
        for one in backtests:
            self.figures[f"backtests {one['status']}"] += 1
            killed = any(one["asked_at"] <= at <= one["at"] for at in worker_kills)
            if one["status"] != "done" and not killed:
                self.violations.append(f"backtest {one['id']} ended as {one['status']}: {one['error']}")


def _covered(ts: np.ndarray[Any, Any], gaps: list[tuple[int, int]]) -> np.ndarray[Any, Any]:
    """Which of these t lie in a gap."""
    if not gaps:
        return np.zeros(len(ts), dtype=bool)
    begins, ends = np.array(sorted(gaps)).T
    furthest = np.concatenate(([-1], np.maximum.accumulate(ends)))
    return furthest[np.searchsorted(begins, ts, side="right")] >= ts


def _runs(ts: np.ndarray[Any, Any], step: int = 1) -> Iterator[tuple[int, int]]:
    """(first, last) of each run of t that follow each other at this step."""
    if len(ts):
        for run in np.split(ts, np.flatnonzero(np.diff(ts) > step) + 1):
            yield int(run[0]), int(run[-1])


def stored_bars(url: str) -> dict[tuple[str, str], dict[int, tuple[float, ...]]]:
    """Every stored bar: by symbol and resolution, by open time, open, high, low, close and volume."""
    rows: dict[tuple[str, str], dict[int, tuple[float, ...]]] = {}
    query = f"SELECT symbol, resolution, {_BAR} FROM bars_bar JOIN recorder_market m ON m.id = market_id"
    with psycopg.connect(url) as connection:
        for symbol, resolution, time, *figures in connection.execute(query):
            rows.setdefault((symbol, resolution), {})[time] = tuple(figures)
    return rows


def compare_bars(before: Any, after: Any) -> Iterator[str]:
    """How rows differ from those made again, in words."""
    for pair in sorted(before.keys() | after.keys()):
        ours, made = before.get(pair, {}), after.get(pair, {})
        times = [time for time in sorted(ours.keys() | made.keys()) if ours.get(time) != made.get(time)]
        for time in times[:5]:
            yield f"bar {pair} {time}: stored {ours.get(time)}, made again {made.get(time)} ({len(times)} in all)"


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The JSON lines of a file."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
