"""`python -m tests.soak --minutes 60 --clients 500 --seed 1 --kills 100`, or `make soak`.

First a market is killed again and again, then the whole deployment runs with clients, kills and outages. Progress goes
to stdout. In the directory are `report.html` and `report.json`, written whatever a run has come to; `measures.jsonl`,
`events.jsonl` with all that clients say, and `logs`. The status is 0 if the run came to its end and every check held.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

from tests.continuation.killing import Market, judge_kills
from tests.soak.report import report_of, summary, write_report
from tests.soak.run import Run
from tests.soak.schedule import schedule

SYMBOLS = ["IG-USD", "IG-EUR"]
#: The market's agents, and with them its messages, become more while it runs; so that memory can be flat all the same,
#: what is kept of them is bounded in bytes. Segments go to the bucket, and after a quarter of an hour are there alone.
SETTINGS: dict[str, Any] = {
    **{"IG_CAM_SEGMENT_SECONDS": 60, "IG_CAM_W": 100, "IG_RING_TICKS": 3000, "IG_RING_BYTES": 4 << 20},
    **{"IG_OUTBOX_BYTES": 256 << 10, "IG_COLD_ZSTD_LEVEL": 3, "IG_COLD_CACHE_BYTES": 64 << 20},
    **{"IG_RETAIN_MAX_DAYS": 0.01, "IG_RETAIN_MIN_DAYS": 0, "IG_RETAIN_MIN_SEGMENTS": 5},
}
_MARKET_TICKS_A_SECOND = 10


def plan_of(options: argparse.Namespace) -> dict[str, Any]:
    """What clients do in a run of so many minutes."""
    seconds = options.minutes * 60
    return {
        **{"clients": options.clients, "seed": options.seed, "symbols": SYMBOLS, "scale": 1.0},
        **{"tick_seconds": 1 / options.rate, "patience_seconds": 240, "measure_seconds": max(2.0, seconds / 200)},
        **{"arrival_seconds": 20, "report_seconds": 5, "hold_seconds": 60, "attackers": 4, "attack_seconds": 10},
        # A web process is given fewer descriptors than a flood of connections takes, and a soft limit below that.
        **{"flood": options.flood, "flood_seconds": min(480, seconds / 4), "descriptors": (1024, 2048)},
    }


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=(__doc__ or "").split("\n\n")[1])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--clients", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kills", type=int, default=100, help="of one market, before the services run")
    parser.add_argument("--rate", type=float, default=2, help="ticks a second of each market")
    parser.add_argument("--flood", type=int, default=2500, help="most silent connections at once")
    parser.add_argument("--directory", type=Path, help="a new one; a temporary one if not given")
    return parser.parse_args(given)


def carry_out(run: Run, options: argparse.Namespace) -> None:
    """Both parts. Whatever ends one is noted, and ends the run."""
    checks = run.outcome.checks
    try:
        if options.kills:
            markets = [Market(run.directory / "kills" / name) for name in ("broken", "whole")]
            found, told = judge_kills(*markets, options.kills, random.Random(options.seed))
            checks.judged("kills", *told, found=found)
        run.begin()
        run.carry_out(schedule(options.minutes * 60, options.seed, [*run.deployment.parts]), options.minutes * 60)
        run.finish()
    except KeyboardInterrupt:
        checks.fail("run", f"interrupted after {run.seconds:g} s")
    except Exception as error:  # noqa: BLE001 (whatever it is, the report says so)
        traceback.print_exc()
        checks.fail("run", repr(error))


def main() -> None:
    options = arguments()
    directory = options.directory or Path(tempfile.mkdtemp(prefix="market-camera-soak-"))
    directory.mkdir(parents=True, exist_ok=True)
    started_at = time.time()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    settings = {**SETTINGS, "IG_SEED": options.seed, "IG_START_TS": int(started_at)}
    settings["IG_SPEED"] = options.rate / _MARKET_TICKS_A_SECOND
    run = Run(directory, plan_of(options), settings)
    carry_out(run, options)
    for number in (signal.SIGINT, signal.SIGTERM):  # what was started must end, and the report be written
        signal.signal(number, signal.SIG_IGN)
    run.end()
    facts = {name: getattr(options, name) for name in ("minutes", "clients", "seed", "kills", "rate", "flood")}
    report = report_of(run.outcome, {"started_at": started_at, **facts})
    path = write_report(report, directory)
    print(summary(report), f"the report: {path}", sep="\n", flush=True)
    sys.exit(report["verdict"] != "held")


if __name__ == "__main__":
    main()
