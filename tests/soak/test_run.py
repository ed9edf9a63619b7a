"""The long run in short: every fault once, each when clients have got over the one before, and the whole verdict."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.soak.__main__ import arguments, plan_of
from tests.soak.report import report_of, summary
from tests.soak.run import Run
from tests.soak.schedule import Fault

pytestmark = [pytest.mark.redis, pytest.mark.postgres]

SETTINGS: dict[str, Any] = {
    **{"IG_SPEED": 1, "IG_CAM_W": 50, "IG_CAM_SEGMENT_SECONDS": 5, "IG_RING_TICKS": 300, "IG_SEED": 7},
    **{"IG_FLUSH_SECONDS": 0.2, "IG_STALL_SECONDS": 5, "IG_START_TS": 1_700_000_000, "IG_COLD_ZSTD_LEVEL": 3},
}
PLAN: dict[str, Any] = {
    **{"symbols": ["IG-USD"], "tick_seconds": 0.1, "patience_seconds": 120, "arrival_seconds": 1},
    **{"measure_seconds": 5, "report_seconds": 0.5, "hold_seconds": 5, "attackers": 3, "attack_seconds": 1},
    **{"flood": 700, "flood_seconds": 6, "descriptors": (256, 512), "scale": 0.03},
}
FAULTS = (
    *("kill market-1", "kill web-1", "cut postgres", "freeze web-1", "thaw web-1", "stop redis", "start redis"),
    *("kill worker", "stop postgres", "kill web-2", "start postgres", "stop bucket", "kill market-1", "start bucket"),
)


@contextmanager
def running(directory: Path, clients: int) -> Iterator[Run]:
    options = arguments(["--clients", str(clients)])
    run = Run(directory, {**plan_of(options), **PLAN}, SETTINGS)
    try:
        run.begin()
        yield run
    finally:
        run.end()


def test_no_stream_is_spliced_or_holed_and_the_tape_is_clean_whatever_fails(tmp_path: Path) -> None:
    faults = [Fault(0, *text.split()) for text in FAULTS]
    with running(tmp_path / "run", clients=20) as run:
        run.carry_out_by_events(faults, ticks=10, hold_seconds=2)
        run.finish()
    report = report_of(run.outcome, {})
    told, statuses = summary(report), {check["check"]: check["status"] for check in report["checks"]}
    assert report["verdict"] == "held", told
    # The kills of one market are tests/continuation's; a minute is too short for the others.
    not_judged = {name for name, status in statuses.items() if status != "held"}
    assert not_judged == {"kills", "memory", "descriptors", "threads"}, told
    figures = run.outcome.figures
    assert figures["contents compared"] > figures["IG-USD ticks on tape"] > 0, told
    assert figures["bars heard"] > 0, told
    assert report["curves"]["lag_ms"]["p99"]
    assert report["curves"]["connected"]["web-1"]


def test_a_run_that_is_ended_ends_all_it_started(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), running(tmp_path / "run", clients=1) as run:
        processes = [part.process for part in run.deployment.parts.values()]
        signal.raise_signal(signal.SIGINT)
    services = [service.process for service in run.deployment.services.values()]
    assert [one for one in (*processes, *services) if one is None or one.running] == []
    assert not any(crowd.running for crowd in run.crowds)
