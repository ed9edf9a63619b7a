"""The verdict must be able to fail: what holds is forged, one thing at a time."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import zstandard

from recorder.cold.bucket import open_bucket
from tests.soak.checks import Checks, check_of
from tests.soak.measures import trends
from tests.soak.outcome import Outcome, tracebacks
from tests.soak.page import marks_of
from tests.soak.recorded import KINDS, Recorded, differences
from tests.soak.report import report_of, summary, write_report
from tests.soak.schedule import SPARED_AFTER, Fault, schedule

PARTS = ["market-1", "market-2", "web-1", "web-2", "worker", "beat"]
HOUR = 3600.0


def life(growth: float, part: str = "web", pid: int = 1, begin: int = 0, end: int = 3600) -> list[dict[str, Any]]:
    """Samples of a process of 100 MiB with so much more an hour, noise, and a flood now and then."""
    rng, facts = random.Random(part), {"part": part, "pid": pid, "threads": 8, "connected": 0, "cpu_seconds": 0}
    return [
        {
            "at": at,
            "mib": 100 + growth * at / HOUR + rng.uniform(-1, 1) + (60 if rng.random() < 0.15 else 0),
            "descriptors": 20,
            **facts,
        }
        for at in range(begin, end, 20)
    ]


def memory(samples: list[dict[str, Any]]) -> bool | None:
    """Whether it is flat, None where it was not judged."""
    (found,) = (trend for trend in trends(samples, HOUR) if trend.quantity == "mib")
    return None if found.growth is None else found.is_flat


def test_a_leak_is_found_under_noise_and_a_flat_process_passes() -> None:
    assert memory(life(0)) is True
    assert memory(life(4)) is True
    assert memory(life(20)) is False


def test_growth_that_each_successor_begins_with_is_found() -> None:
    """Killed every 20 min, none of them is warm for long."""
    lives = [life(growth=40, pid=n, begin=1200 * n, end=1200 * (n + 1)) for n in range(3)]
    assert memory([one for each in lives for one in each]) is False


def test_what_is_too_short_to_judge_is_told_as_that() -> None:
    assert memory(life(500, end=1900)) is None
    assert memory(life(500, part="population")[:5] + life(0)) is True


def test_each_descriptor_and_thread_that_stays_is_found() -> None:
    samples = life(0)
    for n, one in enumerate(samples):
        one["descriptors"], one["threads"] = 20 + n // 6, 8 + n // 18
    grown = [trend.quantity for trend in trends(samples, HOUR) if not trend.is_flat]
    assert grown == ["descriptors", "threads"]


def test_memory_is_judged_only_where_every_part_that_is_spared_was(tmp_path: Path) -> None:
    spared = [one for pid, part in enumerate(SPARED_AFTER) for one in life(0, part, pid)]
    for samples, status in (
        (spared, "held"),
        (spared + life(20, "web-1", 9), "failed"),
        (spared + life(0, "web-1", 9, begin=3000), "held"),
        ([one for one in spared if one["part"] != "web-2" or one["at"] > 3000], "not judged"),
    ):
        outcome = Outcome(tmp_path, ["A"])
        outcome.samples, outcome.seconds = samples, HOUR
        outcome.judge_measures()
        assert outcome.checks["memory"].status == status


# -- tapes


def write(directory: Path, lines: dict[str, list[bytes]], symbol: str = "A") -> Recorded:
    """A store of one finished segment a kind; its copy is in a bucket beside it."""
    store, bucket = directory / "store", directory / "bucket"
    bucket.mkdir(parents=True)
    for kind, text in lines.items():
        path = store / kind / "segment_20260101_000000_0.jsonl.zst"
        for one in (path, bucket / symbol / "id" / kind / path.name):
            one.parent.mkdir(parents=True, exist_ok=True)
            one.write_bytes(zstandard.compress(b"".join(line + b"\n" for line in text)))
    (store / "store_id").write_text("id\n")
    return Recorded(store, symbol, open_bucket(f"file://{bucket}"))


def tape(count: int = 9) -> dict[str, list[bytes]]:
    return {kind: [b'{"type":"%s","t":%d}' % (kind.encode(), t) for t in range(count)] for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_a_line_that_a_tape_lacks_repeats_or_tells_otherwise_is_found(tmp_path: Path, kind: str) -> None:
    whole = write(tmp_path / "whole", tape())
    assert [*differences(write(tmp_path / "same", tape()), whole)] == []
    for name, forge in (
        ("missing", lambda lines: lines.pop(4)),
        ("short", lambda lines: lines.pop()),
        ("repeated", lambda lines: lines.insert(4, lines[4])),
        ("other", lambda lines: lines.__setitem__(4, lines[4].replace(b"4", b"5"))),
    ):
        forged = tape()
        forge(forged[kind])
        (found,) = differences(write(tmp_path / name, forged), whole)
        assert found.startswith(f"{kind}: line {9 if name == 'short' else 6 if name == 'repeated' else 5} is ")


def test_a_copy_that_differs_or_is_gone_is_found_and_one_that_is_there_alone_is_read(tmp_path: Path) -> None:
    market = write(tmp_path, tape())
    assert [*market.bucket_differs()] == []
    ticks, frames, metrics = (next((tmp_path / "bucket/A/id" / kind).iterdir()) for kind in KINDS)
    frames.write_bytes(zstandard.compress(b"{}\n"))
    metrics.unlink()
    assert [text.split("/")[0] for text in market.bucket_differs()] == ["frames", "metrics"]
    (tmp_path / "store" / "ticks" / ticks.name).unlink()
    assert [*market.lines("ticks")] == tape()["ticks"]
    assert market.copies() == (2, 1)


# -- logs, schedule, report


def test_a_traceback_in_a_log_is_found_and_counted(tmp_path: Path) -> None:
    text = "INFO fine\nTraceback (most recent call last):\n  File x\nValueError: no\nINFO on\n"
    (tmp_path / "web-1.1.log").write_text(text * 2)
    (tmp_path / "web-2.1.log").write_text("INFO fine\nTraceback (most recent call last):\n  File x\n")
    assert tracebacks(tmp_path) == {"web-1: ValueError: no": 2, "web-2: a traceback without an end": 1}


def test_the_schedule_is_the_same_for_a_seed_and_has_every_fault() -> None:
    faults = schedule(HOUR, 1, PARTS)
    assert faults == schedule(HOUR, 1, PARTS) != schedule(HOUR, 2, PARTS)
    kills = [fault for fault in faults if fault.action == "kill"]
    assert [int(kill.at // 60) for kill in kills] == [*range(58)]
    assert {kill.part for kill in kills} == set(PARTS)
    assert max(kill.at for kill in kills if kill.part == "web-2") < HOUR / 4
    done = [(fault.action, fault.part) for fault in faults]
    for service in ("redis", "postgres", "bucket"):
        assert done.count(("stop", service)) == done.count(("start", service)) == 2


def test_each_client_knows_its_check() -> None:
    told = {
        "sdk feed 3": "bars",
        "options 12": "streams",
        "range 1": "answers",
        "harness": "run",
        "events 0": "streams",
    }
    assert {client: check_of(client, "whatever") for client in told} == told
    assert check_of("range 1", "never connected") == "arrival"


def test_a_check_that_was_not_carried_through_is_not_held() -> None:
    checks = Checks()
    checks.judged("tapes", "no faults")
    checks.judged("streams")
    checks.fail("streams", "a hole")
    assert [checks[name].status for name in ("tapes", "streams", "bars")] == ["held", "failed", "not judged"]


def test_the_report_of_any_run_stands_for_itself(tmp_path: Path) -> None:
    outcome = Outcome(tmp_path, ["A"])
    facts = {"minutes": 60, "clients": 5, "seed": 1, "kills": 0, "rate": 2, "started_at": 1.7e9}
    empty = write_report(report_of(outcome, facts), tmp_path).read_text()
    assert "Nothing was measured" in empty
    outcome.samples, outcome.seconds = life(0, "web-1"), HOUR
    outcome.faults = [Fault(60, "kill", "beat"), Fault(90, "stop", "redis"), Fault(120, "start", "redis")]
    outcome.checks.fail("streams", "bare 1: <b> hole")
    report = report_of(outcome, facts)
    assert report["verdict"] == "failed"
    assert "bare 1: <b> hole" in summary(report)
    page = write_report(report, tmp_path).read_text()
    assert "bare 1: &lt;b&gt; hole" in page
    assert all(word not in page for word in ("<script", "http://", "https://", "url("))
    assert page.count("<title>stop redis at 1.5 min</title>") == page.count("<figure>") - page.count("Nothing was")


def test_an_outage_that_did_not_end_lasts_to_the_end() -> None:
    faults = [{"at": 5.0, "action": "stop", "part": "redis"}, {"at": 6.0, "action": "kill", "part": "beat"}]
    assert [mark["until"] for mark in marks_of(faults, 60.0)] == [60.0, None]
