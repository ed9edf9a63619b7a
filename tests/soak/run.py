"""A run of the whole deployment with clients of every sort, hostile ones and faults: from its start to its verdict."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from dataclasses import replace
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import psycopg

from tests.processes import wait_until
from tests.soak.checks import check_of
from tests.soak.crowd import Crowd
from tests.soak.deployment import Deployment
from tests.soak.measures import TRIERS, bytes_below, sample
from tests.soak.outcome import Outcome
from tests.soak.schedule import Fault

_STEP_SECONDS = 0.25
#: Between two lines on how things are.
_TELL_SECONDS = 30.0


class Run:
    """One run in a directory of its own."""

    def __init__(self, directory: Path, plan: dict[str, Any], settings: dict[str, Any]) -> None:
        """`settings` are those of the deployment; IG_START_TS among them, so that its tapes can be made again."""
        self.directory = directory
        self.deployment = Deployment(directory, plan["symbols"], settings, plan["descriptors"])
        self._plan = {**plan, "directory": str(directory), "ports": self.deployment.ports}
        self.crowds: list[Crowd] = []
        self.outcome = Outcome(directory, plan["symbols"])
        self._begun = self._measured = time.monotonic()
        self._told = 0.0

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
        self._begun, self.outcome.begun_at = time.monotonic(), time.time()
        self._measured = self._begun
        for name in TRIERS:
            self.crowds.append(Crowd(f"tests.soak.{name}", plan, self.deployment.environment, self._hear))
        pids = {name: part.pid for name, part in self.deployment.parts.items()}
        self.say(f"in {self.directory}: {pids}, ports {self.deployment.ports}")

    def _hear(self, crowd: str, message: dict[str, Any]) -> None:
        """What a process of clients writes, on that process's thread."""
        with (self.directory / "events.jsonl").open("a") as file:
            file.write(json.dumps({"crowd": crowd, **message}) + "\n")
        if message["type"] == "violation":
            check = check_of(message["client"], message["what"])
            self.violation(check, f"{message['client']}: {message['what']}: {message['detail']}")

    def violation(self, check: str, text: str) -> None:
        self.outcome.checks.fail(check, text)
        self.say(f"VIOLATION {check}: {text}")

    # -- while it runs

    def step(self) -> None:
        """Look after everything for a moment."""
        time.sleep(_STEP_SECONDS)
        for ending in self.deployment.look_after():
            if self.deployment.excuses():
                self.say(f"(for want of a service) {ending}")
            else:
                self.violation("lives", ending)
        for crowd in self.crowds:
            if not crowd.running and crowd.last.get("gone") is None:
                crowd.last["gone"] = {}
                self.violation("run", f"the process of {crowd.name} ended with {crowd.process.returncode}")
        if time.monotonic() > self._measured + self._plan["measure_seconds"]:
            self._measured = time.monotonic()
            self.measure()

    @property
    def seconds(self) -> float:
        """Since it has begun."""
        return round(time.monotonic() - self._begun, 1)

    def measure(self) -> None:
        pids = {name: part.pid for name, part in self.deployment.parts.items()}
        pids |= {crowd.name: crowd.process.pid for crowd in self.crowds if crowd.running}
        if (redis := self.deployment.redis.process) is not None and redis.running:
            pids["redis"] = redis.process.pid
        at, directory = self.seconds, self.directory
        found = [{"at": at, **one} for one in sample(pids, self.deployment.web_ports)]
        self.outcome.samples += found
        store, bucket = bytes_below(self.deployment.store), bytes_below(directory / "objects")
        self.outcome.sizes.append({"at": at, "store": store, "bucket": bucket})
        with (directory / "measures.jsonl").open("a") as file:
            file.writelines(json.dumps(one) + "\n" for one in found)
        if time.monotonic() > self._told + _TELL_SECONDS:
            self._told = time.monotonic()
            self._tell(found)

    def _tell(self, found: list[dict[str, Any]]) -> None:
        told = [f"{one['part']} {one['mib']:.0f} MiB {one['descriptors']:.0f}fd" for one in found]
        progress = self.crowds[0].last.get("progress", {})
        shown = {name: progress.get(name) for name in ("least", "messages", "gaps", "age_p50_ms", "age_p99_ms")}
        self.say(f"{', '.join(told)}; {shown}; {len(self.outcome.checks.violations)} violations")

    def carry_out(self, faults: list[Fault], seconds: float) -> None:
        """The faults at their times, to the end of the run."""
        self.outcome.schedule = faults
        self.say(f"what will be done: {', '.join(map(str, faults))}")
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
        self.outcome.faults.append(replace(fault, at=self.seconds))
        if (fault.action, fault.part) == ("kill", "worker"):
            self.outcome.worker_kills.append(time.time())
        try:
            self.deployment.do(fault.action, fault.part)
        except (AssertionError, OSError, psycopg.Error) as error:
            self.violation("run", f"{fault}: {error}")

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
            self.violation("run", f"not healthy when the faults were over: {error}")
            targets = {}
        self.say(f"everybody is to come to {targets}")
        for crowd in self.crowds[:-1]:
            crowd.finish(targets)
        for crowd in self.crowds[:-1]:
            if (status := self._while_stepping(crowd)) != 0:
                self.violation("run", f"the process of {crowd.name} ended with {status}")
        self.measure()
        self.outcome.note_alerts(self.ask("/api/v1/alerts?active=1", Authorization=f"Bearer {self._plan['token']}"))
        for wrong in self.deployment.end_parts():
            self.violation("lives", wrong)
        self.outcome.checks.judged("lives", f"{sum(p.starts for p in self.deployment.parts.values())} processes")
        self.say("the deployment has ended; reading the tapes")
        self.outcome.judge(self.deployment, self.say)
        for name in ("arrival", "subscriptions", "answers", "run"):
            self.outcome.checks.judged(name)

    def _while_stepping(self, crowd: Crowd) -> int | None:
        deadline = time.monotonic() + self._plan["patience_seconds"] + 60
        while crowd.running and time.monotonic() < deadline:
            time.sleep(_STEP_SECONDS)
            self.deployment.look_after()
        return crowd.wait(1)

    def end(self) -> None:
        """End all that was started, whatever the run has come to, and judge what can be judged in any case."""
        self.outcome.seconds = self.outcome.samples[-1]["at"] if self.outcome.samples else 0.0
        for crowd in self.crowds:
            crowd.kill()
        self.deployment.end()
        self.outcome.judge_measures()
        self.outcome.judge_logs()

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
