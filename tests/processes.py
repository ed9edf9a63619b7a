"""Real processes for the tests: Market Camera's own commands on a throw-away store, each with its log and its end."""

from __future__ import annotations

import fcntl
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from http.client import HTTPConnection, HTTPException, HTTPMessage
from pathlib import Path
from typing import Any, BinaryIO

import zstandard
from websockets.sync.client import ClientConnection, connect

from tests.forks import PATIENCE_SECONDS, ROOT, ran, spawn
from tests.network import CALM

#: Between two looks, at first and at most: a server that is asked fifty times a second has less time for the rest.
_SHORTEST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.02, 0.1


def wait_until(holds: Callable[[], Any], what: str, seconds: float = PATIENCE_SECONDS) -> Any:
    """The first true answer of `holds`, asked again and again; fails when none came in time."""
    deadline, pause = time.monotonic() + seconds, _SHORTEST_PAUSE_SECONDS
    while not (found := holds()):
        assert time.monotonic() < deadline, f"{what}: not within {seconds:g} s"
        time.sleep(pause)
        pause = min(1.5 * pause, _LONGEST_PAUSE_SECONDS)
    return found


def free_port() -> int:
    """A port that nobody listens on, from where the system takes none for outgoing connections: between this answer and
    the server's start one of those could have it. No test process is given one that another has, or that it had."""
    while True:
        port = random.randrange(12_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            if port not in _given:
                fcntl.lockf(_claims(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
                _given.add(port)
                probe.bind(("", port))
                return port


#: The ports that this process was given.
_given: set[int] = set()


@cache
def _claims() -> BinaryIO:
    """A file of which each test process locks a byte for each port that it was given, until it ends."""
    return (Path(tempfile.gettempdir()) / f"market-camera-ports-{os.getuid()}").open("ab")


class Process:
    """A child with its output in a file, ended by its own id."""

    def __init__(
        self,
        arguments: list[str],
        environment: dict[str, str],
        log: Path,
        **options: Any,
    ) -> None:
        self._log = log
        self.name = " ".join(Path(argument).name for argument in arguments[:4])
        with log.open("wb") as output:
            self.process = spawn(arguments, environment, output=output, **options)

    def log(self) -> str:
        """Everything it wrote so far."""
        return self._log.read_text(errors="replace")

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def wait(self, seconds: float = PATIENCE_SECONDS) -> int:
        """Its exit status, once it has ended by itself."""
        return self.process.wait(seconds)

    def stop(self, number: signal.Signals = signal.SIGTERM, seconds: float = PATIENCE_SECONDS) -> int:
        """Ask it to end; its exit status. Aborted, and a failure, when it does not: its log has all its stacks then."""
        if self.running:
            self.process.send_signal(number)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            for last in (signal.SIGABRT, signal.SIGCONT):  # it may be held
                self.process.send_signal(last)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(10)
            self.kill()
            raise AssertionError(f"{self.name} did not end {seconds:g} s after {number.name}") from None

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.wait()


@dataclass
class Answer:
    """What came back over HTTP."""

    status: int
    headers: HTTPMessage
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Live(Process):
    """A running server: `manage.py live`, or `serve`."""

    def __init__(self, site: Site, port: int, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.port, self.site, self.store = port, site, site.store
        self.url, self.ws_url = f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}"

    def ask(self, path: str, method: str = "GET", headers: dict[str, str] | None = None) -> Answer:
        """One request. The path goes out as it is, so that a test can ask for what no browser would."""
        connection = self.http()
        try:
            connection.request(method, path, headers=headers or {})
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def http(self) -> HTTPConnection:
        """A connection for requests of the test's own."""
        return HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)

    def connect(self, path: str) -> ClientConnection:
        """A socket that takes messages of any size, uncompressed."""
        return connect(f"{self.ws_url}{path}", max_size=None, compression=None, **CALM)

    def json(self, path: str) -> Any:
        """The JSON of an answer that must be a success."""
        answer = self.ask(path)
        assert answer.status == 200, f"{path}: {answer.status} {answer.body[:300]!r}"
        return answer.json()

    def wait_until_it_answers(self) -> None:
        def answers() -> bool:
            assert self.running, f"{self.name} ended with status {self.process.returncode}:\n{self.log()}"
            try:
                return self.ask("/health").status in (200, 503)
            except (OSError, HTTPException):
                return False

        wait_until(answers, f"an answer of {self.name}")

    def wait_for_ticks(self, beyond: int) -> int:
        """Wait until the market is past this t; the newest t."""
        newest: Callable[[], int | None] = lambda: self.json("/incremental?limit=1")["latest_t"]  # noqa: E731
        wait_until(lambda: (t := newest()) is not None and t > beyond, f"a tick beyond {beyond}")
        return newest() or 0


class Site:
    """A store, a database and the commands that work on them."""

    def __init__(self, directory: Path, migrated: Path) -> None:
        self.directory, self.store = directory, directory / "store"
        self.database = directory / "site.sqlite3"
        self.database.write_bytes(migrated.read_bytes())
        self.processes: list[Process] = []
        #: How many file descriptors its processes may have, None for as many as the tests.
        self.descriptors: int | None = None
        #: Whether its processes have sessions of their own, so that their children of low priority wait for them alone
        #: and not for all the tests.
        self.apart = False
        #: What its commands read on standard input.
        self.stdin: Any = subprocess.DEVNULL

    def run(self, *arguments: str, **env: Any) -> subprocess.CompletedProcess[str]:
        """A command of manage.py, to its end."""
        settings = environment(self.store, self.database, **env)
        return ran(manage(*arguments), settings, **self._options)

    def start(self, *arguments: str, **env: Any) -> Process:
        """A command of manage.py, running."""
        process = Process(*self._command(arguments, env), **self._options)
        self.processes.append(process)
        return process

    def start_program(self, module: str, *arguments: str, **env: Any) -> Process:
        """Another program with the settings of the site: `python -m module …`."""
        log = self.directory / f"{module}-{len(self.processes)}.log"
        settings = environment(self.store, self.database, **env) | {"PYTHONPATH": f"{ROOT}:{ROOT / 'client' / 'src'}"}
        process = Process([sys.executable, "-m", module, *arguments], settings, log, cwd=self.directory)
        self.processes.append(process)
        return process

    def serve(self, *arguments: str, ready: bool = True, **env: Any) -> Live:
        """`manage.py live`, or the command given, on a port of its own; by default it answers already."""
        port = int(env.setdefault("PORT", free_port()))
        command = self._command(arguments or ("live",), env)
        live = Live(self, port, *command, **self._options)
        self.processes.append(live)
        if ready:
            live.wait_until_it_answers()
        return live

    @property
    def _options(self) -> dict[str, Any]:
        return {"stdin": self.stdin, "cwd": self.directory, "apart": self.apart, "descriptors": self.descriptors}

    def end(self) -> None:
        """End every process that still runs."""
        for process in self.processes:
            if process.running:
                process.process.terminate()
        for process in self.processes:
            process.stop()

    def _command(self, arguments: tuple[str, ...], env: dict[str, Any]) -> tuple[list[str], dict[str, str], Path]:
        log = self.directory / f"{len(self.processes)}-{arguments[0]}.log"
        return manage(*arguments), environment(self.store, self.database, **env), log

    # -- what lies in the store

    def segments(self, kind: str, symbol: str | None = None) -> list[Path]:
        """The files of a kind in the order of their first t."""
        directory = (self.store / symbol if symbol else self.store) / kind
        return sorted(directory.glob("segment_*.jsonl.zst"), key=lambda path: (first_t(path), path.name))

    def text(self, kind: str, symbol: str | None = None) -> bytes:
        """Everything recorded of a kind, decompressed."""
        return b"".join(decompressed(path) for path in self.segments(kind, symbol))

    def messages(self, kind: str, symbol: str | None = None) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text(kind, symbol).splitlines()]

    @property
    def sealed(self) -> bool:
        """Whether something was recorded and no segment is open any more."""
        files = [path.name for kind in ("ticks", "frames", "metrics") for path in self.segments(kind)]
        return bool(files) and not any("_pending" in name for name in files)


def first_t(path: Path) -> int:
    """The t in a segment's name."""
    return int(path.name.removesuffix(".jsonl.zst").removesuffix("_pending").split("_")[3])


def decompressed(path: Path) -> bytes:
    """The text of a segment, also where it was sealed, and so got its lasting name, since its name was read."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        file = path.with_name(path.name.replace("_pending", "")).open("rb")
    with file:
        return zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True).read()


def manage(*arguments: str) -> list[str]:
    """The command line of a command of manage.py; what it writes is there at once."""
    return [sys.executable, "-u", str(ROOT / "manage.py"), *arguments]


def environment(store: Path, database: Path, **env: Any) -> dict[str, str]:
    """A child's environment: nothing of the developer's settings, and what the test wants."""
    ours = re.compile(r"IG_.*|AWS_.*|DATABASE_URL|REDIS_URL|PORT|DJANGO_SETTINGS_MODULE|PYTHON.*")
    clean = {name: value for name, value in os.environ.items() if not ours.fullmatch(name)}
    return clean | {
        "IG_CAM_STORE_DIR": str(store),
        "DATABASE_URL": f"sqlite:///{database}",
        "IG_SECRET_KEY": "only for tests",
        "IG_HEAD_START": "0",  # tests count from the first tick on
        "PYTHONFAULTHANDLER": "1",  # the stacks of what dies, or is aborted since it hangs, are in its log
        **{name: str(value) for name, value in env.items()},
    }


def make_migrated(path: Path) -> Path:
    """A SQLite database with every table, to be copied."""
    migrate(environment(path.parent, path))
    return path


def migrate(settings: dict[str, str]) -> None:
    """Make every table in the database that this environment names."""
    ran(manage("migrate", "--verbosity", "0"), settings).check_returncode()
