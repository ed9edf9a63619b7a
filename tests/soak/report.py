"""The report of a run: what it was, the verdict and the curves, as JSON, as lines and as a page."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from tests.soak.outcome import Outcome
from tests.soak.page import page_of
from tests.soak.verdict import read_lines

#: A value of None is a break: what follows is of another process.
Points = list[tuple[float, float | None]]


def report_of(outcome: Outcome, facts: dict[str, Any]) -> dict[str, Any]:
    """Everything that is told of a run; `facts` are its parameters. Times are seconds since the services ran."""
    checks = outcome.checks.told()
    statuses = Counter(check["status"] for check in checks)
    events = read_lines(outcome.directory / "events.jsonl")
    counts: Counter[str] = Counter()
    for event in events:
        if event["type"] == "end":
            counts.update(event["counts"])
    return {
        "verdict": "failed" if statuses["failed"] else "held",
        **facts,
        "seconds": outcome.seconds,
        "checks": checks,
        "schedule": [vars(fault) for fault in outcome.schedule],
        "faults": [vars(fault) for fault in outcome.faults],
        "curves": {**_of_parts(outcome.samples), **_of_sizes(outcome.sizes), **_of_clients(events, outcome.begun_at)},
        "figures": dict(outcome.figures),
        "clients_say": dict(counts),
        "alerts_at_the_end": outcome.alerts,
    }


def _of_parts(samples: list[dict[str, Any]]) -> dict[str, dict[str, Points]]:
    found: dict[str, dict[str, Points]] = {name: defaultdict(list) for name in ("memory", "descriptors", "threads")}
    connected: dict[str, Points] = defaultdict(list)
    pids: dict[str, int] = {}
    for one in samples:
        is_next = pids.setdefault(one["part"], one["pid"]) != one["pid"]
        pids[one["part"]] = one["pid"]
        for name, key in (("memory", "mib"), ("descriptors", "descriptors"), ("threads", "threads")):
            found[name][one["part"]] += [(one["at"], None)] * is_next + [(one["at"], one[key])]
        if one["part"].startswith("web-") and not one["part"].endswith("child"):
            connected[one["part"]].append((one["at"], one["connected"]))
    return {**found, "connected": connected}


def _of_sizes(sizes: list[dict[str, float]]) -> dict[str, dict[str, Points]]:
    names = {"store": "on the disk", "bucket": "in the bucket"}
    return {
        "mib_stored": {told: [(one["at"], round(one[key] / 2**20, 2)) for one in sizes] for key, told in names.items()}
    }


def _of_clients(events: list[dict[str, Any]], begun_at: float) -> dict[str, dict[str, Points]]:
    """Lateness and gaps, as the processes of clients told of them."""
    lag: dict[str, Points] = defaultdict(list)
    gaps: dict[str, Points] = defaultdict(list)
    for event in events:
        if event["type"] == "progress":
            at = round(event["at"] - begun_at, 1)
            for name in ("p50", "p99"):
                if f"age_{name}_ms" in event:
                    lag[name].append((at, event[f"age_{name}_ms"]))
            if "gaps" in event:
                gaps["streams" if event["crowd"] == "population" else "SDK"].append((at, event["gaps"]))
    return {"lag_ms": lag, "gaps": gaps}


def write_report(report: dict[str, Any], directory: Path) -> Path:
    """Write both files; the path of the page."""
    (directory / "report.json").write_text(json.dumps(report, indent=1))
    path = directory / "report.html"
    path.write_text(page_of(report), encoding="utf-8")
    return path


def summary(report: dict[str, Any], most: int = 20) -> str:
    """The verdict in lines, with at most so many violations of a check."""
    lines = []
    for check in report["checks"]:
        lines.append(f"{check['status']:10} {check['check']}: {'; '.join(check['facts'])}")
        lines += [f"{'':11}{text}" for text in check["found"][:most]]
    lines.append(f"alerts active at the end: {report['alerts_at_the_end']}")
    return "\n".join([*lines, f"verdict: {report['verdict']}"])
