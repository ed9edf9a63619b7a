"""The example in TypeScript: types made of the document, checked, compiled, and run over a network that breaks."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from contracts.openapi import openapi
from tests import services
from tests.contracts.npm import installed
from tests.network import Listener
from tests.processes import PATIENCE_SECONDS, ROOT, Live

EXAMPLE = ROOT / "docs" / "examples" / "typescript"

#: Bytes of an answer after which a connection is cut: more than those of one answer, less than those of the stream.
CUT_BYTES = 12_000


class Cutting:
    """A network that loses each connection after some bytes from the server."""

    def __init__(self, port: int) -> None:
        self._port, self.cut = port, 0
        self._listener = Listener(self._take)
        self.url = f"http://127.0.0.1:{self._listener.port}"

    def _take(self, near: socket.socket) -> None:
        far = socket.create_connection(("127.0.0.1", self._port))
        threading.Thread(target=self._carry, args=(near, far, None), daemon=True).start()
        threading.Thread(target=self._carry, args=(far, near, CUT_BYTES), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket, left: int | None) -> None:
        with suppress(OSError):
            while data := source.recv(1024):
                sink.sendall(data)
                if left is not None and (left := left - len(data)) <= 0:
                    self.cut += 1
                    break
        for one in (source, sink):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._listener.close()


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiled client, whose types were checked."""
    wanted = json.loads((EXAMPLE / "package.json").read_text())["devDependencies"]
    tools = installed(*(f"{name}@{version}" for name, version in wanted.items())) / "node_modules" / ".bin"
    directory = tmp_path_factory.mktemp("typescript")
    for name in ("client.ts", "package.json", "tsconfig.json"):
        shutil.copy(EXAMPLE / name, directory)
    (directory / "openapi.json").write_text(json.dumps(openapi()))
    for command in ([tools / "openapi-typescript", "openapi.json", "--output", "api.ts"], [tools / "tsc"]):
        done = subprocess.run([*map(str, command)], cwd=directory, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    return directory / "client.js"


@pytest.fixture
def network(market: Live) -> Iterator[Cutting]:
    network = Cutting(market.port)
    yield network
    network.close()


def test_it_reads_the_past_and_follows_the_present_over_lost_connections(client: Path, network: Cutting) -> None:
    node = services.program("node")
    command = [node, "--experimental-websocket", str(client), network.url, "50"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    assert done.returncode == 0, done.stderr
    ticks = [int(found[1]) for line in done.stdout.splitlines() if (found := re.match(r"tick (\d+)", line))]
    assert ticks == list(range(5, 55)), "after the history of 0 to 4, each once"
    assert network.cut
    assert "resuming after" in done.stdout
