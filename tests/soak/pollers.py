"""Clients over HTTP: pages that poll, readers of the whole past, downloaders, and those that run backtests."""

from __future__ import annotations

import asyncio
import io
import random
import time
from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson
import pyarrow.parquet
import zstandard

from tests.soak.child import Book
from tests.soak.oracle import Evidence, digest_of

#: What an answer may be beside a success, anywhere: a database or a market that is away is told as 503.
_EXPECTED = (200, 202, 206, 304, 503)
_BACKTEST_SECONDS = 600.0


@dataclass
class Poller:
    """Asks one web process after the other; each subclass has something to ask every `pause_seconds`."""

    name: str
    ports: list[int]
    symbols: list[str]
    book: Book
    rng: random.Random
    source: str
    testimony: Evidence
    token: str = ""
    pause_seconds: float = 3.0
    over: bool = False
    rounds: int = 0

    async def run(self) -> None:
        # `verify=False` spares each client the loading of certificates.
        transport = httpx.AsyncHTTPTransport(local_address=self.source, verify=False)
        async with httpx.AsyncClient(transport=transport, timeout=60, trust_env=False, verify=False) as self._http:
            while not self.over:
                try:
                    await self.ask()
                    self.rounds += 1
                except httpx.HTTPError as error:
                    self.book.count(f"{type(self).__name__}: {type(error).__name__}")
                await asyncio.sleep(self.rng.uniform(0.5, 1.5) * self.pause_seconds)

    async def ask(self) -> None:
        raise NotImplementedError

    async def get(self, path: str, *also: int, method: str = "GET", **options: Any) -> httpx.Response:
        """An answer; a status that is not expected is a violation."""
        url = f"http://127.0.0.1:{self.rng.choice(self.ports)}{path}"
        answer = await self._http.request(method, url, **options)
        self.book.count(f"http: {answer.status_code}")
        if answer.status_code not in (*_EXPECTED, *also):
            self.book.violation(self.name, f"status {answer.status_code}", f"{path}: {answer.text[:200]}")
        return answer

    @property
    def authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


class Looker(Poller):
    """Looks at everything in turn, as a monitor and a curious person would."""

    async def ask(self) -> None:
        symbol = self.rng.choice(self.symbols)
        kind = self.rng.choice(("ticks", "frames", "metrics"))
        paths = [
            f"/health?symbol={symbol}",
            f"/manifest/{kind}?symbol={symbol}",
            f"/segments?kind={kind}&symbol={symbol}",
            "/metrics",
            "/disk",
            f"/api/v1/bars?symbol={symbol}&resolution={self.rng.choice(('1s', '1m', '1h'))}",
            f"/incremental?limit=50&symbol={symbol}",
        ]
        await self.get(self.rng.choice(paths))
        await self.get("/api/v1/alerts?active=1", headers=self.authorization)


class PageClient(Poller):
    """Polls what an open page does: health, and the manifests of all kinds."""

    async def ask(self) -> None:
        symbol = self.symbols[0]
        await self.get(f"/health?symbol={symbol}")
        for kind in ("ticks", "frames", "metrics"):
            await self.get(f"/manifest/{kind}?symbol={symbol}")


@dataclass
class IncrementalReader(Poller):
    """Pages through the whole past of ticks and follows the present: each t once, or told in a gap."""

    last_t: int = -1
    ticks: int = 0
    told_missing: int = 0

    async def ask(self) -> None:
        symbol = self.symbols[0]
        answer = await self.get(f"/incremental?from_t={self.last_t}&limit=1000&symbol={symbol}")
        if answer.status_code != 200:
            return
        found = orjson.loads(answer.content)
        gap, expected = found.get("gap"), self.last_t + 1
        for tick in found["data"]:
            t = tick["t"]
            if gap and gap["from_t"] <= expected <= gap["to_t"]:
                self.told_missing += gap["to_t"] + 1 - expected
                expected = gap["to_t"] + 1
            if t != expected:
                detail = f"t={t} where t={expected} was due"
                self.book.violation(self.name, "hole or repeat in /incremental", detail)
            if not self.testimony.agrees(symbol, "tick", None, t, digest_of(tick)):
                self.book.violation(self.name, "spliced", f"/incremental t={t}")
            expected, self.last_t, self.ticks = t + 1, t, self.ticks + 1


