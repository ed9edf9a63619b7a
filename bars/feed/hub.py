"""The hub: the newest closed bars of one market in this process, each once and in order, for clients of the feed."""

from __future__ import annotations

import asyncio
import logging
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from contextvars import Context
from itertools import islice
from typing import Any, NamedTuple, TypeVar
from weakref import WeakKeyDictionary

from django.db import Error as DatabaseError

from bars import stored
from bars.feed.protocol import bar_message
from bars.making.ohlcv import Ohlcv
from bars.making.resolutions import PERIOD_MS, period_start
from bars.reading import closed_bars, last_bars
from runtime import pools
from runtime.supervision import supervisor
from streaming.relay.relay import Relay

log = logging.getLogger(__name__)

T = TypeVar("T")

#: How often the database is checked for missing bars, and how often while it is unavailable.
_LOOK_SECONDS = 0.2
_RETRY_SECONDS = 1.0

#: This many bars of a resolution stay in memory; a client further behind reads the database.
_MOST_KEPT = 1000
#: This many messages with bars wait while earlier ones are read; further ones are read as well.
_MOST_HELD = 5000
_LONG_AGO_MS = -(2**62)

#: Bars of a resolution that are read at a time for a client that is behind.
_PAGE_BARS = 256


class Wire(NamedTuple):
    """A bar in the form in which it is sent."""

    open_ms: int
    text: bytes


class Line:
    """The newest closed bars of one resolution: all that begin after `floor_ms`, the last of them at `newest_ms`.

    `floor_is_stored`: the database has everything up to `floor_ms`. Otherwise a bar that begins there is the last that
    left memory, and the database may lag behind.
    """

    def __init__(self) -> None:
        self.floor_ms = self.newest_ms = _LONG_AGO_MS
        self.floor_is_stored = True
        self.watchers: set[asyncio.Event] = set()
        self._bars: deque[Wire] = deque()

    def begin(self, newest_ms: int) -> None:
        """Everything that begins up to here is in the database; none of it is in memory."""
        self.floor_ms = self.newest_ms = newest_ms
        self.floor_is_stored = True
        self._bars.clear()

    def append(self, wire: Wire) -> None:
        """Take the next bar; a known one is left out."""
        if wire.open_ms <= self.newest_ms:
            return
        self._bars.append(wire)
        self.newest_ms = wire.open_ms
        if len(self._bars) > _MOST_KEPT:
            self.floor_ms = self._bars.popleft().open_ms
            self.floor_is_stored = False
        for watcher in self.watchers:
            watcher.set()

    def after(self, open_ms: int) -> list[Wire]:
        """The bars in memory that begin later."""
        if not self._bars or self._bars[-1].open_ms <= open_ms:
            return []
        if len(self._bars) == 1 or self._bars[-2].open_ms <= open_ms:
            return [self._bars[-1]]
        kept = list(self._bars)
        return kept[bisect_right(kept, open_ms, key=lambda wire: wire.open_ms) :]


