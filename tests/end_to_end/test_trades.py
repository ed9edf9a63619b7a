"""A table of trades, filmed by the real command."""

from __future__ import annotations

import csv
from collections import Counter

import pytest

from market.trades.trade import moment
from tests.end_to_end.source_proof import CAMERA, assert_proves_itself, assert_serves_a_market, ts_of
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
    assert_proves_itself(site)


def test_a_bad_row_ends_the_run_with_one_sentence_and_what_was_before_is_kept(site: Site) -> None:
    *rows, last = EXAMPLE.read_text().splitlines()
    (site.directory / "bad.csv").write_text("\n".join([*rows, last.replace("buy", "both")]))
    made = site.run("runmarket", "--source", "trades:bad.csv", "--speed", "0", **CAMERA)
    assert made.returncode == 1
    where = f"trades:bad.csv: row {len(rows) + 1}: column taker"
    assert made.stderr.splitlines()[-1] == f"CommandError: {where}: must be buy, sell or unknown, got 'both'"
    assert len(ts_of(site)) > 700
    assert_proves_itself(site)


@pytest.mark.long
def test_the_example_is_served_as_any_market(site: Site) -> None:
    live = site.serve(IG_SOURCE=f"trades:{EXAMPLE}", IG_SPEED=0.3, **CAMERA)  # it must not end before it was seen
    assert_serves_a_market(live)
    meta = live.json("/health")["meta"]
    assert meta["price_range"] == [0.5 * 100.04, 1.5 * 100.04]
    assert live.stop() == 0
    assert_proves_itself(site)
