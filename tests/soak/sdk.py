"""Clients that use the Python SDK, each on a thread of its own: streams, bar feeds and `get_price`.

Run by the parent as `python -m tests.soak.sdk PLAN`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import sys
import threading
import time
from pathlib import Path
from typing import Any

from marketcamera import (
    BarCache,
    BarFeed,
    Gap,
    MarketCameraError,
    Stream,
    get_price,
    get_websocket_manager,
)
from tests.soak.child import Book, raise_descriptors, testimony_of, told_to_finish
from tests.soak.oracle import Evidence, Heard, Watch, digest_of, variant_of
from tests.soak.population import shares

_STREAMS: tuple[dict[str, Any], ...] = (
    {},
    {"types": "tick"},
    {"types": "tick,metric", "encoding": "zstd"},
    {"types": "frame,tick", "fields": ["matches"]},
    {"every": 10},
)


class SdkStream(threading.Thread):
    """A `Stream` from its beginning to the end of the run, which promises each message once whatever happens."""

    def __init__(self, name: str, url: str, symbol: str, options: dict[str, Any], book: Book, all_: Evidence) -> None:
        super().__init__(name=name, daemon=True)
        self._book = book
        self._stream = Stream(url, symbol=symbol, since=-1, **options)
        kinds = tuple(options.get("types", "frame,metric,tick").split(","))
        fields = options.get("fields")
        self.watch = Watch(
            symbol=symbol,
            kinds=kinds,
            every=options.get("every", 1),
            variant=variant_of(None if fields is None else ",".join(fields)),
            testimony=all_,
            report=book.reporter(name),
            seamless=True,
            begun_at=-1,
        )
        self.watch.connected(-1)

    def run(self) -> None:
        try:
            for message in self._stream:
                if isinstance(message, Gap):
                    self.watch.take_gap(message.kind, message.from_t, message.to_t, message.reason)
                else:
                    self.watch.take(Heard(message.kind, message.t, digest_of(dict(message.data))))
                self._book.counts["sdk: messages"] += 1
        except Exception as error:
            self._book.violation(self.name, "the SDK's stream raised", repr(error))
            raise

    def end(self) -> None:
        self._stream.close()


class SdkFeed(threading.Thread):
    """A `BarFeed` with a cache of its own: no bar changes once it is there."""

    def __init__(self, name: str, endpoint: str, symbols: list[str], book: Book) -> None:
        super().__init__(name=name, daemon=True)
        self._book, self._symbols = book, symbols
        self._cache = BarCache()
        self._feed = BarFeed(self._cache)
        self._feed.configure(endpoint=endpoint, symbols=symbols, resolutions=["1s", "1m"])
        self._over = threading.Event()
        self.bars: dict[tuple[str, str], dict[int, tuple[float, ...]]] = {}

    def run(self) -> None:
        self._feed.start()
        while not self._over.wait(5):
            for symbol in self._symbols:
                for resolution in ("1s", "1m"):
                    self._look((symbol, resolution))
            if not self._feed.running:
                self._book.violation(self.name, "the SDK's feed ended", str(self._feed.get_status()))
                return

    def _look(self, pair: tuple[str, str]) -> None:
        known = self.bars.setdefault(pair, {})
        for bar in self._cache.get_bars(*pair):
            content = (bar.close_time, bar.open, bar.high, bar.low, bar.close, bar.volume)
            if known.setdefault(bar.open_time, content) != content:
                detail = f"{pair} {bar.open_time}: {known[bar.open_time]}, then {content}"
                self._book.violation(self.name, "bar changed", detail)

    @property
    def is_connected(self) -> bool:
        return bool(self._feed.get_status()["connected"])

    def end(self) -> None:
        self._over.set()
        self._feed.stop()


class PriceCaller(threading.Thread):
    """Calls `get_price` as a strategy would; what it raises must be a MarketCameraError."""

    def __init__(self, name: str, symbols: list[str], book: Book, rng: random.Random) -> None:
        super().__init__(name=name, daemon=True)
        self._symbols, self._book, self._rng = symbols, book, rng
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(self._rng.uniform(2, 6)):
            try:
                frequency = self._rng.choice(("1s", "5s", "1m"))
                table = get_price(self._rng.choice(self._symbols), count=60, frequency=frequency)
            except MarketCameraError as error:
                self._book.count(f"get_price: {type(error).__name__}")
                continue
            except Exception as error:  # noqa: BLE001 (whatever it is, this looks for it)
                self._book.violation(self.name, "get_price raised", repr(error))
                continue
            self._book.count("get_price: answers")
            if not (table.index.is_monotonic_increasing and table.index.is_unique):
                self._book.violation(self.name, "get_price out of order", str(table.index))

    def end(self) -> None:
        self._over.set()


class SdkUsers:
    def __init__(self, plan: dict[str, Any]) -> None:
        self._plan, self.book, self._testimony = plan, Book(), Evidence()
        count, symbols, ports = shares(plan["clients"]), plan["symbols"], plan["ports"]
        self.streams = [self._stream(number) for number in range(count["sdk stream"])]
        self.feeds = [
            SdkFeed(f"sdk feed {n}", f"ws://127.0.0.1:{ports[n % len(ports)]}/market_data", symbols, self.book)
            for n in range(count["sdk feed"])
        ]
        self.callers = [
            PriceCaller(f"sdk price {n}", symbols, self.book, random.Random(f"{plan['seed']} price {n}"))
            for n in range(count["sdk price"])
        ]
        get_websocket_manager().configure(
            endpoint=f"ws://127.0.0.1:{ports[0]}/market_data", symbols=symbols, resolutions=["1s"]
        )

    def _stream(self, number: int) -> SdkStream:
        ports, symbols = self._plan["ports"], self._plan["symbols"]
        symbol = symbols[0] if number % 4 < 3 else symbols[-1]
        url, options = f"ws://127.0.0.1:{ports[number % len(ports)]}", _STREAMS[number % len(_STREAMS)]
        return SdkStream(f"sdk stream {number}", url, symbol, options, self.book, self._testimony)

    async def live(self) -> None:
        get_websocket_manager().start()
        threads = [*self.streams, *self.feeds, *self.callers]
        for thread in threads:
            thread.start()
            await asyncio.sleep(self._plan["arrival_seconds"] / len(threads))
        reporting = asyncio.create_task(self._report())
        targets = await told_to_finish()
        late = await self._until_caught_up(targets) if targets else []
        reporting.cancel()
        for name in late:
            self.book.violation(name, "never caught up", "it had not come to the end when patience was over")
        for thread in threads:
            thread.end()
        get_websocket_manager().stop()
        watches = [(stream.name, stream.watch) for stream in self.streams]
        testimony_of(watches, self._testimony, Path(self._plan["directory"]) / "sdk.testimony")
        self.book.write("end", counts=self.book.counts)

    def _late(self, targets: dict[str, int]) -> list[str]:
        late = [s.name for s in self.streams if s.watch.last_t + s.watch.every - 1 < targets[s.watch.symbol]]
        return late + [feed.name for feed in self.feeds if not feed.is_connected]

    async def _until_caught_up(self, targets: dict[str, int]) -> list[str]:
        deadline = time.monotonic() + self._plan["patience_seconds"]
        while (late := self._late(targets)) and time.monotonic() < deadline:
            await asyncio.sleep(0.5)
        return late

    async def _report(self) -> None:
        while True:
            violations = sum(n for what, n in self.book.counts.items() if what.startswith("violation"))
            least: dict[str, int] = {}
            for stream in self.streams:
                watch = stream.watch
                least[watch.symbol] = min(watch.last_t, least.get(watch.symbol, watch.last_t))
            messages = self.book.counts["sdk: messages"]
            gaps = sum(len(stream.watch.gaps) for stream in self.streams)
            self.book.write("progress", least=least, violations=violations, messages=messages, gaps=gaps)
            await asyncio.sleep(self._plan["report_seconds"])


def main() -> None:
    raise_descriptors()
    logging.basicConfig(level=logging.ERROR)
    asyncio.run(SdkUsers(json.loads(Path(sys.argv[1]).read_text())).live())


if __name__ == "__main__":
    main()
