"""A whole deployment on this machine whose every part is started again when it ends, as systemd would do."""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import psycopg

from tests.processes import PATIENCE_SECONDS, ROOT, Process, environment, free_port, wait_until
from tests.services import PostgresServer, RedisServer


@dataclass
class Part:
    """One process and its successors. It is started again `restart_seconds` after its end, whatever ended it."""

    name: str
    arguments: list[str]
    environment: dict[str, str]
    directory: Path
    restart_seconds: float = 1.0
    process: Process | None = None
    starts: int = 0
    #: Why the last one ended, where that was asked for.
    asked_to_end: bool = False
    _ended_at: float | None = None
    endings: list[tuple[float, int]] = field(default_factory=list)

    def start(self) -> None:
        self.starts += 1
        self._ended_at, self.asked_to_end = None, False
        log = self.directory / f"{self.name}.{self.starts}.log"
        self.process = Process(self.arguments, self.environment, log, cwd=ROOT, start_new_session=True)

    @property
    def pid(self) -> int | None:
        return self.process.process.pid if self.process is not None and self.process.running else None

    def look_after(self, now: float) -> int | None:
        """Start it again when it is time; the status of one that has ended by itself just now."""
        if self.process is None or self.process.running:
            return None
        if self._ended_at is None:
            self._ended_at = now
            status = self.process.process.returncode
            if not self.asked_to_end:
                self.endings.append((time.time(), status))
                return int(status)
        elif now >= self._ended_at + self.restart_seconds:
            self.start()
        return None

    def kill(self) -> None:
        """As a crash ends it: systemd then kills what is left of its children."""
        if self.pid is None or self.process is None:
            return
        self.asked_to_end = True
        children = psutil.Process(self.pid).children(recursive=True)
        self.process.kill()
        for child in children:
            with suppress(psutil.NoSuchProcess):
                child.kill()

    def signal(self, number: signal.Signals) -> None:
        if self.pid is not None:
            os.kill(self.pid, number)

    def end(self) -> str | None:
        """End it in good order; what was wrong, if anything was."""
        if self.process is None:
            return None
        was_running = self.process.running
        self.signal(signal.SIGCONT)
        try:
            status = self.process.stop(seconds=PATIENCE_SECONDS)
        except AssertionError as error:
            return str(error)
        finally:
            self.process = None
        return f"{self.name} ended with status {status}" if was_running and status else None


class Deployment:
    """Redis, PostgreSQL, markets, two web processes, a worker and its beat, in one directory."""

    def __init__(
        self, directory: Path, symbols: list[str], settings: dict[str, Any], descriptors: tuple[int, int]
    ) -> None:
        """`descriptors` are the soft and the hard limit of a web process."""
        self.directory, self.symbols, self.store = directory, symbols, directory / "store"
        self._descriptors = descriptors
        for name in ("redis", "postgres", "logs"):
            (directory / name).mkdir(parents=True)
        self.redis, self.postgres = RedisServer(directory / "redis"), PostgresServer(directory / "postgres")
        self.ports = [free_port(), free_port()]
        urls = {"REDIS_URL": self.redis.url, "DATABASE_URL": self.postgres.url, "IG_SYMBOL": symbols[0]}
        self.environment = environment(self.store, directory / "unused.sqlite3", **{**settings, **urls})
        self.environment["PYTHONPATH"] = f"{ROOT}:{ROOT / 'client' / 'src'}"
        self.parts: dict[str, Part] = {}

    def start(self) -> None:
        self.redis.start()
        self.postgres.start()
        for number, symbol in enumerate(self.symbols, 1):
            self._add(f"market-{number}", *_manage("runmarket", "--symbol", symbol))
        for number, port in enumerate(self.ports, 1):
            serve = _manage("serve", "-b", "127.0.0.1", "-p", str(port))
            soft, hard = self._descriptors
            self._add(f"web-{number}", "sh", "-c", f'ulimit -Sn {soft}; ulimit -Hn {hard}; exec "$@"', "sh", *serve)
        celery = (sys.executable, "-m", "celery", "-A", "igsite")
        self._add("worker", *celery, "worker", "--concurrency", "1", "--loglevel", "INFO", restart_seconds=5)
        schedule = str(self.directory / "beat-schedule")
        self._add("beat", *celery, "beat", "--loglevel", "INFO", "-s", schedule, restart_seconds=5)

    def _add(self, name: str, *arguments: str, restart_seconds: float = 1.0) -> None:
        part = Part(name, [*arguments], self.environment, self.directory / "logs", restart_seconds)
        self.parts[name] = part
        part.start()

    def manage(self, *arguments: str, seconds: float = PATIENCE_SECONDS) -> tuple[int, str]:
        """A command of manage.py to its end: its status and what it said."""
        log = self.directory / "logs" / f"manage-{arguments[0]}-{time.time_ns()}.log"
        process = Process(_manage(*arguments), self.environment, log, cwd=ROOT)
        try:
            return process.wait(seconds), process.log()
        finally:
            if process.running:
                process.kill()

    def token(self) -> str:
        status, said = self.manage("createtoken", "endurance")
        assert status == 0, said
        return said.splitlines()[-1].strip()

    def cut_database(self) -> None:
        """End every connection of the database."""
        with psycopg.connect(self.postgres.url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )

    def do(self, action: str, part: str) -> None:
        """What a fault of the schedule says."""
        if (action, part) == ("stop", "postgres"):
            self.postgres.crash()
        elif (action, part) == ("stop", "redis"):
            self.redis.kill()
        elif action == "start":
            (self.postgres if part == "postgres" else self.redis).start()
        elif action == "cut":
            if self.services_run():
                self.cut_database()
        elif action == "kill":
            self.parts[part].kill()
        else:
            self.parts[part].signal(signal.SIGSTOP if action == "freeze" else signal.SIGCONT)

    def services_run(self) -> bool:
        return all(one.process is not None and one.process.running for one in (self.redis, self.postgres))

    def look_after(self) -> list[str]:
        """Start again what has ended; those that ended by themselves, in words."""
        now = time.monotonic()
        ended = [(part, status) for part in self.parts.values() if (status := part.look_after(now)) is not None]
        return [f"{part.name} ended by itself with status {status}: {_last_words(part)}" for part, status in ended]

    def until_all_run(self) -> None:
        """Heal everything, and wait until each part has been started."""
        for service in (self.postgres, self.redis):
            if service.process is None or not service.process.running:
                service.start()
        for part in self.parts.values():
            part.signal(signal.SIGCONT)
        wait_until(lambda: self.look_after() is not None and all(p.pid for p in self.parts.values()), "every part")

    def end_parts(self) -> list[str]:
        """End what runs on the services; what went wrong."""
        names = ("beat", "worker", *(n for n in self.parts if n.startswith("web")), *self.parts)
        endings = [self.parts[name].end() for name in dict.fromkeys(names) if name in self.parts]
        return [ending for ending in endings if ending]

    def end(self) -> None:
        for part in self.parts.values():
            part.kill()
        self.postgres.end()
        self.redis.end()


def _manage(*arguments: str) -> list[str]:
    return [sys.executable, "-u", str(ROOT / "manage.py"), *arguments]


def _last_words(part: Part) -> str:
    """The last line of its log that is no part of a drawing."""
    lines = part.process.log().splitlines() if part.process is not None else []
    return next((line.strip()[:300] for line in reversed(lines) if any(map(str.isalnum, line))), "it said nothing")
