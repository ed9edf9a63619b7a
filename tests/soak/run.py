"""A long run of the whole deployment with clients of every sort, hostile ones and random faults, and its verdict.

`python -m tests.endurance.run --minutes 120 --clients 200` (or `make endurance`). Progress goes to stdout, measures to
`measures.jsonl`, everything that clients report to `events.jsonl`, the verdict to `summary.txt`, all in the directory.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
import time
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import psycopg

from tests.endurance.crowd import Crowd
from tests.endurance.deployment import Deployment
from tests.endurance.measures import TRIERS, sample
from tests.endurance.schedule import Fault, schedule
from tests.endurance.summary import Outcome
from tests.processes import wait_until

SYMBOLS = ["IG-USD", "IG-EUR"]
#: The market's agents, and with them its messages, become more while it runs; so that memory can be flat all the same,
#: what is kept of them is bounded in bytes.
SETTINGS: dict[str, Any] = {
    "IG_CAM_SEGMENT_SECONDS": 60,
    "IG_RING_TICKS": 3000,
    "IG_RING_BYTES": 4 << 20,
    "IG_OUTBOX_BYTES": 256 << 10,
    "IG_SEED": 7,
}
_STEP_SECONDS = 0.25
_MEASURE_SECONDS = 30.0


class Run:
    """One run in a directory of its own."""

    def __init__(self, directory: Path, plan: dict[str, Any], settings: dict[str, Any]) -> None:
        self.directory = directory
        self.deployment = Deployment(directory, plan["symbols"], settings, plan["descriptors"])
        self._plan = {**plan, "directory": str(directory), "ports": self.deployment.ports}
        self.crowds: list[Crowd] = []
        self.outcome = Outcome(directory, plan["symbols"])
        self._begun = self._measured = time.monotonic()

    def say(self, text: str) -> None:
        seconds = time.monotonic() - self._begun
        line = f"{int(seconds // 60):4}:{seconds % 60:04.1f} {text}"
        print(line, flush=True)

    # -- begin

    def begin(self) -> None:
        self.deployment.start()
        self.until_healthy()
        self._plan["token"] = self.deployment.token()
        plan = self.directory / "plan.json"
        plan.write_text(json.dumps(self._plan))
        self._begun = self._measured = time.monotonic()
        for name in TRIERS:
            self.crowds.append(Crowd(f"tests.endurance.{name}", plan, self.deployment.environment, self._hear))
        pids = {name: part.pid for name, part in self.deployment.parts.items()}
        self.say(f"in {self.directory}: {pids}, ports {self.deployment.ports}")

    def _hear(self, crowd: str, message: dict[str, Any]) -> None:
        """What a process of clients writes, on that process's thread."""
        with (self.directory / "events.jsonl").open("a") as file:
            file.write(json.dumps({"crowd": crowd, **message}) + "\n")
        if message["type"] == "violation":
            self.violation(f"{message['client']}: {message['what']}: {message['detail']}")

    def violation(self, text: str) -> None:
        self.outcome.violations.append(text)
        self.say(f"VIOLATION {text}")

    # -- while it runs

    def step(self) -> None:
        """Look after everything for a moment."""
        time.sleep(_STEP_SECONDS)
        for ending in self.deployment.look_after():
            if self.deployment.services_run():
                self.violation(ending)
            else:
                self.say(f"(during an outage) {ending}")
        for crowd in self.crowds:
            if not crowd.running and crowd.last.get("gone") is None:
                crowd.last["gone"] = {}
                self.violation(f"harness: the process of {crowd.name} ended with {crowd.process.returncode}")
        if time.monotonic() > self._measured + _MEASURE_SECONDS:
            self._measured = time.monotonic()
            self.measure()

    def measure(self) -> None:
        pids = {name: part.pid for name, part in self.deployment.parts.items()}
        pids |= {crowd.name: crowd.process.pid for crowd in self.crowds if crowd.running}
        at = round(time.monotonic() - self._begun, 1)
        found = [{"at": at, **one} for one in sample(pids)]
        self.outcome.samples += found
        with (self.directory / "measures.jsonl").open("a") as file:
            file.writelines(json.dumps(one) + "\n" for one in found)
        told = [f"{one['part']} {one['mib']:.0f} MiB {one['descriptors']}fd" for one in found]
        progress = self.crowds[0].last.get("progress", {})
        shown = {name: progress.get(name) for name in ("least", "messages", "age_p50_ms", "age_p99_ms")}
        self.say(f"{', '.join(told)}; {shown}; {len(self.outcome.violations)} violations")

    def carry_out(self, faults: list[Fault], seconds: float) -> None:
        """The faults at their times, to the end of the run."""
        for fault in [*faults, None]:
            while time.monotonic() < self._begun + (fault.at if fault else seconds):
                self.step()
            if fault:
                self.do(fault)

    def carry_out_by_events(self, faults: list[Fault], ticks: int, hold_seconds: float) -> None:
        """The faults one after the other, whatever time it takes: each when those clients that keep up have gone on by
        so many ticks since the one before. What lasts, lasts `hold_seconds`."""
        for fault in faults:
            self.do(fault)
            if fault.action in ("stop", "freeze"):
                self._steps(hold_seconds)
                continue
            marks = {symbol: self.least(symbol) + ticks for symbol in self.deployment.symbols}
            wait_until(lambda marks=marks: self._are_beyond(marks), f"{ticks} ticks after {fault}")  # type: ignore[misc]

    def _are_beyond(self, marks: dict[str, int]) -> bool:
        self.step()
        return all(self.least(symbol) >= mark for symbol, mark in marks.items())

    def _steps(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.step()

    def least(self, symbol: str) -> int:
        return min((t for crowd in self.crowds if (t := crowd.least(symbol)) is not None), default=-1)

    def do(self, fault: Fault) -> None:
        self.say(f"{fault.action} {fault.part}")
        self.outcome.faults[f"{fault.action} {fault.part}"] += 1
        if (fault.action, fault.part) == ("kill", "worker"):
            self.outcome.worker_kills.append(time.time())
        try:
            self.deployment.do(fault.action, fault.part)
        except (AssertionError, OSError, psycopg.Error) as error:
            self.violation(f"harness: {fault.action} {fault.part}: {error}")

    # -- end

    def finish(self) -> None:
        """Faults end, everyone catches up and leaves, and the verdict is made."""
        self.say("faults are over")
        self.deployment.until_all_run()
        hostile = self.crowds[-1]
        hostile.finish({})
        hostile.wait(60)
        try:
            self.until_healthy()
            targets = {symbol: self.latest_t(symbol) for symbol in self.deployment.symbols}
        except (AssertionError, OSError, HTTPException, KeyError) as error:
            self.violation(f"not healthy when the faults were over: {error}")
            targets = {}
        self.say(f"everybody is to come to {targets}")
        for crowd in self.crowds[:-1]:
            crowd.finish(targets)
        for crowd in self.crowds[:-1]:
            if (status := self._while_stepping(crowd)) != 0:
                self.violation(f"harness: the process of {crowd.name} ended with {status}")
        self.measure()
        self.outcome.note_alerts(self.ask("/api/v1/alerts?active=1", Authorization=f"Bearer {self._plan['token']}"))
        for wrong in self.deployment.end_parts():
            self.violation(wrong)
        self.say("the deployment has ended; reading the tapes")
        self.outcome.judge(self.deployment, self.say)

    def _while_stepping(self, crowd: Crowd) -> int | None:
        deadline = time.monotonic() + self._plan["patience_seconds"] + 60
        while crowd.running and time.monotonic() < deadline:
            time.sleep(_STEP_SECONDS)
            self.deployment.look_after()
        return crowd.wait(1)

    def end(self) -> None:
        for crowd in self.crowds:
            crowd.kill()
        self.deployment.end()

    # -- asking

    def ask(self, path: str, port: int | None = None, **headers: str) -> tuple[int, bytes]:
        connection = HTTPConnection("127.0.0.1", port or self.deployment.ports[0], timeout=30)
        try:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def latest_t(self, symbol: str) -> int:
        newest = json.loads(self.ask(f"/incremental?limit=1&symbol={symbol}")[1])["latest_t"]
        return -1 if newest is None else int(newest)

    def until_healthy(self) -> None:
        def healthy() -> bool:
            for wrong in self.deployment.look_after():
                self.say(wrong)
            with suppress(OSError, HTTPException):
                for port in self.deployment.ports:
                    for symbol in self.deployment.symbols:
                        if self.ask(f"/health?symbol={symbol}", port)[0] != 200:
                            return False
                return all(self.latest_t(symbol) >= 0 for symbol in self.deployment.symbols)
            return False

        wait_until(healthy, "health of every market in every web process", 180)


def long_plan(clients: int, seed: int) -> dict[str, Any]:
    """What clients do in a run of hours."""
    return {
        **{"clients": clients, "seed": seed, "symbols": SYMBOLS, "tick_seconds": 0.1, "patience_seconds": 240},
        "scale": 1.0,
        **{"arrival_seconds": 20, "report_seconds": 5, "hold_seconds": 60, "attackers": 4, "attack_seconds": 10},
        # A web process is given fewer descriptors than a flood of connections takes, and a soft limit below that.
        **{"flood": 2500, "flood_seconds": 480, "descriptors": (1024, 2048)},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--minutes", type=float, default=120)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--flood", type=int, help="most silent connections at once; 2500 if not given")
    parser.add_argument("--directory", type=Path, help="a new one; a temporary one if not given")
    options = parser.parse_args()
    directory = options.directory or Path(tempfile.mkdtemp(prefix="market-camera-endurance-"))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    plan = long_plan(options.clients, options.seed)
    plan["flood"] = plan["flood"] if options.flood is None else options.flood
    plan["flood_seconds"] = min(plan["flood_seconds"], options.minutes * 60 / 4)
    run = Run(directory, plan, SETTINGS)
    try:
        run.begin()
        parts = [*run.deployment.parts]
        run.carry_out(schedule(options.minutes * 60, options.seed, parts), options.minutes * 60)
        run.finish()
    finally:
        run.end()
        print(run.outcome.write(), flush=True)
    sys.exit(bool(run.outcome.violations))


if __name__ == "__main__":
    main()
