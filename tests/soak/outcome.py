"""What is known of a run so far, and the verdict's steps one after the other."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.processes import make_migrated
from tests.soak.checks import Checks
from tests.soak.deployment import BUCKET, Deployment
from tests.soak.measures import QUANTITIES, Trend, trends
from tests.soak.recorded import KINDS, Recorded, differences
from tests.soak.schedule import SPARED_AFTER, Fault
from tests.soak.verdict import Tape, Verdict, compare_bars, read_lines, stored_bars

_VERIFY_SECONDS = 1800.0
_TESTIMONIES = ("population.testimony", "sdk.testimony")
_VARIANTS = {("agents",), ("matches",), ("actions",), (), ("agents", "matches")}
_CHECKS = {"mib": "memory", "descriptors": "descriptors", "threads": "threads"}

Say = Callable[[str], None]


class Outcome:
    """What a run notes while it goes on, and the verdict; the report may be written whenever it ends."""

    def __init__(self, directory: Path, symbols: list[str]) -> None:
        self.directory, self.symbols = directory, symbols
        self.checks = Checks()
        #: What was planned, and what was done, each at so many seconds of the run.
        self.schedule: list[Fault] = []
        self.faults: list[Fault] = []
        self.worker_kills: list[float] = []
        self.samples: list[dict[str, Any]] = []
        self.sizes: list[dict[str, float]] = []
        self.seconds = 0.0
        self.begun_at = 0.0
        self.alerts: list[str] | None = None
        self.figures: Counter[str] = Counter()
        self.trends: list[Trend] = []

    def note_alerts(self, answer: tuple[int, bytes]) -> None:
        """Those still active when all was healed."""
        self.alerts = [alert["message"] for alert in json.loads(answer[1])["alerts"]] if answer[0] == 200 else None

    def judge_measures(self) -> None:
        """Whether what the parts hold is flat: of what was measured, however the run ended.

        Those that are killed to the end may live too shortly; each of those that are spared must have been judged.
        """
        self.trends = trends(self.samples, self.seconds)
        for quantity in QUANTITIES:
            judged = [trend for trend in self.trends if trend.quantity == quantity]
            facts, found = map(str, judged), [str(trend) for trend in judged if not trend.is_flat]
            spared = [trend for trend in judged if trend.part in SPARED_AFTER]
            if spared and all(trend.growth is not None for trend in spared):
                self.checks.judged(_CHECKS[quantity], *facts, found=found)
            else:
                self.checks[_CHECKS[quantity]].facts += facts
                self.checks[_CHECKS[quantity]].found += found

    def judge_logs(self) -> None:
        """Whether any log of any part holds a traceback: also however the run ended."""
        logs = self.directory / "logs"
        found = [f"{line} ({count} times)" for line, count in sorted(tracebacks(logs).items())]
        self.checks.judged("logs", f"{len([*logs.glob('*.log')])} logs read", found=found)

    def judge(self, deployment: Deployment, say: Say) -> None:
        """Once all parts have ended and the services run: tapes, what clients heard of them, bars, copies."""
        recorded = {symbol: self._recorded(deployment, symbol) for symbol in self.symbols}
        for what in (self._verify, self._compare_with_whole, self._judge_copies, self._judge_streams):
            what(deployment, recorded, say)
        self._judge_bars(deployment)
        events = read_lines(self.directory / "events.jsonl")
        verdict = Verdict(figures=self.figures)
        verdict.judge_backtests([e for e in events if e["type"] == "backtest"], self.worker_kills)
        self.checks.judged("backtests", found=verdict.violations)

    def _recorded(self, deployment: Deployment, symbol: str) -> Recorded:
        return Recorded(deployment.market_directory(symbol), symbol, deployment.objects.bucket(BUCKET))

    def _verify(self, deployment: Deployment, recorded: dict[str, Recorded], say: Say) -> None:
        for symbol in self.symbols:
            status, said = deployment.manage("verify", "--deep", "--symbol", symbol, seconds=_VERIFY_SECONDS)
            last = said.strip().splitlines()[-1] if said.strip() else "it said nothing"
            say(f"verify --deep {symbol}: {last}")
            found = [f"{symbol}: {said.strip()[-2000:]}"] if status else []
            self.checks.judged("tapes", f"{symbol}: {last}", found=found)

    def _compare_with_whole(self, deployment: Deployment, recorded: dict[str, Recorded], say: Say) -> None:
        for symbol, ours in recorded.items():
            ticks = sum(1 for _ in ours.lines("ticks"))
            say(f"{symbol}: {ticks:,} ticks are made again by a run that nothing interrupts")
            whole = self.directory / "whole" / symbol
            whole.mkdir(parents=True)
            status, said = deployment.make_whole(symbol, whole / "store", make_migrated(whole / "db.sqlite3"), ticks)
            found = [f"{symbol}: {said[-1000:]}"] if status else []
            found = found or [f"{symbol} {one}" for one in differences(ours, Recorded(whole / "store", symbol))]
            lines = {kind: sum(1 for _ in ours.lines(kind)) for kind in KINDS}
            told = ", ".join(f"{count:,} {kind}" for kind, count in lines.items())
            self.checks.judged("uninterrupted", f"{symbol}: {told}", found=found)

    def _judge_copies(self, deployment: Deployment, recorded: dict[str, Recorded], say: Say) -> None:
        status, said = deployment.manage("copysegments", seconds=_VERIFY_SECONDS)
        found = [f"copysegments: {said.strip()[-500:]}"] if status else []
        for symbol, tapes in recorded.items():
            found += [f"{symbol} {one}" for one in tapes.bucket_differs()]
            here, there = tapes.copies()
            told = f"{symbol}: {here} segments on the disk compared, {there} only in the bucket"
            self.checks.judged("bucket", told)
            say(told)
        self.checks.judged("bucket", found=found)

    def _judge_streams(self, deployment: Deployment, recorded: dict[str, Recorded], say: Say) -> None:
        tapes = {symbol: Tape.read(one, _VARIANTS) for symbol, one in recorded.items()}
        for symbol, tape in tapes.items():
            self.figures[f"{symbol} ticks on tape"] = len(tape.ts["tick"])
            self.figures["gap lines on tapes"] += sum(map(len, tape.gaps.values()))
        verdict = Verdict(figures=self.figures)
        for name in _TESTIMONIES:
            if (self.directory / name).exists():
                verdict.judge_testimony(self.directory / name, tapes)
        told = [f"{name}: {count:,}" for name, count in self.figures.items() if "heard" in name or "gaps" in name]
        self.checks.judged("streams", *told, found=verdict.violations)

    def _judge_bars(self, deployment: Deployment) -> None:
        before = stored_bars(deployment.postgres.url)
        heard, verdict = self.directory / "bars-heard.json", Verdict(figures=self.figures)
        if heard.exists():
            verdict.judge_bars(heard, before)
        status, said = deployment.manage("rebuildbars", seconds=_VERIFY_SECONDS)
        found = [f"rebuildbars: {said[-1000:]}"] if status else []
        found += [*compare_bars(before, stored_bars(deployment.postgres.url))]
        told = f"{sum(map(len, before.values())):,} bars made again, {self.figures['bars heard']:,} heard"
        self.checks.judged("bars", told, found=verdict.violations + found)


def tracebacks(directory: Path) -> Counter[str]:
    """The last lines of all tracebacks in logs, by the part's name."""
    found: Counter[str] = Counter()
    for path in sorted(directory.glob("*.log")):
        part = path.name.split(".")[0]
        found.update(f"{part}: {line[:160]}" for line in _ends_of_tracebacks(path.read_text(errors="replace")))
    return found


def _ends_of_tracebacks(text: str) -> Iterator[str]:
    """Of each traceback the line behind its indented ones; a log that ends within one has none."""
    inside = False
    for line in text.splitlines():
        if "Traceback (most recent call last)" in line:
            if inside:
                yield "a traceback without an end"
            inside = True
        elif inside and re.match(r"\S*[A-Za-z]\S*", line):
            inside = False
            yield line
    if inside:
        yield "a traceback without an end"
