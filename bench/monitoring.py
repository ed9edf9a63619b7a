"""Draws the dashboard of deploy/monitoring by its own queries: a real Prometheus scrapes a real server with clients.

    .venv/bin/python bench/monitoring.py --minutes 5 --out docs/images/monitoring.png

Grafana is not needed: each panel's expressions are asked of Prometheus and drawn by matplotlib, so the picture shows
what the panels ask, not how Grafana draws them. Needs `prometheus` on the path.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import yaml
from websockets.asyncio.client import connect

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.processes import Live, Process, Site, free_port, make_migrated, wait_until  # noqa: E402
from tests.services import program  # noqa: E402

BOARD = ROOT / "deploy" / "monitoring" / "dashboard.json"

#: Prometheus scrapes so often here, and rates are over so long: a picture of minutes shows what one of hours would.
_SCRAPE_SECONDS, _RATE = 10, "40s"

#: Of a picture's width, what a panel keeps free for its scale; and of the height of a row of the board, for its title.
_SCALE, _TITLE = 0.033, 0.9

_PATHS = ("/live/", "/health", "/segments", "/incremental?limit=500", "/overview", "/range?kind=ticks", "/nowhere")

_INK, _GRID, _PAGE = "#d8d9da", "#2c3235", "#111217"


class Prometheus:
    """A Prometheus of our own, asked as Grafana does."""

    def __init__(self, directory: Path, target: int) -> None:
        self._port = free_port()
        job = {"job_name": "market-camera", "static_configs": [{"targets": [f"127.0.0.1:{target}"]}]}
        config = {"global": {"scrape_interval": f"{_SCRAPE_SECONDS}s"}, "scrape_configs": [job]}
        (directory / "prometheus.yml").write_text(yaml.safe_dump(config))
        command = [
            program("prometheus"),
            f"--config.file={directory}/prometheus.yml",
            f"--storage.tsdb.path={directory}/data",
            f"--web.listen-address=127.0.0.1:{self._port}",
        ]
        self.process = Process(command, {}, directory / "prometheus.log")
        wait_until(self._is_ready, "Prometheus")

    def _is_ready(self) -> bool:
        with suppress(OSError):
            return bool(urlopen(f"http://127.0.0.1:{self._port}/-/ready").status == 200)
        return False

    def ask(self, path: str, **query: Any) -> list[dict[str, Any]]:
        """The result of a query. Raises urllib.error.HTTPError for one that Prometheus does not take."""
        with urlopen(f"http://127.0.0.1:{self._port}/api/v1/{path}?{urlencode(query)}") as answer:
            found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
            return found

    def course(self, expression: str, begin: float, end: float) -> list[dict[str, Any]]:
        return self.ask("query_range", query=_filled(expression), start=begin, end=end, step=_SCRAPE_SECONDS)


def _filled(expression: str) -> str:
    return expression.replace("$__rate_interval", _RATE).replace("$symbol", ".*")


async def use(live: Live, until: float) -> None:
    """Clients that come one after the other, some of them slow, and requests, until a time."""
    async with asyncio.TaskGroup() as group:
        for number in range(6):
            group.create_task(
                _listen(live, f"/ws/stream?types={'tick' if number % 2 else 'frame'}", until, number * 15)
            )
        group.create_task(_listen(live, "/ws/stream?types=nonsense", until, 40))
        for number in range(2):
            group.create_task(_listen(live, "/ws/stream?types=frame,tick", until, 60 + 5 * number, slow=True))
            group.create_task(_hear_events(live, until, 20 * number))
        group.create_task(_hear_bars(live, until))
        group.create_task(_request(live, until))


async def _listen(live: Live, path: str, until: float, delay: float, *, slow: bool = False) -> None:
    await asyncio.sleep(delay)
    with suppress(OSError, TimeoutError):
        async with connect(live.ws_url + path, max_queue=1 if slow else 64) as socket:
            with suppress(Exception):  # the server ends some of them, which is what the picture is to show
                while time.monotonic() < until:
                    await socket.recv()
                    await asyncio.sleep(2.0 if slow else 0)


async def _hear_events(live: Live, until: float, delay: float) -> None:
    await asyncio.sleep(delay)
    reader, writer = await asyncio.open_connection("127.0.0.1", live.port)
    writer.write(b"GET /stream?types=metric HTTP/1.1\r\nHost: localhost\r\n\r\n")
    while time.monotonic() < until and await reader.read(65536):
        pass
    writer.close()


async def _hear_bars(live: Live, until: float) -> None:
    async with connect(f"{live.ws_url}/market_data") as socket:
        wanted = {"type": "CONNECT", "request_id": "1", "symbols": ["IG-USD"], "resolutions": ["1s"]}
        await socket.send(json.dumps(wanted))
        while time.monotonic() < until:
            await socket.recv()


async def _request(live: Live, until: float) -> None:
    while time.monotonic() < until:
        for path in _PATHS:
            await asyncio.to_thread(live.ask, path)
            await asyncio.sleep(1.0)


@contextmanager
def site(directory: Path) -> Iterator[Site]:
    """A site of its own, whose processes end with the context."""
    made = Site(directory, make_migrated(directory / "migrated.sqlite3"))
    try:
        yield made
    finally:
        made.end()


class Picture:
    """The panels where the dashboard has them."""

    def __init__(self, prometheus: Prometheus, begin: float, end: float) -> None:
        self._prometheus, self._begin, self._end = prometheus, begin, end
        plt.rcParams.update(
            {
                **dict.fromkeys(("text.color", "axes.labelcolor", "xtick.color", "ytick.color"), _INK),
                **dict.fromkeys(("axes.edgecolor", "grid.color"), _GRID),
                **dict.fromkeys(("axes.facecolor", "figure.facecolor", "savefig.facecolor"), _PAGE),
                "font.size": 8,
            }
        )

    def draw(self, board: dict[str, Any], out: Path) -> None:
        places = [panel["gridPos"] for panel in board["panels"]]
        rows = max(at["y"] + at["h"] for at in places)
        figure = plt.figure(figsize=(17, rows * 0.4), dpi=80)
        for panel, at in zip(board["panels"], places, strict=True):
            top, height = 1 - (at["y"] + _TITLE) / rows, (at["h"] - 2 * _TITLE) / rows
            axes = figure.add_axes((at["x"] / 24 + _SCALE, top - height, at["w"] / 24 - _SCALE - 0.008, height))
            axes.set_title(panel["title"], fontsize=9, loc="left", color=_INK)
            (self._stat if panel["type"] == "stat" else self._course)(axes, panel)
        out.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(out)

    def _stat(self, axes: Any, panel: dict[str, Any]) -> None:
        found = self._prometheus.ask("query", query=_filled(panel["targets"][0]["expr"]), time=self._end)
        text = _shown(float(found[0]["value"][1]), _unit(panel)) if found else "–"
        axes.axis("off")
        axes.text(0.5, 0.4, text, ha="center", va="center", fontsize=24, color="#73bf69", transform=axes.transAxes)

    def _course(self, axes: Any, panel: dict[str, Any]) -> None:
        lines = [
            (target["legendFormat"], series)
            for target in panel["targets"]
            for series in self._prometheus.course(target["expr"], self._begin, self._end)
        ]
        is_stack = panel["fieldConfig"]["defaults"]["custom"]["stacking"]["mode"] == "normal"
        below: dict[float, float] = {}
        for legend, series in lines:
            points = [(float(at), float(value)) for at, value in series["values"] if value != "NaN"]
            if is_stack:
                floor = [below.get(at, 0.0) for at, _ in points]
                points = [(at, value + low) for (at, value), low in zip(points, floor, strict=True)]
                below |= dict(points)
                minutes = [(at - self._begin) / 60 for at, _ in points]
                axes.fill_between(minutes, floor, [value for _, value in points], alpha=0.3)
            minutes = [(at - self._begin) / 60 for at, _ in points]
            axes.plot(minutes, [value for _, value in points], linewidth=1.2, label=_named(legend, series["metric"]))
        unit = _unit(panel)
        axes.yaxis.set_major_formatter(lambda value, _: _shown(value, unit))
        axes.set_xlim(0, (self._end - self._begin) / 60)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g} min")
        axes.set_ylim(bottom=0)
        axes.grid(visible=True, linewidth=0.5)
        if lines:
            axes.legend(fontsize=6.5, ncols=2, loc="upper left", framealpha=0.5, facecolor=_PAGE, edgecolor=_GRID)


def _unit(panel: dict[str, Any]) -> str:
    unit: str = panel["fieldConfig"]["defaults"]["unit"]
    return unit


def _named(legend: str, labels: dict[str, str]) -> str:
    for name, value in labels.items():
        legend = legend.replace("{{" + name + "}}", value)
    return legend


def _shown(value: float, unit: str) -> str:
    """A value as Grafana writes it, roughly."""
    match unit:
        case "percentunit":
            return f"{100 * value:.3g} %"
        case "s":
            return f"{1000 * value:.3g} ms" if value < 1 else f"{value:.3g} s"
        case "bytes":
            for name in ("B", "KiB", "MiB"):
                if value < 1024:
                    return f"{value:.3g} {name}"
                value /= 1024
            return f"{value:.3g} GiB"
        case "ops" | "reqps":
            return f"{value:.3g}/s"
    return f"{value:.4g}"


def main() -> None:
    parser = argparse.ArgumentParser(description="Draws the dashboard from a real server and a real Prometheus.")
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images" / "monitoring.png")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, site(Path(name)) as made:
        live = made.serve(IG_SPEED=2, IG_CAM_SEGMENT_SECONDS=30, IG_OUTBOX_BYTES=65536)
        prometheus = Prometheus(Path(name), live.port)
        try:
            wait_until(lambda: prometheus.ask("query", query="market_camera_running"), "a first scrape")
            begin = time.time()
            asyncio.run(use(live, time.monotonic() + 60 * options.minutes))
            Picture(prometheus, begin, time.time()).draw(json.loads(BOARD.read_text()), options.out)
        finally:
            prometheus.process.stop()
    print(f"{options.out} shows {options.minutes:g} minutes")


if __name__ == "__main__":
    main()
