"""An old store beside a young one: whether a server that has recorded for two years is as fast as on its second day.

`python bench/age.py [--days 1 730] [--database sqlite postgres]` makes both stores, starts a server on each, and asks
them by turns. CPU is that of the server with its database, which tells more than the clock where others work too.
"""

from __future__ import annotations

import argparse
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from playwright.sync_api import Browser, sync_playwright  # noqa: E402

from bars.making.resolutions import PERIOD_MS  # noqa: E402
from bench.aged_server import AgedServer  # noqa: E402
from bench.aged_store import DAY_TICKS, KINDS, SEGMENT_SECONDS, SEGMENT_TICKS, TICK_SECONDS  # noqa: E402
from recorder.segment.layout import make_name  # noqa: E402

GOAL = 1.3
_IDLE_SECONDS = 65
_PAGE_ROUNDS, _START_ROUNDS, _RESUME_ROUNDS = 5, 5, 15
_FLAGS = ("--no-sandbox", "--disable-gpu", "--enable-unsafe-swiftshader")

#: What is asked of a server: a path, made anew each time.
Question = Callable[[AgedServer, random.Random], str]


class Cost(NamedTuple):
    cpu_seconds: float
    wall_seconds: float


def some_t(server: AgedServer, rng: random.Random) -> int:
    """A t that is in no process's memory, with hundreds behind it."""
    return rng.randrange(server.ticks - 2 * server.ring_ticks)


def page_of(path: str) -> Question:
    return lambda server, rng: path.format(t=some_t(server, rng), end=server.ticks - 2 * SEGMENT_TICKS)


def range_of(server: AgedServer, rng: random.Random) -> str:
    t0 = some_t(server, rng)
    return f"/range?kind={rng.choice(KINDS)}&t0={t0}&t1={t0 + 99}"


