"""Stream clients of every sort: options, pace, habits; each resumes with `since` after each cut."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import parse_qs

import zstandard

from tests.soak.child import Ages, Book
from tests.soak.oracle import KINDS, Evidence, Parser, Watch, variant_of
from tests.soak.wire import Refused, Silent, Socket

PARSER = Parser()
_LONGEST_WAIT_SECONDS = 5.0
_PASSING = ("too_many_connections", "too_many_replays", "unavailable")

#: Whoever begins anew reads no more of the past than this: half an hour, by default.
_FURTHEST_BACK_TICKS = 18_000


@dataclass
class Habits:
    """How a client reads: stays so long (seconds, at random between two bounds) and is away so long, at such a pace."""

    stays: tuple[float, float] | None = None
    away: tuple[float, float] = (0.1, 1.0)
    piece_bytes: int = 1 << 16
    pause_seconds: float = 0.0
    receive_bytes: int | None = None
    #: Each visit begins anew, somewhere in the past.
    begins_anew: bool = False

    @property
    def keeps_up(self) -> bool:
        return not self.pause_seconds and self.stays is None


@dataclass
class StreamClient:
    """One client of a market. `watches` are its visits' oracles: one, unless it begins anew each time."""

    name: str
    ports: list[int]
    symbol: str
    query: str
    habits: Habits
    testimony: Evidence
    book: Book
    rng: random.Random
    source: str
    ages: Ages | None = None
    names_market: bool = False
    #: Whether all of its connections are to look like one, as those of a browser's `EventSource` do.
    seamless: bool = False
    #: Stays and absences are so much shorter.
    scale: float = 1.0
    #: Set when everybody is to come to the end: who is away comes back, and stays.
    called: asyncio.Event = field(default_factory=asyncio.Event)
    watches: list[Watch] = field(default_factory=list)
    over: bool = False
    connections: int = 0

    @property
    def watch(self) -> Watch:
        return self.watches[-1]

    @property
    def _is_prompt(self) -> bool:
        """Whether what it hears has just happened: it has caught up, reads at once, and waits for no array."""
        return self.habits.keeps_up and not self.watch.batched and not self.watch.is_behind

    def _new_watch(self, begun_at: int | None) -> None:
        given = self._given()
        types = given.get("types", ",".join(KINDS)).split(",")
        self._zstd = zstandard.ZstdDecompressor() if given.get("encoding") == "zstd" else None
        self.watches.append(
            Watch(
                symbol=self.symbol,
                kinds=tuple(kind for kind in KINDS if kind in types),
                every=int(given.get("every", 1)),
                variant=variant_of(given.get("fields")),
                testimony=self.testimony,
                report=self.book.reporter(self.name),
                batched="batch" in given,
                seamless=self.seamless,
                begun_at=begun_at,
            )
        )

    async def run(self) -> None:
        """Until `over` is set, which ends the visit that is under way at the next message."""
        self._new_watch(None)
        wait = 0.2
        while not self.over:
            try:
                wait = 0.2 if await self._visit() else min(wait * 2, _LONGEST_WAIT_SECONDS)
            except (OSError, TimeoutError, Refused) as error:
                self.book.count(f"stream: {type(error).__name__}")
                wait = min(wait * 2, _LONGEST_WAIT_SECONDS)
            except Silent:
                self.book.violation(self.name, "silence", f"not a byte for long, at t={self.watch.last_t}")
            await asyncio.sleep(wait * self.rng.uniform(0.5, 1.0))
            self._maybe_begin_anew()

    def _given(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.query, keep_blank_values=True).items()}

    def _maybe_begin_anew(self) -> None:
        if self.habits.begins_anew and self.watch.caught_up_t is not None and not self.over:
            last_t = max(1, self.watch.last_t)
            self._new_watch(self.rng.randrange(max(-1, last_t - _FURTHEST_BACK_TICKS), last_t))

    async def _visit(self) -> bool:
        """One connection; whether it brought anything."""
        habits = self.habits
        since = self.watch.since
        socket = await Socket.open(
            self.rng.choice(self.ports),
            self._path(since),
            source=self.source,
            receive_bytes=habits.receive_bytes,
        )
        socket.piece_bytes, socket.pause_seconds = habits.piece_bytes, habits.pause_seconds
        self.connections += 1
        self.watch.connected(since)
        try:
            stays = None if self.called.is_set() else habits.stays
            stay = None if stays is None else self.scale * self.rng.uniform(*stays)
            return await self._listen(socket, stay)
        finally:
            socket.close()
            self.book.count(f"stream: closed {socket.close_code}")
            if habits.stays is not None and not self.over:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.called.wait(), self.scale * self.rng.uniform(*habits.away))

    def _path(self, since: int | None) -> str:
        asked = [] if since is None else [f"since={since}"]
        if asked and self.watch.store:
            asked.append(f"store={self.watch.store}")
        return self._asking("/ws/stream", asked)

    def _asking(self, path: str, asked: list[str]) -> str:
        """A path with the options that it always has, and these."""
        given = [self.query] if self.query else []
        given += [f"symbol={self.symbol}"] if self.names_market else []
        return path + ("?" + "&".join(given + asked) if given + asked else "")

    async def _listen(self, socket: Socket, stay: float | None) -> bool:
        loop = asyncio.get_running_loop()
        leaves_at = None if stay is None else loop.time() + stay
        brought = False
        decompress = None if self._zstd is None else self._zstd.decompressobj
        async for payload in socket.messages():
            unpacked = None if decompress is None else lambda data: decompress().decompress(data)
            brought = self._hear(payload, unpacked) or brought
            if self.over or (leaves_at is not None and loop.time() > leaves_at):
                break
            if self.habits.begins_anew and self.watch.caught_up_t is not None:
                break
        return brought

    def _hear(self, payload: bytes, decompress: Callable[[bytes], bytes] | None = None) -> bool:
        """Judge what is in a message; whether it was anything but an error."""
        brought = False
        for heard in PARSER.parse(payload, decompress):
            if heard.type == "error":
                self._refused(heard.control or {})
                continue
            brought = True
            self.watch.take(heard)
            if heard.type == "tick" and self.ages is not None and self._is_prompt:
                self.ages.tick(self.symbol, heard.t)
        self.book.counts["stream: messages"] += 1
        return brought

    def _refused(self, error: dict[str, str]) -> None:
        code = error.get("error", "")
        self.book.count(f"stream: refused {code}")
        if code not in _PASSING:
            self.book.violation(self.name, f"refused: {code}", f"{self.query}: {error.get('detail')}")
