"""Throw-away Redis and PostgreSQL servers for the tests, each in a directory and on a port of its own."""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg import sql

from deploy.local import version
from tests.processes import PATIENCE_SECONDS, Process, environment, free_port, migrate, wait_until

#: Who runs PostgreSQL where the tests run as root, which it refuses.
_UNPRIVILEGED = "nobody"


def required() -> bool:
    """Whether a test that lacks its service fails."""
    return os.environ.get("REQUIRE_SERVICES") == "1"


def missing(what: str) -> None:
    """Skip the test for want of a program; with REQUIRE_SERVICES=1 it fails instead."""
    if required():
        pytest.fail(f"{what} is not on this machine, and REQUIRE_SERVICES=1 asks for it", pytrace=False)
    pytest.skip(f"{what} is not on this machine")


def program(*names: str) -> str:
    """The path of the first of these programs that is there; without any the test is skipped."""
    for name in names:
        if found := shutil.which(name):
            return found
    missing(names[0])
    raise AssertionError  # missing() has raised


class RedisServer:
    """A Redis that keeps nothing; it can be ended and started again at the same address."""

    def __init__(self, directory: Path, *options: str) -> None:
        self._program, self._directory, self._options = program("redis-server"), directory, options
        self._port = free_port()
        self.url = f"redis://127.0.0.1:{self._port}/0"
        self.process: Process | None = None

    def start(self) -> None:
        arguments = ["--port", str(self._port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        command = [self._program, *arguments, "--dir", str(self._directory), *self._options]
        server = self.process = Process(command, dict(os.environ), self._directory / "redis.log")
        wait_until(lambda: _listens(server, self._port), "an answer of Redis")

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()

    def end(self) -> None:
        if self.process is not None:
            self.process.stop()


def directory_for_others(directory: Path) -> Path:
    """This one, or where the tests run as root another, until they end: PostgreSQL runs as somebody else then and must
    get to its data, and pytest's directories are for their owner alone; each session that begins makes them so again.
    """
    if os.geteuid() != 0:
        return directory
    made = Path(tempfile.mkdtemp(prefix="market-camera-"))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    made.chmod(0o711)
    return made


class PostgresServer:
    """A PostgreSQL with every table in its one database, without the care for power cuts; it can be ended and started
    again."""

    def __init__(self, directory: Path, *, made: bool = True) -> None:
        """A copy of one that is made once; with `made=False` that one, without tables."""
        binaries = postgres_binaries()
        if binaries is None:
            missing("PostgreSQL (/usr/lib/postgresql/*/bin)")
            raise AssertionError  # missing() has raised
        self._binaries, self._directory = binaries, directory
        self._data, self._port = directory_for_others(directory) / "data", free_port()
        self.url = f"postgres://market@127.0.0.1:{self._port}/postgres"
        self.process: Process | None = None
        self._data.mkdir(mode=0o700)
        self._owner: dict[str, Any] = {}
        if os.geteuid() == 0:
            shutil.chown(self._data, _UNPRIVILEGED)
            self._owner = {"user": _UNPRIVILEGED, "extra_groups": []}
        self._environment = {**os.environ, "LC_ALL": "C.UTF-8"}
        if made:
            self._run("cp", "-a", f"{_migrated()._data}/.", str(self._data))
        else:
            initdb = [str(binaries / "initdb"), "-D", str(self._data), "-U", "market", "--auth=trust", "--no-sync"]
            self._run(*initdb, "-E", "UTF8")

    def _run(self, *command: str) -> None:
        """A command to its end, by the owner of the data."""
        done = subprocess.run(
            command,
            env=self._environment,
            cwd=self._data,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            **self._owner,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self) -> None:
        here = f"unix_socket_directories={self._data}"
        settings = ["fsync=off", f"port={self._port}", "listen_addresses=127.0.0.1", here]
        server = self.process = Process(
            [str(self._binaries / "postgres"), "-D", str(self._data), *(p for one in settings for p in ("-c", one))],
            self._environment,
            self._directory / "postgres.log",
            cwd=self._data,
            **self._owner,
        )
        wait_until(lambda: _is_ready(server, self._binaries, self._port), "an answer of PostgreSQL")

    def cut_connections(self) -> int:
        """End every connection that clients have, and nothing else; how many there were."""
        others = "backend_type = 'client backend' AND pid <> pg_backend_pid()"
        with psycopg.connect(self.url) as connection:
            found = connection.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")
            return found.rowcount

    @contextmanager
    def locked(self, table: str) -> Iterator[None]:
        """Nobody else reads or writes the table: somebody rebuilds it, or has left a transaction open."""
        with psycopg.connect(self.url) as connection:
            connection.execute(sql.SQL("LOCK TABLE {}").format(sql.Identifier(table)))
            yield

    def wait_for_locks(self, patience: str) -> None:
        """Let connections made from now on wait so long for a lock, whatever the application would choose."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(sql.SQL("ALTER ROLE CURRENT_USER SET lock_timeout = {}").format(patience))

    @contextmanager
    def read_only(self) -> Iterator[None]:
        """It takes no writes, as a standby does that is not promoted yet; in connections that are open too."""
        self._change("SET default_transaction_read_only = on")
        yield
        self._change("RESET default_transaction_read_only")

    def _change(self, setting: LiteralString) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(sql.SQL("ALTER SYSTEM " + setting))
            connection.execute("SELECT pg_reload_conf()")

    def crash(self) -> None:
        """End it at once, as if it had crashed; with SIGKILL its children would linger and hold its memory."""
        assert self.process is not None
        self.process.stop(signal.SIGQUIT)

    def end(self) -> None:
        if self.process is not None:
            self.process.stop(signal.SIGINT)  # to PostgreSQL this means: now, without waiting for clients


@contextmanager
def redis_server(directory: Path) -> Iterator[str]:
    """A Redis that keeps nothing; its URL."""
    server = RedisServer(directory)
    try:
        server.start()
        yield server.url
    finally:
        server.end()


@cache
def _migrated() -> PostgresServer:
    """One that has every table and was ended, for others to be copies of it."""
    directory = Path(tempfile.mkdtemp(prefix="market-camera-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    server = PostgresServer(directory, made=False)
    try:
        server.start()
        migrate(environment(directory / "store", directory / "unused.sqlite3", DATABASE_URL=server.url))
    finally:
        server.end()
    return server


def postgres_binaries() -> Path | None:
    """Where the newest PostgreSQL's programs are."""
    found = Path("/usr/lib/postgresql").glob("*/bin/postgres")
    newest = max(found, key=lambda path: version(path.parent), default=None)
    on_path = shutil.which("postgres")
    return newest.parent if newest else Path(on_path).parent if on_path else None


def _listens(server: Process, port: int) -> bool:
    assert server.running, server.log()
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _is_ready(server: Process, binaries: Path, port: int) -> bool:
    assert server.running, server.log()
    asked = subprocess.run(
        [str(binaries / "pg_isready"), "-h", "127.0.0.1", "-p", str(port), "-q"], timeout=PATIENCE_SECONDS
    )
    return asked.returncode == 0