def segment_of(server: AgedServer, rng: random.Random) -> str:
    n = rng.randrange(server.ticks // SEGMENT_TICKS)
    name = make_name(server.begun + n * SEGMENT_SECONDS, n * SEGMENT_TICKS).lasting
    return f"/segment/ticks/{name}?format={rng.choice(('seek', 'zst'))}"


def last_bars(resolution: str) -> Question:
    return lambda server, rng: f"/api/v1/bars?resolution={resolution}&limit={_bars_of_a_day(resolution)}"


def bars_from(resolution: str) -> Question:
    def ask(server: AgedServer, rng: random.Random) -> str:
        day_ms = (server.begun + rng.randrange(server.days) * 86_400) * 1000
        return f"/api/v1/bars?resolution={resolution}&from={day_ms}&limit={_bars_of_a_day(resolution)}"

    return ask


def _bars_of_a_day(resolution: str) -> int:
    """No more than the young store has, and than a page shows."""
    return min(100, 86_400_000 // max(PERIOD_MS[resolution], TICK_SECONDS * 1000))


QUESTIONS: dict[str, Question] = {
    "`/incremental`, 100 ticks": page_of("/incremental?from_t={t}&limit=100"),
    "`/range`, 100 t": range_of,
    "`/segments`, a page": page_of("/segments?limit=100"),
    "`/segments`, all kinds, a later page": page_of("/segments?kind=all&after_t={t}&limit=100"),
    "`/manifest`, what is new": page_of("/manifest/ticks?after_t={end}"),
    "`/segment`, one of them": segment_of,
    **{f"last bars of {resolution}": last_bars(resolution) for resolution in PERIOD_MS},
    **{f"bars of {resolution} from a day on": bars_from(resolution) for resolution in PERIOD_MS},
    "`/disk`": page_of("/disk"),
    "`/metrics`": page_of("/metrics"),
    "admin: segments": page_of("/admin/recorder/segment/"),
    "admin: the segment of a t": page_of("/admin/recorder/segment/?q={t}"),
    "admin: markets": page_of("/admin/recorder/market/"),
    "admin: bars": page_of("/admin/bars/bar/?resolution=1m"),
}


class Table:
    """Prints a line for each thing measured, the young store's figures before the old one's."""

    def __init__(self) -> None:
        self.over: list[str] = []
        print("|  | young | old | by CPU | by the clock |\n|---|---|---|---|---|")

    def line(self, name: str, costs: list[list[Cost]]) -> None:
        cpu = [statistics.median(cost.cpu_seconds for cost in some) * 1e3 for some in costs]
        wall = [statistics.median(cost.wall_seconds for cost in some) for some in costs]
        ratio = cpu[1] / cpu[0]
        if ratio > GOAL:
            self.over.append(f"{name}: {ratio:.2f}")
        figures = f"{cpu[0]:,.1f} ms | {cpu[1]:,.1f} ms | {ratio:.2f} | {wall[1] / wall[0]:.2f}"
        print(f"| {name} | {figures} |", flush=True)


@contextmanager
def counted(server: AgedServer, times: int, costs: list[Cost]) -> Iterator[None]:
    """What is done within, by the server; it is done so many times."""
    cpu, begun = server.cpu_seconds(), time.perf_counter()
    yield
    costs.append(Cost((server.cpu_seconds() - cpu) / times, (time.perf_counter() - begun) / times))


def ask_all(servers: list[AgedServer], table: Table, rounds: int, requests: int) -> None:
    rng = random.Random(1)
    for name, question in QUESTIONS.items():
        costs: list[list[Cost]] = [[], []]
        for turn in range(-1, rounds):
            for server, cost in zip(servers, costs, strict=True):
                paths = [question(server, rng) for _ in range(requests if turn >= 0 else 3)]
                with counted(server, len(paths), cost if turn >= 0 else []):
                    server.ask(paths)
        table.line(name, costs)


def start_all(servers: list[AgedServer], table: Table) -> None:
    """Each start is one behind a crash."""
    costs: list[list[Cost]] = [[], []]
    for _ in range(_START_ROUNDS):
        for server, cost in zip(servers, costs, strict=True):
            server.kill()
            cpu, begun = server.database_seconds(), time.perf_counter()
            server.start()
            cost.append(Cost(server.cpu_seconds() - cpu, time.perf_counter() - begun))
    table.line("start, up to the first tick", costs)


def idle(servers: list[AgedServer], table: Table, minutes: int) -> None:
    """Both at once. The first minute is the one behind a start, with all that is done once an hour."""
    costs: list[list[Cost]] = [[], []]
    for _ in range(minutes):
        with ExitStack() as stack:
            for server, cost in zip(servers, costs, strict=True):
                stack.enter_context(counted(server, 1, cost))
            time.sleep(_IDLE_SECONDS)
    table.line("an idle minute", [[Cost(cost.cpu_seconds, 1) for cost in some] for some in costs])


def resume_all(servers: list[AgedServer], table: Table) -> None:
    costs: list[list[Cost]] = [[], []]
    for turn in range(-1, _RESUME_ROUNDS):
        for server, cost in zip(servers, costs, strict=True):
            with counted(server, 1, cost if turn >= 0 else []):
                server.resume()
    table.line("resume from 500 ticks back", costs)


def load_page(browser: Browser, server: AgedServer, t: int) -> None:
    """Until the frame of a moment stands, with an empty cache."""
    page = browser.new_page(viewport={"width": 1440, "height": 900}, locale="en-US")
    page.goto(f"{server.url}/replay/?t={t}")
    page.wait_for_function("() => Number(document.getElementById('graph').dataset.nodes) > 0", timeout=300_000)
    page.close()


def load_all(servers: list[AgedServer], table: Table, browser: Browser) -> None:
    rng = random.Random(2)
    costs: list[list[Cost]] = [[], []]
    for turn in range(-1, _PAGE_ROUNDS):
        for server, cost in zip(servers, costs, strict=True):
            with counted(server, 1, cost if turn >= 0 else []):
                load_page(browser, server, DAY_TICKS // 2 if turn < 0 else some_t(server, rng) + 2 * SEGMENT_TICKS)
    table.line("the page, up to its frame", costs)


@contextmanager
def database_of(kind: str, directory: Path) -> Iterator[tuple[str | None, int | None]]:
    """Its URL and the id of its process, None where it is a file of the store's own."""
    if kind == "sqlite":
        yield None, None
        return
    from tests.services import PostgresServer

    server = PostgresServer(directory)
    try:
        server.start()
        assert server.process is not None
        yield server.url, server.process.process.pid
    finally:
        server.end()


def compare(kind: str, directory: Path, options: argparse.Namespace) -> list[str]:
    with ExitStack() as stack:
        servers = []
        for days in options.days:
            place = directory / f"{kind}-{days}"
            place.mkdir(exist_ok=True)
            url, pid = stack.enter_context(database_of(kind, place))
            servers.append(AgedServer(place, days, url, pid))
            stack.callback(servers[-1].kill)
        for server in servers:
            server.start()
            server.settle()
        print(f"\n{kind}: {' and '.join(f'{server.segments:,}' for server in servers)} segments")
        table = Table()
        start_all(servers, table)
        idle(servers, table, options.minutes)
        resume_all(servers, table)
        ask_all(servers, table, options.rounds, options.requests)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=options.chromium, args=list(_FLAGS))
            load_all(servers, table, browser)
            browser.close()
        return [f"{kind}: {what}" for what in table.over]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--days", type=int, nargs=2, default=[1, 730])
    parser.add_argument("--database", nargs="+", choices=("sqlite", "postgres"), default=["sqlite", "postgres"])
    parser.add_argument("--minutes", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--requests", type=int, default=25, help="of one kind to one server, in each round")
    parser.add_argument("--keep", type=Path, help="where SQLite's stores are kept, and found the next time")
    parser.add_argument("--chromium", default=shutil.which("chromium") or shutil.which("google-chrome"))
    options = parser.parse_args()
    over = []
    for kind in options.database:
        with ExitStack() as stack:
            made = stack.enter_context(tempfile.TemporaryDirectory(prefix="market-camera-age-"))
            kept = options.keep if kind == "sqlite" else None
            over += compare(kind, kept or Path(made), options)
    print(f"\nover {GOAL}: {'; '.join(over) or 'nothing'}")


if __name__ == "__main__":
    main()
