"""Imports run one way, and the core needs no Django."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

MAY_IMPORT = {
    "market": set(),
    "camera": {"market"},
    "recorder": {"market", "camera"},
    "streaming": {"market", "camera", "recorder"},
    "bars": {"market", "camera", "recorder", "streaming"},
    "access": {"market", "camera", "recorder", "streaming"},
    "subscribe": {"market", "camera", "recorder", "streaming", "bars", "access"},
    "backtests": {"market", "camera", "recorder", "streaming", "bars", "access", "subscribe"},
}

PURE = [
    *(
        f"market.{name}"
        for name in ("tick", "moments", "substrate", "structure", "simulator", "sources", "upstream", "figures")
    ),
    *(f"camera.{name}" for name in ("window", "edges", "quotes", "events", "frame", "metric", "block", "rings")),
    *(
        f"recorder.{name}"
        for name in ("format", "frames", "writer", "reader", "recovery", "errors", "checkpoints", "ending")
    ),
    *(f"streaming.{name}" for name in ("protocol", "options", "encoding", "outbox", "ring", "feed", "pacer", "limits")),
    "streaming.addresses",
    "streaming.supervision",
    *(f"bars.{name}" for name in ("resolutions", "ohlcv", "trades", "builder", "times", "feed_protocol")),
    *(f"access.{name}" for name in ("presented", "secret")),
    *(f"subscribe.{name}" for name in ("errors", "protocol", "talk", "outbox", "throttle", "rules", "roster")),
    *(
        f"backtests.{name}"
        for name in ("engine", "past", "portfolio", "performance", "strategies", "progress", "request")
    ),
    *(f"igsite.{name}" for name in ("config", "admission", "deadlines", "descriptors")),
]


def imports_of(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_imports_run_one_way(package: str) -> None:
    others = {*MAY_IMPORT, "igsite"} - MAY_IMPORT[package] - {package}
    wrong = {
        f"{path.relative_to(ROOT)} imports {', '.join(sorted(found))}"
        for path in (ROOT / package).rglob("*.py")
        if (found := imports_of(path) & others)
    }
    assert not wrong


def test_the_core_needs_no_django() -> None:
    lines = [f"import {', '.join(PURE)}", "import sys", "assert 'django' not in sys.modules, 'django was imported'"]
    subprocess.run([sys.executable, "-c", "\n".join(lines)], cwd=ROOT, check=True)


def test_only_the_configuration_reads_the_environment() -> None:
    readers = {
        str(path.relative_to(ROOT))
        for package in (*MAY_IMPORT, "igsite")
        for path in (ROOT / package).rglob("*.py")
        if "os.environ" in path.read_text() or "getenv" in path.read_text()
    }
    # These two name the settings module, as every Django project does.
    assert readers == {"igsite/config.py", "igsite/asgi.py", "igsite/celery.py"}
