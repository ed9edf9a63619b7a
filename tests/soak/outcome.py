"""The outcome of a run: the verdict's steps one after the other, and the lines that sum it up."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.endurance.deployment import Deployment
from tests.endurance.measures import trends
from tests.endurance.verdict import Tape, Verdict, compare_bars, read_lines, stored_bars

_VERIFY_SECONDS = 1800.0
_TESTIMONIES = ("population.testimony", "sdk.testimony")


class Outcome:
    """What is known of a run so far; `write` may be called whenever it ends."""

    def __init__(self, directory: Path, symbols: list[str]) -> None:
        self._directory, self._symbols = directory, symbols
        self.violations: list[str] = []
        self.faults: Counter[str] = Counter()
        self.worker_kills: list[float] = []
        self.samples: list[dict[str, Any]] = []
        self._verified: dict[str, str] = {}
        self._verdict = Verdict()
        self._tracebacks: Counter[str] = Counter()
        self._alerts: list[str] | None = None

    @property
    def figures(self) -> Counter[str]:
        """What was heard and compared, by name."""
        return self._verdict.figures

    def note_alerts(self, answer: tuple[int, bytes]) -> None:
        """Those still active when all was healed."""
        self._alerts = [alert["message"] for alert in json.loads(answer[1])["alerts"]] if answer[0] == 200 else None

    def judge(self, deployment: Deployment, say: Callable[[str], None]) -> None:
        """Once everything but the database has ended: tapes, what clients heard of them, bars, logs."""
        for symbol in self._symbols:
            status, said = deployment.manage("verify", "--deep", "--symbol", symbol, seconds=_VERIFY_SECONDS)
            self._verified[symbol] = said.strip().splitlines()[-1] if said.strip() else "it said nothing"
            say(f"verify --deep {symbol}: {self._verified[symbol]}")
            if status:
                self.violations.append(f"verify --deep {symbol}: {said.strip()[-2000:]}")
        self._judge_streams(deployment)
        self._judge_bars(deployment)
        events = read_lines(self._directory / "events.jsonl")
        self._verdict.judge_backtests([e for e in events if e["type"] == "backtest"], self.worker_kills)
        self.violations += self._verdict.violations
        for trend in trends(self.samples):
            if not trend.is_flat:
                self.violations.append(f"memory grows: {trend}")
        self._tracebacks = tracebacks(self._directory / "logs")

    def _judge_streams(self, deployment: Deployment) -> None:
        home, variants = self._symbols[0], {("agents",), ("matches",), ("actions",), (), ("agents", "matches")}
        stores = {s: deployment.store if s == home else deployment.store / s for s in self._symbols}
        tapes = {symbol: Tape.read(directory, variants) for symbol, directory in stores.items()}
        for symbol, tape in tapes.items():
            self._verdict.figures[f"{symbol} ticks on tape"] = len(tape.ts["tick"])
            self._verdict.figures["gap lines on tapes"] += sum(map(len, tape.gaps.values()))
        for name in _TESTIMONIES:
            if (self._directory / name).exists():
                self._verdict.judge_testimony(self._directory / name, tapes)

    def _judge_bars(self, deployment: Deployment) -> None:
        before = stored_bars(deployment.postgres.url)
        heard = self._directory / "bars-heard.json"
        if heard.exists():
            self._verdict.judge_bars(heard, before)
        status, said = deployment.manage("rebuildbars", seconds=_VERIFY_SECONDS)
        if status:
            self.violations.append(f"rebuildbars: {said[-1000:]}")
        self.violations += compare_bars(before, stored_bars(deployment.postgres.url))
        self._verdict.figures["bars compared with ones made again"] = sum(map(len, before.values()))

    def lines(self) -> list[str]:
        """The summary."""
        counts: Counter[str] = Counter()
        for event in read_lines(self._directory / "events.jsonl"):
            if event["type"] == "end":
                counts.update(event["counts"])
        judged = trends(self.samples)
        longest = {trend.part: trend for trend in sorted(judged, key=lambda trend: trend.hours)}
        return [
            f"faults: {_listed(self.faults)}",
            *(f"memory: {longest[part]}" for part in sorted(longest)),
            f"verify --deep: {_listed(self._verified)}",
            f"heard: {_listed(self._verdict.figures)}",
            f"clients: {_listed(counts)}",
            f"alerts active at the end: {self._alerts}",
            f"tracebacks in logs: {_listed(self._tracebacks) or 'none'}",
            f"violations: {len(self.violations)}",
            *(f"  {violation}" for violation in self.violations[:200]),
        ]

    def write(self) -> str:
        text = "\n".join(self.lines())
        (self._directory / "summary.txt").write_text(text + "\n")
        return text


def _listed(named: dict[str, Any]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in sorted(named.items()))


def tracebacks(directory: Path) -> Counter[str]:
    """The last lines of all tracebacks in logs, by the part's name."""
    found: Counter[str] = Counter()
    for path in sorted(directory.glob("*.log")):
        inside = False
        for line in path.read_text(errors="replace").splitlines():
            if line.startswith("Traceback"):
                inside = True
            elif inside and re.match(r"[\w.]+(Error|Exception|Refused|Lost|Closed|Timeout|Failure)?\b.*", line):
                inside = False
                found[f"{path.name.split('.')[0]}: {line[:120]}"] += 1
    return found
