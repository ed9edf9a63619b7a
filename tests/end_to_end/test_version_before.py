"""A store and a database that the version before made are opened without a word, and the market goes on in them.

`tests/data/version_before.tar.zst` was made by that version with the settings below: 120 ticks that ended in good
order and 51 more that ended by kill -9, a second market of 60 ticks, their rows and bars, and a token.
"""

from __future__ import annotations

import io
import json
import sqlite3
import tarfile
from contextlib import closing

import pytest
import zstandard

from tests.processes import ROOT, Site

RECORDED = ROOT / "tests" / "data" / "version_before.tar.zst"
MARKET = {"IG_CAM_W": 20, "IG_CAM_STRIDE": 10, "IG_SEED": 3, "IG_SPEED": 5, "IG_START_TS": 1769255900}
LAST_T, OTHERS_LAST_T = 170, 59
TOKEN = "mc_a698d30ff5d1_Ogu3ozoGnPAYkW8Ex3E2MZQHG1poWtrTFK_CsmSA0Xs"


@pytest.fixture
def before(site: Site) -> Site:
    with RECORDED.open("rb") as file:
        plain = io.BytesIO(zstandard.ZstdDecompressor().stream_reader(file).read())
    with tarfile.open(fileobj=plain) as archive:
        archive.extractall(site.directory, filter="data")
    (site.directory / "market.sqlite3").rename(site.database)
    migrated = site.run("migrate", "--verbosity", "0")
    assert migrated.returncode == 0, migrated.stderr
    return site


def runs_begun(site: Site) -> int:
    with closing(sqlite3.connect(site.database)) as database:
        return database.execute("SELECT count(*) FROM recorder_run").fetchone()[0]


def test_it_is_opened_without_a_word_and_goes_on(before: Site) -> None:
    runs = runs_begun(before)
    recorded = {kind: before.messages(kind) for kind in ("ticks", "metrics", "frames")}
    live = before.serve(**MARKET)
    live.wait_for_ticks(LAST_T + 30)
    assert [line for line in live.log().splitlines() if " WARNING " in line or " ERROR " in line] == []
    assert live.log().count("the run from t=0 is filmed as it was before this version: edges by id") == 1

    ticks = [json.loads(line) for line in live.ask(f"/range?t0=0&t1={LAST_T}").body.splitlines()]
    assert ticks == recorded["ticks"]
    assert live.json("/health")["meta"]["price_range"] == [40_000, 60_000]
    # From the row, which the migration filled: this market does not run.
    assert live.json("/health?symbol=OTHER")["meta"]["price_range"] == [40_000, 60_000]
    other = live.json("/incremental?from_t=-1&limit=100&symbol=OTHER")
    assert (other["count"], other["latest_t"]) == (OTHERS_LAST_T + 1, OTHERS_LAST_T)
    assert live.json("/api/v1/bars?resolution=1s")["bars"][0]["open_time"] == MARKET["IG_START_TS"] * 1000
    allowed = live.ask("/api/v1/backtests", headers={"Authorization": f"Bearer {TOKEN}"})
    assert allowed.status == 200, allowed.body
    assert live.stop() == 0
    assert runs_begun(before) == runs, "its last run goes on"

    for kind, messages in recorded.items():
        assert before.messages(kind)[: len(messages)] == messages, kind
    ticks = before.messages("ticks")
    assert [tick["t"] for tick in ticks] == list(range(len(ticks))), "no gap, and nothing twice"
    assert len(ticks) > LAST_T + 30
    frames = before.messages("frames")
    assert frames[-1]["t"] > LAST_T
    assert [frame["t"] for frame in frames if "pairs" in frame["window"]] == []
    verified = before.run("verify", "--deep", **MARKET)
    assert "no faults" in verified.stdout, verified.stdout + verified.stderr
