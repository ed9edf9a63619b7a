"""The report as one page that needs nothing else: no network, no script."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

from tests.soak.plots import plot

_STYLE = Path(__file__).with_name("report.css")
_TRIERS = ("population", "sdk", "hostile")
_ENDS = {"stop": "start", "freeze": "thaw"}
#: Of a check's violations so many are shown; the JSON has all.
_MOST_SHOWN = 200
#: So many facts of a check, and of what is wrong with it, stand open.
_MOST_OPEN, _MOST_WRONG = 2, 5

#: Of each curve of the report: its heading, what it shows, and whether its values need a logarithmic axis.
_FIGURES = {
    "memory": ("Memory", "Resident MiB of each part and its children. A line breaks where a part was killed.", False),
    "lag_ms": (
        "Lag",
        "Milliseconds that ticks come late to clients that keep up, median and 99th percentile of each 5 s, behind the"
        " earliest of them.",
        True,
    ),
    "connected": ("Connections", "Established connections of each web process: clients, and those who flood.", False),
    "gaps": ("Gaps announced", "Gap messages that clients have received so far, all of them together.", False),
    "mib_stored": (
        "Stored",
        "MiB in the store on the disk, its cache of the bucket included, and in the bucket.",
        False,
    ),
    "descriptors": ("Descriptors", "Open descriptors of each part, less the connections of clients.", False),
    "threads": ("Threads", "Threads of each part.", False),
}


def page_of(report: dict[str, Any]) -> str:
    """The whole page."""
    held = report["verdict"] == "held"
    title = f"Soak: {'no check failed' if held else 'failed'}"
    return "\n".join(
        [
            '<!doctype html><html lang="en"><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            f"<title>{title}</title><style>{_STYLE.read_text()}</style>",
            f'<header class="{report["verdict"]}"><h1>{title}</h1><p>{_told_of_run(report)}</p></header>',
            "<main>",
            _table(report["checks"]),
            '<section class="figures">',
            f'<p class="key">{_KEY}Under the pointer each tells what it was.</p>',
            *_figures(report),
            "</section>",
            _lists(report),
            "</main></html>",
        ]
    )


_KEY = "".join(
    f'<span class="of"><span class="k {kind}"></span>{text}</span> '
    for kind, text in (
        ("kill", "kill -9"),
        ("redis", "Redis away"),
        ("postgres", "PostgreSQL away"),
        ("bucket", "bucket away"),
        ("web-1", "a web process frozen"),
    )
)


def _told_of_run(report: dict[str, Any]) -> str:
    began = datetime.fromtimestamp(report["started_at"], UTC)
    kills = sum(fault["action"] == "kill" for fault in report["faults"])
    outages = sum(fault["action"] == "stop" for fault in report["faults"])
    statuses = Counter(check["status"] for check in report["checks"])
    told = ", ".join(f"{statuses[status]} {status}" for status in ("failed", "held", "not judged"))
    return (
        f"{began:%Y-%m-%d %H:%M} UTC, {report['seconds'] / 60:.0f} of {report['minutes']:g} min of services:"
        f" two markets at {report['rate']:g} ticks/s, {report['clients']} clients, {kills} kills, {outages} outages,"
        f" seed {report['seed']}. {report['kills']} kills of a market before that. Checks: {told}."
    )


def _table(checks: list[dict[str, Any]]) -> str:
    rows = []
    for check in checks:
        status = check["status"]
        found = [escape(text) for text in check["found"][:_MOST_SHOWN]]
        if (more := len(check["found"]) - len(found)) > 0:
            found.append(f"and {more} more")
        wrong = [f'<li class="wrong">{text}</li>' for text in found]
        facts = [f"<li>{escape(text)}</li>" for text in check["facts"]]
        rows.append(
            f'<tr class="{status.replace(" ", "-")}"><th scope="row">{check["check"]}</th>'
            f'<td class="status">{status}</td><td><p>{_code(check["rule"])}</p>'
            f"{_list(wrong, _MOST_WRONG, 'more')}{_list(facts, _MOST_OPEN, 'facts')}</td></tr>"
        )
    head = "<thead><tr><th>check</th><th>verdict</th><th>rule, and what was found</th></tr></thead>"
    return f'<table class="verdict">{head}<tbody>{"".join(rows)}</tbody></table>'


def _list(items: list[str], most_open: int, rest: str) -> str:
    """So many of them for all to see; facts are folded as a whole, of what is wrong the first stand open."""
    opened = items[:most_open] if rest == "more" or len(items) <= most_open else []
    folded = items[len(opened) :]
    shown = f"<ul>{''.join(opened)}</ul>" if opened else ""
    if folded:
        shown += f"<details><summary>{len(folded)} {rest}</summary><ul>{''.join(folded)}</ul></details>"
    return shown


def _code(text: str) -> str:
    """Words between backticks as code."""
    return "".join(f"<code>{part}</code>" if n % 2 else part for n, part in enumerate(escape(text).split("`")))


def _figures(report: dict[str, Any]) -> list[str]:
    marks, found = marks_of(report["faults"], report["seconds"]), []
    for name, (heading, text, logarithmic) in _FIGURES.items():
        curves = {part: points for part, points in report["curves"][name].items() if part not in _TRIERS}
        drawn = plot(curves, report["seconds"], marks, logarithmic=logarithmic)
        found.append(f"<figure><figcaption><h2>{heading}</h2>{text}</figcaption>{drawn}</figure>")
    return found


def marks_of(faults: list[dict[str, Any]], seconds: float) -> list[dict[str, Any]]:
    """Each fault once: a kill or a cut as a moment, an outage or a freeze from its begin to its end."""
    marks = []
    for number, fault in enumerate(faults):
        if fault["action"] in _ENDS.values():
            continue
        until, ends = None, _ENDS.get(fault["action"])
        if ends is not None:
            later = (f["at"] for f in faults[number:] if (f["action"], f["part"]) == (ends, fault["part"]))
            until = next(later, seconds)
        text = f"{fault['action']} {fault['part']} at {fault['at'] / 60:.1f} min"
        marks.append({"at": fault["at"], "until": until, "part": fault["part"], "text": text})
    return marks


def _lists(report: dict[str, Any]) -> str:
    schedule = "".join(
        f"<li>{one['at']:.0f} s: {one['action']} {escape(one['part'])}</li>" for one in report["schedule"]
    )
    said = "".join(
        f"<tr><th>{escape(name)}</th><td>{n:,}</td></tr>" for name, n in sorted(report["clients_say"].items())
    )
    figures = "".join(
        f"<tr><th>{escape(name)}</th><td>{n:,}</td></tr>" for name, n in sorted(report["figures"].items())
    )
    return (
        f"<details><summary>The schedule of seed {report['seed']}</summary><ol>{schedule}</ol></details>"
        f'<details><summary>What was heard and compared</summary><table class="numbers">{figures}</table></details>'
        f'<details><summary>What clients counted</summary><table class="numbers">{said}</table></details>'
    )
