"""A table of trades, filmed by the real command."""

from __future__ import annotations

import csv
from collections import Counter

from market.trades.trade import moment
from tests.processes import ROOT, Site

EXAMPLE = ROOT / "examples" / "trades.csv"
WINDOW = 500


def pairs(since: float) -> Counter[frozenset[str]]:
    """How often each two traded with each other, counted in the table itself."""
    with EXAMPLE.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if moment(row["time"]) >= since]
    return Counter(frozenset((row["buyer"], row["seller"])) for row in rows)


def test_the_example_is_filmed_and_its_recording_is_sound(site: Site) -> None:
    done = site.run("runmarket", "--source", f"trades:{EXAMPLE}", "--speed", "0", IG_CAM_W=WINDOW)
    assert done.returncode == 0, done.stderr
    ticks, frame = site.messages("ticks"), site.messages("frames")[-1]
    assert ticks[0]["ts"] == 1_704_448_800.1
    assert sum(len(tick["matches"]) for tick in ticks) == pairs(0).total()
    name_of = {node["node_id"]: node["name"] for node in frame["nodes"]}
    met = {
        frozenset((name_of[edge["src"]], name_of[edge["dst"]])): round(edge["w"] * WINDOW)
        for edge in frame["edges"]
        if edge["type"] == "match"
    }
    begin, end = ticks[frame["t"] - WINDOW + 1]["ts"], ticks[frame["t"] + 1]["ts"]
    assert met == pairs(begin) - pairs(end)
    verified = site.run("verify", "--deep")
    assert verified.returncode == 0, verified.stdout + verified.stderr
