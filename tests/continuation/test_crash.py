"""Crashes at exact points: whatever was in the midst of being done, the tapes are those of a run never interrupted."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.continuation.killing import KINDS, Market
from tests.forks import ROOT, ran

CRASHING = ROOT / "tests" / "continuation" / "crashing.py"

#: In this order on one store: what one crash leaves behind, the next start meets, and then crashes itself.
POINTS = [
    ("before the first checkpoint", "recorder.recovery.checkpoints.Checkpoints.save:1:before"),
    ("with the first checkpoint not yet lasting", "recorder.recovery.checkpoints.sync_directory:1:before"),
    ("after three ticks", "market.model.simulator.Simulator.step:4:before"),
    ("while that is recovered, before a renaming", "recorder.recovery.pending._seal:1:before"),
    ("while that is recovered, between a renaming and its row", "recorder.recovery.reconcile.save_facts:1:before"),
    ("between the end of a segment and its renaming", "recorder.segment.segment_file.SegmentFile.seal:1:before"),
    ("between one segment's recovery and the next one's", "recorder.recovery.pending.recover_file:2:before"),
    ("after the lost ticks were made again and written", "pipeline.run.complete:1:after"),
    ("between the sealing of two tapes", "recorder.segment.segment_file.SegmentFile.seal:2:before"),
    ("between a segment's renaming and its row", "recorder.segment.segment_file.sync_directory:1:after"),
    ("by an exception of the source", "market.model.simulator.Simulator.step:150:raise"),
    ("between the last sealing and the last checkpoint", "pipeline.checkpointer.Checkpointer.last:1:before"),
]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Market:
    """A run never interrupted, longer than any here."""
    market = Market(tmp_path_factory.mktemp("whole"))
    market.manage("runmarket", "--ticks", "6000")
    return market


@pytest.fixture(scope="module")
def whole_tapes(whole: Market) -> dict[str, list[bytes]]:
    return {kind: whole.tape(kind) for kind in KINDS}


def crash(market: Market, point: str, ticks: int, **env: str) -> str:
    """A `runmarket` that ends at the point; what it said."""
    command = [sys.executable, str(CRASHING), point, "runmarket", "--ticks", str(ticks)]
    done = ran(command, market.environment | env)
    assert done.returncode == (1 if point.endswith(":raise") else -9), (point, done.stdout + done.stderr)
    return done.stderr


def assert_whole(market: Market, whole_tapes: dict[str, list[bytes]]) -> None:
    for kind, expected in whole_tapes.items():
        tape = market.tape(kind)
        assert tape, kind
        assert tape == expected[: len(tape)], kind
    assert len(market.tape("ticks")) == len(market.tape("metrics"))


def test_a_crash_at_any_point_one_after_the_other_leaves_no_trace(
    tmp_path: Path, whole_tapes: dict[str, list[bytes]]
) -> None:
    market = Market(tmp_path, IG_FLUSH_SECONDS="0")
    for _, point in POINTS:
        crash(market, point, 200)
    market.manage("runmarket", "--ticks", "100")
    assert_whole(market, whole_tapes)
    verified = market.manage("verify", "--deep")
    assert "0 gap lines" in verified.stdout
    assert "no faults" in verified.stdout


def fsynced(log: Path) -> dict[Path, int]:
    """The size that each file was known to have on the disk; by the name it had then."""
    lines = (line.split(" ", 1) for line in log.read_text().splitlines())
    return {Path(path): int(size) for size, path in lines}


def lose_what_was_not_synced(market: Market, log: Path) -> Iterator[Path]:
    """As after a power cut; the files that lost something."""
    kept = fsynced(log)
    for path in (market.directory / "store").rglob("*.zst"):
        before = path.stat().st_size
        if "_pending" in path.name and kept.get(path, 0) < before:
            with path.open("r+b") as file:
                file.truncate(kept.get(path, 0))
            yield path


def test_a_power_cut_costs_nothing_either(tmp_path: Path, whole_tapes: dict[str, list[bytes]]) -> None:
    market, log = Market(tmp_path, IG_CAM_SEGMENT_SECONDS="300", IG_FLUSH_SECONDS="0.05"), tmp_path / "fsyncs"
    crash(market, "market.model.simulator.Simulator.step:5900:before", 6000, FSYNC_LOG=str(log))
    lost = list(lose_what_was_not_synced(market, log))
    assert {path.parent.name for path in lost} == set(KINDS), "lines were flushed after the last checkpoint"
    assert any(fsynced(log).get(path, 0) for path in lost), "and others before it"
    market.manage("runmarket", "--ticks", "50")
    assert_whole(market, whole_tapes)
    assert market.last_t() > 4000


def test_a_power_cut_before_the_first_sync_costs_the_start_of_the_run(
    tmp_path: Path, whole_tapes: dict[str, list[bytes]]
) -> None:
    market, log = Market(tmp_path, IG_CAM_SEGMENT_SECONDS="300", IG_FLUSH_SECONDS="0"), tmp_path / "fsyncs"
    crash(market, "market.model.simulator.Simulator.step:400:before", 500, FSYNC_LOG=str(log))
    for path in lose_what_was_not_synced(market, log):
        assert path.stat().st_size == 0
    market.manage("runmarket", "--ticks", "350")
    assert_whole(market, whole_tapes)
    assert market.last_t() == 349
    assert list((tmp_path / "store").glob("*/*.unreadable")), "not even an empty file is deleted"
