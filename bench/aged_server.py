"""A server on a store of some age, and what it costs: `manage.py live` at a tick a second, with its database."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import psutil
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from bench.aged_store import DAY_TICKS, KINDS, ROOT, SEGMENT_TICKS, TICK_SECONDS
from bench.stores import environment, free_port

_PATIENCE_SECONDS = 300
_IDLE_PART = 0.1
_SINCE = 500


def seconds_of(process: psutil.Process) -> float:
    """CPU time of a process and its children, also of those that it has waited for."""
    ended = process.cpu_times()
    total: float = ended.children_user + ended.children_system
    for one in (process, *process.children(recursive=True)):
        try:
            total += time.clock_gettime((~one.pid << 3) | 2)  # the clock of another process, see clock_getcpuclockid(3)
        except OSError:
            continue  # it ended meanwhile, and is among those that were waited for next time
    return total


class AgedServer:
    """`url` is that of its database, None for SQLite; `database_pid` the process of that."""

    #: So few ticks are in memory that what is asked for lies in files, of the young store too.
    ring_ticks = 200

    def __init__(self, directory: Path, days: int, url: str | None, database_pid: int | None) -> None:
        self.days, self.ticks = days, days * DAY_TICKS
        self.segments = self.ticks // SEGMENT_TICKS * len(KINDS)
        self._database = None if database_pid is None else psutil.Process(database_pid)
        self._port, self._log = free_port(), directory / "log"
        self.url = f"http://127.0.0.1:{self._port}"
        pace = {"IG_TICK_INTERVAL": str(TICK_SECONDS), "IG_SPEED": str(TICK_SECONDS)}
        more = {"DATABASE_URL": url} if url else {}
        own = {"PORT": str(self._port), "IG_RING_TICKS": str(self.ring_ticks)}
        self._environment = environment(directory, **own, **pace, **more)
        made = directory / "made"
        if not made.exists():
            store = directory / "store"
            store.mkdir()
            make = [sys.executable, "bench/aged_store.py", str(days), str(store)]
            told = subprocess.run(make, cwd=ROOT, env=self._environment, check=True, stdout=subprocess.PIPE).stdout
            made.write_bytes(told)
        self._session, begun = made.read_text().split()
        self.begun = int(begun)
        self._process: psutil.Popen | None = None

    def start(self) -> None:
        """Until a tick was made and streamed."""
        log = self._log.open("ab")
        command = [sys.executable, "manage.py", "live", "--bind", "127.0.0.1"]
        self._process = psutil.Popen(command, cwd=ROOT, env=self._environment, stdout=log, stderr=log)
        log.close()
        with self._stream("types=tick") as stream:
            while json.loads(stream.recv(_PATIENCE_SECONDS))["type"] != "tick":
                pass

    def settle(self) -> None:
        """Until it has done what a first start does once for a store that it did not make."""
        spent = self.cpu_seconds()
        while True:
            time.sleep(5)
            before, spent = spent, self.cpu_seconds()
            if spent - before < 5 * _IDLE_PART:
                return

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def cpu_seconds(self) -> float:
        """What it has used since its start, and its database since that one's."""
        return (0.0 if self._process is None else seconds_of(self._process)) + self.database_seconds()

    def database_seconds(self) -> float:
        return 0.0 if self._database is None else seconds_of(self._database)

    def ask(self, paths: Iterable[str]) -> None:
        """One after the other, over a connection of their own."""
        with closing(HTTPConnection("127.0.0.1", self._port, timeout=_PATIENCE_SECONDS)) as connection:
            for path in paths:
                connection.request("GET", path, headers={"Cookie": f"sessionid={self._session}"})
                answer = connection.getresponse()
                body = answer.read()
                assert answer.status == 200, f"{path}: {answer.status} {body[:200]!r}"

    def resume(self) -> None:
        with self._stream(f"types=tick&since={self.ticks - _SINCE}") as stream:
            while json.loads(stream.recv(_PATIENCE_SECONDS))["type"] != "caught_up":
                pass

    def _stream(self, query: str) -> ClientConnection:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            assert self.is_running, self._log.read_text()[-3000:]
            try:
                return connect(f"ws://127.0.0.1:{self._port}/ws/stream?{query}", max_size=None, proxy=None)
            except (OSError, WebSocketException):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
