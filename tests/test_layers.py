"""Imports run one way, and the core needs no Django."""

import ast
import subprocess
import sys
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CLIENT = ROOT / "client" / "src"

#: From the lowest layer up: a package may import those before it.
LAYERS = (
    "runtime",
    "market",
    "camera",
    "structure",
    "recorder",
    "streaming",
    "bars",
    "realism",
    "exports",
    "access",
    "components",
    "alerts",
    "api_socket",
    "backtests",
    "monitoring",
    "pipeline",
    "server",
    "contracts",
    "igsite",
)
#: Settings are above nothing but what their bounds come from, and read where a process is put together.
SETTINGS = {"igsite.config", "igsite.market_settings", "igsite.parsers", "igsite.unused_names"}
MAY_READ_SETTINGS = {"pipeline", "server"}

PURE = [
    *(f"market.{name}" for name in ("tick", "price_range", "timestamps", "trades.live_ticks", "sources.named")),
    *(f"market.model.{name}" for name in ("substrate", "structure_density", "simulator", "checkpoint", "figures")),
    *(f"market.orderbook.{name}" for name in ("parameters", "book", "market", "checkpoint", "figures")),
    *(f"camera.{name}" for name in ("window", "edges", "quotes", "events", "frame", "metric", "block", "ring_arrays")),
    *(f"camera.{name}" for name in ("entries", "tick_queue", "columns", "node_cap", "edge_cut")),
    *(f"structure.{name}" for name in ("measures", "match_graph")),
    *(
        f"recorder.segment.{name}"
        for name in ("layout", "zstd_frames", "writer", "checked_lines", "segment_lines", "scan", "repair", "endings")
    ),
    *(f"recorder.cold.{name}" for name in ("address", "bucket", "card", "layout", "recompress")),
    *(f"recorder.digests.{name}" for name in ("pyramid", "digest", "digest_files", "metric_rows", "packing")),
    *(f"recorder.{name}" for name in ("errors", "spans", "tape.reader", "recovery.pending", "recovery.checkpoints")),
    *(f"streaming.{name}" for name in ("protocol", "options", "ring", "limits", "measured", "relay.health")),
    *(f"streaming.past.{name}" for name in ("clock", "request")),
    *(f"streaming.fanout.{name}" for name in ("encoding", "outbox", "feed")),
    *(f"runtime.{name}" for name in ("addresses", "measured", "supervision", "trailers")),
    *(f"monitoring.{name}" for name in ("market_figures", "names")),
    *(f"bars.making.{name}" for name in ("resolutions", "ohlcv", "trades", "builder", "times")),
    *(f"realism.{name}" for name in ("series", "statistics", "facts", "figures")),
    *(f"exports.{name}" for name in ("formats", "day_files", "export_log", "message_schemas", "errors")),
    *(f"access.{name}" for name in ("audit", "token_from_request", "scopes", "secret")),
    *(f"alerts.{name}" for name in ("rules", "market_events")),
    *(f"api_socket.{name}" for name in ("errors", "protocol", "rate_limit", "outbox", "price_throttle")),
    *(f"backtests.engine.{name}" for name in ("engine", "past", "portfolio", "performance", "progress")),
    *(f"backtests.{name}" for name in ("strategies", "request")),
    *(f"pipeline.{name}" for name in ("pacer", "encode_tick")),
    *(f"server.admission.{name}" for name in ("admission", "deadlines", "descriptors", "requests_under_way")),
    "contracts.errors",
    "contracts.schemas",
    "bars.feed.protocol",
    "bars.past.request",
    "components.registry",
    "igsite.config",
    "recorder.store.agent_register",
]


@cache
def imports_of(path: Path) -> set[str]:
    """The modules that a file imports, whatever condition it imports them under."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return found & (MODULES.keys() | CLIENT_MODULES.keys())


def module_of(path: Path) -> str:
    parts = path.relative_to(CLIENT if path.is_relative_to(CLIENT) else ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for package in LAYERS for path in (ROOT / package).rglob("*.py")}
CLIENT_MODULES = {module_of(path): path for path in CLIENT.rglob("*.py")}


@pytest.mark.parametrize("package", LAYERS)
def test_imports_run_one_way(package: str) -> None:
    above = set(LAYERS[LAYERS.index(package) + 1 :])
    allowed = SETTINGS if package in MAY_READ_SETTINGS else set()
    wrong = {
        f"{path.relative_to(ROOT)} imports {name}"
        for path in (ROOT / package).rglob("*.py")
        for name in imports_of(path)
        if name.split(".")[0] in above and name not in allowed | {"igsite"}
    }
    assert not wrong


def test_no_files_import_each_other() -> None:
    """Not in a circle either, and not for their types alone."""
    ours = MODULES | CLIENT_MODULES
    sorter = TopologicalSorter({name: imports_of(path) - {name} for name, path in ours.items()})
    sorter.prepare()  # raises CycleError with the circle in it


def test_settings_import_nothing_that_reads_them() -> None:
    ours = {name for module in SETTINGS for name in imports_of(MODULES[module]) if name.startswith("igsite.")}
    assert ours <= SETTINGS


def test_the_core_needs_no_django_and_loads_scipy_when_it_measures() -> None:
    imported = "{'django', 'scipy', 'sknetwork'} & sys.modules.keys()"
    lines = [f"import {', '.join(PURE)}", "import sys", f"assert not {imported}, {imported}"]
    subprocess.run([sys.executable, "-c", "\n".join(lines)], cwd=ROOT, check=True)


def test_only_the_configuration_reads_the_environment() -> None:
    readers = {
        str(path.relative_to(ROOT))
        for package in LAYERS
        for path in (ROOT / package).rglob("*.py")
        if "os.environ" in path.read_text() or "getenv" in path.read_text()
    }
    # Two name the settings module, as every Django project does, and one sets what a library reads.
    assert readers == {"igsite/config.py", "igsite/asgi.py", "igsite/celery.py", "exports/__init__.py"}
