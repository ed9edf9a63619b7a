"""A whole deployment on this machine whose every part is started again when it ends, as systemd would do."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from recorder.segment.layout import market_dir
from tests.object_store import ObjectStore
from tests.processes import PATIENCE_SECONDS, ROOT, Process, environment, free_port, wait_until
from tests.services import PostgresServer, RedisServer

#: What ended in an outage may be noticed so long after it.
_EXCUSED_SECONDS = 15.0

#: How long it may take to make all ticks of a run again.
_WHOLE_SECONDS = 3600.0

#: The bucket of the cold copies.
BUCKET = "tapes"


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
    """Redis, PostgreSQL, a bucket, markets, two web processes, a worker and its beat, in one directory."""

    def __init__(
        self, directory: Path, symbols: list[str], settings: dict[str, Any], descriptors: tuple[int, int]
    ) -> None:
        """`descriptors` are the soft and the hard limit of a web process. Each market has a seed of its own, from
        `IG_SEED` on: what is sent to the clients of another one is then found."""
        self.directory, self.symbols, self.store = directory, symbols, directory / "store"
        self._descriptors = descriptors
        for name in ("redis", "postgres", "logs"):
            (directory / name).mkdir(parents=True)
        self.redis, self.postgres = RedisServer(directory / "redis"), PostgresServer(directory / "postgres")
        self.objects = ObjectStore(directory / "objects")
        self.services: dict[str, RedisServer | PostgresServer | ObjectStore] = {
            "redis": self.redis,
            "postgres": self.postgres,
            "bucket": self.objects,
        }
        self.ports = [free_port(), free_port()]
        urls = {"REDIS_URL": self.redis.url, "DATABASE_URL": self.postgres.url, "IG_SYMBOL": symbols[0]}
        urls |= {"IG_COLD_STORE": self.objects.url(BUCKET), **self.objects.environment}
        self.environment = environment(self.store, directory / "unused.sqlite3", **{**settings, **urls})
        self.environment["PYTHONPATH"] = f"{ROOT}:{ROOT / 'client' / 'src'}"
        self.parts: dict[str, Part] = {}
        self._healed_at = 0.0

    def start(self) -> None:
        for service in self.services.values():
            service.start()
        self.objects.bucket(BUCKET)
        for number, symbol in enumerate(self.symbols, 1):
            seed = {"IG_SEED": str(self.seed_of(symbol))}
            self._add(f"market-{number}", *_manage("runmarket", "--symbol", symbol), **seed)
        for name, port in self.web_ports.items():
            serve = _manage("serve", "-b", "127.0.0.1", "-p", str(port))
            soft, hard = self._descriptors
            self._add(name, "sh", "-c", f'ulimit -Sn {soft}; ulimit -Hn {hard}; exec "$@"', "sh", *serve)
        celery = (sys.executable, "-m", "celery", "-A", "igsite")
        self._add("worker", *celery, "worker", "--concurrency", "1", "--loglevel", "INFO", restart_seconds=5)
        schedule = str(self.directory / "beat-schedule")
        self._add("beat", *celery, "beat", "--loglevel", "INFO", "-s", schedule, restart_seconds=5)

    @property
    def web_ports(self) -> dict[str, int]:
        """Where each web process takes connections."""
        return {f"web-{number}": port for number, port in enumerate(self.ports, 1)}

    def seed_of(self, symbol: str) -> int:
        """The seed of a market's simulator."""
        return int(self.environment["IG_SEED"]) + self.symbols.index(symbol)

    def market_directory(self, symbol: str) -> Path:
        """Where a market's tapes are."""
        return market_dir(self.store, symbol, self.symbols[0])

    def _add(self, name: str, *arguments: str, restart_seconds: float = 1.0, **settings: str) -> None:
        part = Part(name, [*arguments], self.environment | settings, self.directory / "logs", restart_seconds)
        self.parts[name] = part
        part.start()

    def manage(self, *arguments: str, seconds: float = PATIENCE_SECONDS) -> tuple[int, str]:
        """A command of manage.py to its end: its status and what it said."""
        return self._to_its_end(f"manage-{arguments[0]}-{time.time_ns()}", arguments, self.environment, seconds)

    def _to_its_end(
        self, name: str, arguments: Sequence[str], settings: dict[str, str], seconds: float
    ) -> tuple[int, str]:
        process = Process(_manage(*arguments), settings, self.directory / "logs" / f"{name}.log", cwd=ROOT)
        try:
            return process.wait(seconds), process.log()
        finally:
            if process.running:
                process.kill()

    def make_whole(self, symbol: str, store: Path, database: Path, ticks: int) -> tuple[int, str]:
        """The same market from its first tick to as many, in a store of its own, as fast as can be and uninterrupted.

        Returns the status of its process and what it said.
        """
        same = {name: value for name, value in self.environment.items() if name.startswith(("IG_CAM_", "IG_START_"))}
        own = {"IG_SYMBOL": symbol, "IG_SEED": self.seed_of(symbol), "IG_SPEED": 0, "IG_CAM_STORE_DIR": store}
        settings = environment(store, database, **{**same, **own})
        return self._to_its_end(f"whole-{symbol}", ("runmarket", "--ticks", str(ticks)), settings, _WHOLE_SECONDS)

    def token(self) -> str:
        status, said = self.manage("createtoken", "soak")
        assert status == 0, said
        return said.splitlines()[-1].strip()

    def do(self, action: str, part: str) -> None:
        """What a fault of the schedule says."""
        if action == "stop":
            self._stop(part)
        elif action == "start":
            self.services[part].start()
            self._healed_at = time.monotonic()
        elif action == "cut":
            if self.services_run():
                self.postgres.cut_connections()
        elif action == "kill":
            self.parts[part].kill()
        else:
            self.parts[part].signal(signal.SIGSTOP if action == "freeze" else signal.SIGCONT)

    def _stop(self, service: str) -> None:
        if service == "postgres":
            self.postgres.crash()
        else:
            (self.redis if service == "redis" else self.objects).kill()

    def services_run(self) -> bool:
        return all(one.process is not None and one.process.running for one in (self.redis, self.postgres))

    def excuses(self) -> bool:
        """Whether a part may end by itself: without the database none can start, and it gives up after some seconds."""
        return not self.services_run() or time.monotonic() < self._healed_at + _EXCUSED_SECONDS

    def look_after(self) -> list[str]:
        """Start again what has ended; those that ended by themselves, in words."""
        now = time.monotonic()
        ended = [(part, status) for part in self.parts.values() if (status := part.look_after(now)) is not None]
        return [f"{part.name} ended by itself with status {status}: {_last_words(part)}" for part, status in ended]

    def until_all_run(self) -> None:
        """Heal everything, and wait until each part has been started."""
        for service in self.services.values():
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
        self.objects.kill()


def _manage(*arguments: str) -> list[str]:
    return [sys.executable, "-u", str(ROOT / "manage.py"), *arguments]


def _last_words(part: Part) -> str:
    """The last line of its log that is no part of a drawing."""
    lines = part.process.log().splitlines() if part.process is not None else []
    return next((line.strip()[:300] for line in reversed(lines) if any(map(str.isalnum, line))), "it said nothing")