class BarHub:
    """Listens to a relay. After a missed message it continues once the database has what closed meanwhile.

    `over`: the hub is of no further use, because it failed or the market has another store. Its clients have to connect
    again, and find a new one.
    """

    def __init__(self, relay: Relay) -> None:
        self.symbol, self._relay, self._store_id = relay.symbol, relay, relay.store_id
        self.over = False
        self.lines = {resolution: Line() for resolution in PERIOD_MS}
        #: Set as soon as it is known which bars were closed when the hub began.
        self.begun = asyncio.Event()
        self._last_t: int | None = None
        self._filling = True
        self._holes = 0
        self._held: list[list[list[Any]]] = []
        #: The last tick with a closed bar, as far as what is held begins behind it; None where nothing was heard yet.
        self._wanted_t: int | None = None
        relay.listeners.append(self.take)
        relay.on_end.append(self._retire)
        self._run(self._begin())

    @property
    def store_id(self) -> str | None:
        """The recording that its bars are of; None while it is unknown."""
        return self._store_id or self._relay.store_id

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        self._filler = asyncio.get_running_loop().create_task(work, name=f"bars {self.symbol}", context=Context())
        self._filler.add_done_callback(self._filled)

    def _filled(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            supervisor.failed(f"bar feed of {self.symbol}", error)
            self._retire()

    def _retire(self) -> None:
        if not self.over:
            self._relay.listeners.remove(self.take)
            self._relay.on_end.remove(self._retire)
        if _hubs.get(self._relay) is self:
            del _hubs[self._relay]
        self.over = True
        self._filler.cancel()
        self.begun.set()
        for line in self.lines.values():
            for watcher in line.watchers:
                watcher.set()

    def take(self, message: dict[str, Any]) -> None:
        """A message of the market's group."""
        if self._is_of_another_store():
            return self._retire()
        with supervisor.guarded(f"bar feed of {self.symbol}", self._retire):  # which bars came of it is not known
            self._take(message)

    def _take(self, message: dict[str, Any]) -> None:
        t, seen = message["t"], (message.get("seen") or {}).get("bars")
        if t is None or (self._last_t is not None and t <= self._last_t):
            return
        follows = self._last_t is not None and t == self._last_t + 1
        if seen is None:  # what came before is being read there: it comes with a later message, if we miss none
            self._last_t = t if follows else None
            return
        self._last_t = t
        if not follows or len(self._held) > _MOST_HELD:
            self._need(seen["kept_t"])
        if seen["closed"] and self._filling:
            self._held.append(seen["closed"])
        elif seen["closed"]:
            self._append_rows(seen["closed"])

    def _is_of_another_store(self) -> bool:
        """Whether the known bars are of a recording that is over: t and market time start over."""
        self._store_id = self._store_id or self._relay.store_id
        return self._store_id != self._relay.store_id

    def _need(self, kept_t: int | None) -> None:
        """A message was missed: wait until the database has the bars up to a tick."""
        self._held.clear()
        self._wanted_t = kept_t
        self._holes += 1
        if not self._filling:
            self._filling = True
            self._run(self._fill())

    def _append_rows(self, rows: Sequence[Sequence[Any]]) -> None:
        for resolution, open_ms, _, *figures in rows:
            self._append(_bar(resolution, open_ms, figures))

    def _append(self, bar: Ohlcv) -> None:
        self.lines[bar.resolution].append(Wire(bar.open_ms, bar_message(self.symbol, bar)))

    async def _begin(self) -> None:
        """Find out which bars are closed already, and wait for those before the first message."""
        newest = await self._ask_until_answered(lambda: stored.newest(self.symbol))
        if newest is not None:
            for resolution, line in self.lines.items():
                line.begin(period_start(newest.next_ms, resolution) - 1)
        self.begun.set()
        await self._fill()

    async def _fill(self) -> None:
        """Read what was missed, then continue with the held messages."""
        holes = -1
        while holes != self._holes:  # another one may open while this one is read
            holes = self._holes
            while not await self._is_stored():  # noqa: ASYNC110 (another process writes the rows)
                await asyncio.sleep(_LOOK_SECONDS)
            for resolution, line in self.lines.items():
                await self._read_newest(resolution, line)
        for rows in self._held:
            self._append_rows(rows)
        self._held.clear()
        self._filling = False

    async def _is_stored(self) -> bool:
        """Whether the database has all bars that closed before the held messages."""
        if self._wanted_t is None:
            return True
        newest = await self._ask_until_answered(lambda: stored.newest(self.symbol))
        return newest is not None and self._wanted_t is not None and newest.last_t >= self._wanted_t

    async def _read_newest(self, resolution: str, line: Line) -> None:
        """Append the bars since the newest known one, or as many of them as memory keeps."""
        after_ms = line.newest_ms
        found = await self._ask_until_answered(
            lambda: last_bars(self.symbol, resolution, _MOST_KEPT, after_ms=after_ms)
        )
        if len(found) == _MOST_KEPT:
            line.begin(found[0].open_ms - 1)
        for bar in found:
            self._append(bar)

    async def _ask_until_answered(self, read: Callable[[], T]) -> T:
        away = False
        while True:
            try:
                return await pools.bars.ask_on(read)
            except DatabaseError as error:
                if not away:
                    log.warning("%s: the feed waits for the database: %s", self.symbol, error)
                away = True
                await asyncio.sleep(_RETRY_SECONDS)

    async def behind(self, resolution: str, after_ms: int) -> tuple[list[Wire], int]:
        """Bars for a client that lags further behind than memory reaches, oldest first.

        Also returns up to which beginning they are complete. Raises django.db.Error.
        """
        line = self.lines[resolution]
        floor_ms, is_stored = line.floor_ms, line.floor_is_stored

        def read() -> tuple[list[Wire], int]:
            page = list(islice(closed_bars(self.symbol, resolution, from_ms=after_ms + 1), _PAGE_BARS))
            wires = [Wire(bar.open_ms, bar_message(self.symbol, bar)) for bar in page if bar.open_ms <= floor_ms]
            if is_stored and (len(page) < _PAGE_BARS or page[-1].open_ms > floor_ms):
                return wires, floor_ms
            return wires, wires[-1].open_ms if wires else after_ms

        return await pools.bars.ask_on(read)

    async def history(self, resolution: str, count: int, to_ms: int) -> list[Wire]:
        """The last `count` closed bars that begin at `to_ms` or earlier, oldest first. Raises django.db.Error."""
        line = self.lines[resolution]
        kept = [wire for wire in line.after(line.floor_ms) if wire.open_ms <= to_ms]
        end_ms, lacking = min(line.floor_ms, to_ms) + PERIOD_MS[resolution], count - len(kept)

        def read() -> list[Wire]:
            found = last_bars(self.symbol, resolution, lacking, to_ms=end_ms)
            return [Wire(bar.open_ms, bar_message(self.symbol, bar)) for bar in found]

        older = await pools.bars.ask_on(read) if lacking > 0 else []
        return [*older, *kept][-count:]


def _bar(resolution: str, open_ms: int, figures: Sequence[float]) -> Ohlcv:
    """The part of a tick's bar that a client of the feed receives."""
    opened, high, low, close, volume = figures
    return Ohlcv(resolution, open_ms, opened, high, low, close, volume, 0, None, None, None, None, 0, 0, 0)


_hubs: WeakKeyDictionary[Relay, BarHub] = WeakKeyDictionary()


def watchers_of(relay: Relay) -> int:
    """How many sockets get live bars of a market."""
    hub = _hubs.get(relay)
    return 0 if hub is None else len({watcher for line in hub.lines.values() for watcher in line.watchers})


def hub_of(relay: Relay) -> BarHub:
    """The hub of a relay, created at the first request."""
    hub = _hubs.get(relay)
    if hub is None:
        hub = _hubs[relay] = BarHub(relay)
    return hub
