"""The example clients of the documentation, run as a user would."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

import pytest

from tests.processes import PATIENCE_SECONDS, ROOT, Live, wait_until

EXAMPLES = ROOT / "docs" / "examples"

NODE = shutil.which("node")


def run(*command: str) -> list[str]:
    """What a client prints; asked again where it had its ten ticks before the answer to its ping."""

    def answered() -> list[str] | None:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
        assert done.returncode == 0, done.stderr
        lines = done.stdout.splitlines()
        return lines if "pong" in lines else None

    found: list[str] = wait_until(answered, "an answer to the ping")
    return found


def assert_shows_a_market(shown: list[str]) -> None:
    ticks = [int(found[1]) for line in shown if (found := re.match(r"tick +(\d+)", line))]
    assert ticks == list(range(ticks[0], ticks[0] + 10))
    assert any(re.match(r"frame +\d+:? .*nodes, .*edges", line) for line in shown)
    before = next(line for line in shown if line.startswith("incremental"))
    assert re.findall(r"\d+", before) == ["5", *map(str, range(ticks[-1] - 4, ticks[-1] + 1))]
    assert re.match(r"segment (ticks|metrics)/segment_.*: [1-9]\d* lines, the last is of t = \d+$", shown[-1])


def test_the_python_client(market: Live) -> None:
    assert_shows_a_market(run(sys.executable, str(EXAMPLES / "client.py"), market.url))


@pytest.mark.skipif(NODE is None, reason="needs node")
def test_the_javascript_client(market: Live) -> None:
    said = subprocess.run([str(NODE), "--version"], capture_output=True, text=True, check=True).stdout
    version = int(said.removeprefix("v").split(".")[0])
    flags = [] if version >= 22 else ["--experimental-websocket"]
    assert_shows_a_market(run(str(NODE), *flags, str(EXAMPLES / "client.mjs"), market.url))
