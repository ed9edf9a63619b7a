"""Throw-away Redis and PostgreSQL servers for the tests, each in a directory and on a port of its own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.processes import PATIENCE_SECONDS, Process, free_port, wait_until

#: Who runs PostgreSQL where the tests run as root, which it refuses.
_UNPRIVILEGED = "nobody"


def missing(what: str) -> None:
    """Skip the test for want of a program; with REQUIRE_SERVICES=1 it fails instead."""
    if os.environ.get("REQUIRE_SERVICES") == "1":
        pytest.fail(f"{what} is not on this machine, and REQUIRE_SERVICES=1 asks for it", pytrace=False)
    pytest.skip(f"{what} is not on this machine")


def program(*names: str) -> str:
    """The path of the first of these programs that is there; without any the test is skipped."""
    for name in names:
        if found := shutil.which(name):
            return found
    missing(names[0])
    raise AssertionError  # missing() has raised


@contextmanager
def redis_server(directory: Path) -> Iterator[str]:
    """A Redis that keeps nothing; its URL."""
    port = free_port()
    arguments = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    server = Process(
        [program("redis-server"), *arguments, "--dir", str(directory)], dict(os.environ), directory / "redis.log"
    )
    try:
        wait_until(lambda: _listens(server, port), "an answer of Redis")
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.stop()


@contextmanager
def postgres_server(directory: Path) -> Iterator[str]:
    """A PostgreSQL with one empty database, without the care for power cuts; its URL."""
    binaries = postgres_binaries()
    if binaries is None:
        missing("PostgreSQL (/usr/lib/postgresql/*/bin)")
        return
    data, port = directory / "data", free_port()
    data.mkdir(mode=0o700)
    owner = {}
    if os.geteuid() == 0:
        # pytest's directories are for their owner alone; PostgreSQL runs as another and must get to its own.
        for parent in (directory, *directory.parents[:2]):
            parent.chmod(0o711)
        shutil.chown(data, _UNPRIVILEGED)
        owner = {"user": _UNPRIVILEGED, "extra_groups": []}
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    subprocess.run(
        [str(binaries / "initdb"), "-D", str(data), "-U", "market", "--auth=trust", "--no-sync", "-E", "UTF8"],
        env=environment,
        cwd=data,
        check=True,
        capture_output=True,
        timeout=PATIENCE_SECONDS,
        **owner,
    )
    settings = ["fsync=off", f"port={port}", "listen_addresses=127.0.0.1", f"unix_socket_directories={data}"]
    server = Process(
        [str(binaries / "postgres"), "-D", str(data), *(part for one in settings for part in ("-c", one))],
        environment,
        directory / "postgres.log",
        cwd=data,
        **owner,
    )
    try:
        wait_until(lambda: _is_ready(server, binaries, port), "an answer of PostgreSQL")
        yield f"postgres://market@127.0.0.1:{port}/postgres"
    finally:
        server.stop(signal.SIGINT)  # to PostgreSQL this means: now, without waiting for clients


def postgres_binaries() -> Path | None:
    """Where the newest PostgreSQL's programs are."""
    found = Path("/usr/lib/postgresql").glob("*/bin/postgres")
    newest = max(found, key=lambda path: int(path.parts[-3]), default=None)
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
