"""The well-behaved clients that live in one process: who they are, and their life until the parent says finish.

Run by the parent as `python -m tests.soak.population PLAN`, a file of JSON.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections.abc import Iterator
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

from tests.soak.child import Ages, Book, raise_descriptors, testimony_of, told_to_finish
from tests.soak.events import EventClient
from tests.soak.oracle import Evidence
from tests.soak.pollers import (
    Backtester,
    Downloader,
    Exporter,
    IncrementalReader,
    Looker,
    PageClient,
    Poller,
    RangeReader,
)
from tests.soak.replays import ReplayClient
from tests.soak.sockets import BarClient, SocketClient, SubscribeClient
from tests.soak.streams import Habits, StreamClient

#: Sets of options; together with the bare one fewer than the 64 that a process serves.
QUERIES = (
    *("types=tick", "types=metric", "types=frame", "types=tick,metric", "types=frame,tick"),
    *("every=2", "types=tick&every=5", "every=10", "types=tick,metric&every=64"),
    *("batch=10", "types=tick&batch=100", "every=3&batch=30", "types=metric&batch=7"),
    *("fields=", "fields=agents", "types=tick&fields=agents,matches", "fields=actions&batch=20"),
    *("encoding=zstd", "encoding=zstd&types=tick&batch=50", "encoding=zstd&fields=matches&every=4"),
)
_AWHILE = (40.0, 400.0)

#: Of 200 clients so many of each sort; the SDK's live in a process of their own.
SHARES = {
    "bare": 20,
    "options": 44,
    "events": 12,
    "replay": 4,
    "leaver": 12,
    "sprinter": 8,
    "slow": 10,
    "dribbling": 4,
    "historian": 4,
    "bars": 12,
    "subscribe": 16,
    "looker": 8,
    "page": 8,
    "incremental": 4,
    "range": 4,
    "download": 3,
    "export": 4,
    "backtest": 2,
    "sdk stream": 10,
    "sdk feed": 6,
    "sdk price": 5,
}

HABITS = {
    "bare": Habits(),
    "options": Habits(),
    "leaver": Habits(stays=_AWHILE, away=(20.0, 240.0)),
    "sprinter": Habits(stays=(0.5, 15.0)),
    "slow": Habits(piece_bytes=1024, pause_seconds=0.08, receive_bytes=8192),
    "dribbling": Habits(piece_bytes=1024, pause_seconds=1.5, receive_bytes=4096),
    "events": Habits(),
    "replay": Habits(begins_anew=True, away=(2.0, 30.0), stays=(3600.0, 3600.0)),
    "historian": Habits(begins_anew=True, away=(30.0, 120.0), stays=(3600.0, 3600.0)),
}

#: Of these and the SDK's streams each must have come to the end of the stream when the faults are over.
KEEPING_UP = ("bare", "options", "events", "leaver", "sprinter")


def shares(clients: int) -> dict[str, int]:
    """How many of each sort, at least one."""
    return {sort: max(1, round(share * clients / 200)) for sort, share in SHARES.items()}


def addresses() -> Iterator[str]:
    """Ten clients at each address, none of them one that the hostile use."""
    return cycle(f"127.0.{10 + n // 200}.{1 + n // 10 % 20}" for n in range(400))


class Population:
    """All of them, made from the parent's plan with one random generator each."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.plan, self.book, self.testimony = plan, Book(), Evidence()
        self.ages = Ages(plan["tick_seconds"])
        self.streams: list[tuple[str, StreamClient]] = []
        self.sockets: list[SocketClient] = []
        self.pollers: list[Poller] = []
        self._addresses, self._queries = addresses(), cycle(QUERIES)
        for sort, count in shares(plan["clients"]).items():
            for number in range(count):
                self._add(sort, number)

    def _add(self, sort: str, number: int) -> None:
        rng = random.Random(f"{self.plan['seed']} {sort} {number}")
        symbols = self.plan["symbols"]
        home = symbols[0] if number % 4 < 3 else symbols[-1]
        common = {"name": f"{sort} {number}", "ports": self.plan["ports"], "book": self.book, "rng": rng}
        common |= {"source": next(self._addresses)}
        token = self.plan["token"]
        if sort in HABITS:
            facts = {"symbol": home, "query": self._query(sort, number), "habits": HABITS[sort]}
            facts |= {"names_market": home != symbols[0], "scale": self.plan["scale"]}
            if sort == "replay":
                facts["newest"] = partial(self._newest, home)
            stream = STREAMS.get(sort, StreamClient)(**common, **facts, testimony=self.testimony, ages=self.ages)
            self.streams.append((sort, stream))
        elif sort == "bars":
            self.sockets.append(BarClient(**common, symbols=symbols))
        elif sort == "subscribe":
            self.sockets.append(SubscribeClient(**common, symbols=symbols, token=token))
        elif sort in POLLERS:
            some = [home] if sort == "incremental" else symbols
            facts = {"symbols": some, "token": token, "testimony": self.testimony}
            self.pollers.append(POLLERS[sort](**common, **facts))

    def _query(self, sort: str, number: int) -> str:
        """One in four of those that listen to events has options, too; events are never compressed."""
        if sort == "options":
            return next(self._queries)
        has_options = sort == "events" and number % 4 == 3
        return next(self._queries).replace("encoding=zstd", "every=1") if has_options else ""

    def _newest(self, symbol: str) -> int:
        return max((s.watch.last_t for _, s in self.streams if s.symbol == symbol and s.watches), default=-1)

    def everyone(self) -> list[Any]:
        return [*(stream for _, stream in self.streams), *self.sockets, *self.pollers]

    async def live(self) -> None:
        tasks = [asyncio.create_task(self._begin(client)) for client in self.everyone()]
        reporting = asyncio.create_task(self._report())
        targets = await told_to_finish()
        late = await self._until_caught_up(targets) if targets else []
        for client in self.everyone():
            client.over = True
        await asyncio.sleep(0.5)
        for task in [*tasks, reporting]:
            task.cancel()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        for error in found:
            if isinstance(error, Exception):
                self.book.violation("harness", "a client failed", repr(error))
        self._end(late)

    async def _begin(self, client: Any) -> None:
        await asyncio.sleep(client.rng.uniform(0, self.plan["arrival_seconds"]))
        try:
            await client.run()
        except Exception as error:
            self.book.violation(client.name, "client failed", repr(error))
            raise

    def _behind(self, targets: dict[str, int]) -> list[str]:
        streams = [s for sort, s in self.streams if sort in KEEPING_UP]
        late = [s.name for s in streams if _reached(s) < targets[s.symbol]]
        readers = [p for p in self.pollers if isinstance(p, IncrementalReader)]
        return late + [p.name for p in readers if p.last_t < targets[p.symbols[0]]]

    async def _until_caught_up(self, targets: dict[str, int]) -> list[str]:
        """Wait until everyone has come to where the markets were; who has not."""
        deadline = time.monotonic() + self.plan["patience_seconds"]
        for _, stream in self.streams:
            stream.called.set()
        while (late := self._behind(targets)) and time.monotonic() < deadline:
            await asyncio.sleep(0.5)
        return late

    def _end(self, late: list[str]) -> None:
        for name in late:
            self.book.violation(name, "never caught up", "it had not come to the end when patience was over")
        for client in self.everyone():
            if getattr(client, "connections", 1) == 0:
                self.book.violation(client.name, "never connected", "")
        watches = [(stream.name, watch) for _, stream in self.streams for watch in stream.watches]
        testimony_of(watches, self.testimony, Path(self.plan["directory"]) / "population.testimony")
        bars = {c.name: c.bars for c in self.sockets if isinstance(c, BarClient)}
        self.book.write("end", counts=self.book.counts)
        plain = {name: [[*pair, sorted(rows.items())] for pair, rows in pairs.items()] for name, pairs in bars.items()}
        (Path(self.plan["directory"]) / "bars-heard.json").write_text(json.dumps(plain))

    async def _report(self) -> None:
        while True:
            keeping = [s for sort, s in self.streams if sort in KEEPING_UP[:3]]
            at = {symbol: [_reached(s) for s in keeping if s.symbol == symbol] for symbol in self.plan["symbols"]}
            least = {symbol: min(ts, default=-1) for symbol, ts in at.items()}
            violations = sum(n for what, n in self.book.counts.items() if what.startswith("violation"))
            messages = self.book.counts["stream: messages"]
            gaps = sum(len(watch.gaps) for _, stream in self.streams for watch in stream.watches)
            facts = {"violations": violations, "messages": messages, "gaps": gaps, **self.ages.take()}
            self.book.write("progress", least=least, **facts)
            await asyncio.sleep(self.plan["report_seconds"])


def _reached(stream: StreamClient) -> int:
    """How far a client has come; one that takes every 64th tick is there when the next one is not due."""
    if not stream.watches:
        return -1
    watch = stream.watch
    return watch.last_t + watch.every - 1 + (9 if watch.kinds == ("frame",) else 0) + _batch(stream.query)


def _batch(query: str) -> int:
    return next((int(part[6:]) for part in query.split("&") if part.startswith("batch=")), 0)


STREAMS: dict[str, type[StreamClient]] = {"events": EventClient, "replay": ReplayClient}

POLLERS: dict[str, type[Poller]] = {
    "looker": Looker,
    "page": PageClient,
    "incremental": IncrementalReader,
    "range": RangeReader,
    "download": Downloader,
    "export": Exporter,
    "backtest": Backtester,
}


def main() -> None:
    raise_descriptors()
    plan = json.loads(Path(sys.argv[1]).read_text())
    asyncio.run(Population(plan).live())


if __name__ == "__main__":
    main()