class RangeReader(Poller):
    """Reads ranges at random: NDJSON in order, without a hole but a told one."""

    async def ask(self) -> None:
        symbol = self.rng.choice(self.symbols)
        latest = orjson.loads((await self.get(f"/incremental?limit=1&symbol={symbol}")).content).get("latest_t") or 0
        first = self.rng.randrange(max(1, latest - 200))
        kind = self.rng.choice(("ticks", "metrics"))
        path = f"/range?t0={first}&t1={first + 300}&kind={kind}&symbol={symbol}"
        answer = await self.get(path)
        if answer.status_code == 200:
            # The newest may not have reached the disk: the end of the range is open.
            self._judge(symbol, path, kind[:-1], first, answer.content)

    def _judge(self, symbol: str, path: str, kind: str, expected: int, body: bytes) -> None:
        for line in body.splitlines():
            message = orjson.loads(line)
            gap = message["type"] == "gap"
            begins, ends = (message["from_t"], message["to_t"]) if gap else (message["t"], message["t"])
            if begins > expected:
                self.book.violation(self.name, "hole in /range", f"{path}: t={begins} where t={expected} was due")
            if not gap and not self.testimony.agrees(symbol, kind, None, ends, digest_of(message)):
                self.book.violation(self.name, "spliced", f"{path} t={ends}")
            expected = max(expected, ends + 1)


class Downloader(Poller):
    """Fetches finished segments whole and by ranges, which must be the same bytes, and decodes them.

    A segment whose file has left for the bucket meanwhile, where it is compressed anew, has another ETag and length: it
    comes whole.
    """

    async def ask(self) -> None:
        symbol = self.rng.choice(self.symbols)
        kind = self.rng.choice(("ticks", "frames", "metrics"))
        manifest = await self.get(f"/manifest/{kind}?symbol={symbol}")
        if manifest.status_code != 200:
            return
        finished = [segment for segment in orjson.loads(manifest.content) if not segment["pending"]]
        if not finished:
            return
        name = self.rng.choice(finished)["path"].rsplit("/", 1)[-1]
        path = f"/segment/{kind}/{name}?symbol={symbol}"
        whole = await self.get(path)
        if whole.status_code != 200:
            return
        zstandard.ZstdDecompressor().stream_reader(whole.content, read_across_frames=True).readall()
        first = self.rng.randrange(len(whole.content))
        headers = {"Range": f"bytes={first}-{first + 4999}", "If-Range": whole.headers["ETag"]}
        part = await self.get(path, headers=headers)
        if part.status_code == 206 and part.content != whole.content[first : first + 5000]:
            self.book.violation(self.name, "range differs", f"{path} from {first}")


@dataclass
class Exporter(Poller):
    """Fetches ranges as Parquet: every t once, in order, and what is missing told in the file's metadata."""

    pause_seconds: float = 8.0

    async def ask(self) -> None:
        symbol = self.rng.choice(self.symbols)
        latest = orjson.loads((await self.get(f"/incremental?limit=1&symbol={symbol}")).content).get("latest_t") or 0
        first = self.rng.randrange(max(1, latest - 200))
        kind = self.rng.choice(("ticks", "metrics"))
        path = f"/export?kind={kind}&t0={first}&t1={first + 300}&format=parquet&symbol={symbol}"
        answer = await self.get(path, 429)
        if answer.status_code == 200:
            self._judge(path, first, answer.content)

    def _judge(self, path: str, first: int, body: bytes) -> None:
        file = pyarrow.parquet.ParquetFile(io.BytesIO(body))
        expected, gaps = first, orjson.loads((file.metadata.metadata or {}).get(b"gaps", b"[]"))
        for t in file.read(columns=["t"])["t"].to_pylist():
            told = next((gap for gap in gaps if gap["from_t"] <= expected <= gap["to_t"]), None)
            expected = told["to_t"] + 1 if told else expected
            if t != expected:
                self.book.violation(self.name, "hole or repeat in /export", f"{path}: t={t} where {expected} was due")
            expected = t + 1


@dataclass
class Backtester(Poller):
    """Starts a backtest now and then and waits for its end; each must end, and none may vanish."""

    pause_seconds: float = 40.0
    #: (id, status, error, when asked for, when over).
    ended: list[tuple[str, str, str | None, float, float]] = field(default_factory=list)

    async def ask(self) -> None:
        symbol, begun = self.rng.choice(self.symbols), time.time()
        wanted = {"strategy": self.rng.choice(("ma_cross", "buy_and_hold")), "symbol": symbol, "resolution": "1s"}
        wanted |= {"from": "2020-01-01", "to": int(begun * 1000)}
        # 400: there is no bar yet.
        answer = await self.get("/api/v1/backtests", 400, method="POST", json=wanted, headers=self.authorization)
        if answer.status_code == 202:
            await self._until_over(answer.json()["backtest_id"], begun)

    async def _until_over(self, name: str, begun: float) -> None:
        while time.time() < begun + _BACKTEST_SECONDS:
            await asyncio.sleep(2)
            try:
                answer = await self.get(f"/api/v1/backtests/{name}", headers=self.authorization)
            except httpx.HTTPError:
                continue
            found = answer.json() if answer.status_code == 200 else {"status": ""}
            if found["status"] in ("done", "failed", "cancelled"):
                self.book.count(f"backtests: {found['status']}")
                self.ended.append((name, found["status"], found["error"], begun, time.time()))
                self.book.write("backtest", id=name, status=found["status"], error=found["error"], asked_at=begun)
                return
        self.book.violation(self.name, "backtest without an end", f"{name}, after {_BACKTEST_SECONDS:g} s")
