"""The relay: the one member of this process in a market's group, its ring, and the fan-out to local clients.

Why there is one member per process and not one per client: docs/architecture.md, "Fan-out".
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any, Protocol

from django.db import Error as DatabaseError

from recorder.cold import status as cold_status
from recorder.errors import OtherStore
from recorder.tape.history import History
from runtime.live_first import handing_out
from runtime.supervision import supervisor
from streaming.fanout.feed import Client, Feed
from streaming.fanout.feeds import Feeds
from streaming.group.membership import Membership, group_name
from streaming.protocol import Moment, RunPrices, prices_told
from streaming.relay.filling import Filling
from streaming.relay.health import Health, Repeats, health_of, hears
from streaming.relay.lease_monitor import LeaseMonitor
from streaming.ring import Ring

log = logging.getLogger(__name__)

#: Each of the three tapes is flushed within IG_FLUSH_SECONDS and one pause of the pipeline. Data that is older than a
#: received tick by more than that and this time is on all of them.
_SETTLE_SECONDS = 0.5

#: Without a message for this long, the relay checks whether the store is still the same.
_HEARD_SECONDS = 2.0


class Positioned(Protocol):
    """A reader with a position in the recording `store_id`; None if the recording is unknown."""

    store_id: str | None


class Relay:
    """One market, seen from this process. All methods are for the loop's thread.

    A relay that failed is not restarted, because it is unknown which clients received what. It ends, with all its
    clients, and another takes its place (`streaming.relay.relays`).
    """

    def __init__(
        self, history: History, ring_ticks: int, ring_bytes: int, flush_seconds: float, *, at_rest: bool = False
    ) -> None:
        """`at_rest` says that no process writes to the tapes until the ring is filled."""
        self._at_rest = at_rest
        #: After this time, everything that was heard is on the tapes.
        self.settle_seconds = flush_seconds + _SETTLE_SECONDS
        self.symbol, store_id = history.symbol, history.id_on_disk()
        #: The recording that is streamed here, once its id is known.
        self.history = history if store_id is None else history.of_store(store_id)
        self._ring_ticks, self._ring_bytes = ring_ticks, ring_bytes
        self.status: dict[str, Any] | None = None
        self.heard_at: float | None = None
        #: Price ranges of the market's runs, from its last message or else from the database; empty while unknown.
        self.prices: RunPrices = []
        #: What the market's process told of itself last (`monitoring.market_figures`); None while nothing was heard.
        self.figures: dict[str, Any] | None = None
        self.joined = asyncio.Event()
        self.ended = False
        self.feeds = Feeds(self.symbol, store_id)
        #: Called on the loop with each group message as it arrives, including known moments and holes in t.
        self.listeners: list[Callable[[dict[str, Any]], None]] = []
        #: Called on the loop with each moment that was read from the recording, as its message did not arrive in time.
        self.on_found: list[Callable[[Moment], None]] = []
        #: Called on the loop when it has ended.
        self.on_end: list[Callable[[], None]] = []
        self.lease_monitor = LeaseMonitor(self.symbol, asyncio.get_running_loop().time())
        #: The newest t of earlier recordings, as far as they were streamed here.
        self._former: dict[str, int] = {}
        self._looker: asyncio.Task[None] | None = None
        self.start: Callable[..., asyncio.Task[None]] = asyncio.get_running_loop().create_task
        self._earlier_holes = 0
        self._begin()

    def _begin(self) -> None:
        #: From when to when all that arrived was streamed here before, and the last t of it; None where that was new.
        self._known: tuple[float, float, int] | None = None
        self.ring = Ring(self._ring_ticks, self._ring_bytes)
        self.filling = Filling(self, self._ring_ticks)

    # -- clients

    def subscribe(self, client: Client, feed: Feed) -> None:
        """From now on offer the client every moment."""
        feed.add(client, -1 if self.ring.last_t is None else self.ring.last_t)

    def leave(self, client: Client, feed: Feed) -> None:
        """The client has left, joined or not."""
        self.feeds.leave(client, feed)

    @property
    def silent_seconds(self) -> float | None:
        """How long ago a message of the pipeline arrived here; None if never."""
        return None if self.heard_at is None else time.monotonic() - self.heard_at

    @property
    def holes(self) -> int:
        """How often a moment did not follow the one before."""
        return self._earlier_holes + self.filling.holes

    async def learn_prices(self) -> RunPrices:
        """The price ranges; where no message told them, the database is asked."""
        if not self.prices:
            claim = await self.lease_monitor.claim()
            self.prices = self.prices or (claim and claim.run and claim.run["price_ranges"]) or []
        return self.prices

    async def health(self, *, at_leisure: bool = False) -> Health:
        """(healthy, the body of `/health`); `at_leisure` for who asks each second (`LeaseMonitor.claim`)."""
        is_heard = hears(self.status, self.silent_seconds)
        claim = None if is_heard else await self.lease_monitor.claim(at_leisure=at_leisure)
        well, body = health_of(await self._whole_status(), self.silent_seconds, claim, self._repeats())
        body["meta"]["store"] = self.store_id
        if copies := cold_status.known.get(self.symbol):
            body["cold_store"] = {"waiting": copies.waiting, "failing": bool(copies.reason)}
        return well, body

    async def _whole_status(self) -> dict[str, Any] | None:
        """The status of the last message, with all price ranges: of many it has the newest alone."""
        status = self.status
        if status is None or "newest_prices" not in status:
            return status
        return {**status, "price_ranges": await self.learn_prices()}

    def _repeats(self) -> Repeats | None:
        """That the market makes ticks again which clients here have; None if the last one was new."""
        if self._known is None or self.ring.last_t is None:
            return None
        since, until, t = self._known
        return Repeats(until - since, t, self.ring.last_t)

    def beat(self) -> None:
        """Each second: check on a silent market, and send heartbeats to clients that were sent nothing for long."""
        silent_seconds = self.silent_seconds
        self.lease_monitor.look_if_unheard(silent_seconds, asyncio.get_running_loop().time())
        if (silent_seconds is None or silent_seconds > _HEARD_SECONDS) and self.filling.filled.is_set():
            self._look_at_store()
        self.filling.beat(time.monotonic())
        self.feeds.beat(-1 if self.ring.last_t is None else self.ring.last_t)

    # -- the store

    @property
    def store_id(self) -> str | None:
        """The id of the recording that is streamed here; None while it is unknown."""
        return self.history.store_id

    @property
    def named_store(self) -> dict[str, str]:
        """The id as a field of messages; none while it is unknown."""
        return {} if self.store_id is None else {"store": self.store_id}

    def end_of(self, store_id: str | None) -> int:
        """The newest t of a recording that was streamed here before; -1 if unknown."""
        return self._former.get(store_id or "", -1)

    def same_store(self, reader: Positioned) -> History:
        """The recording of a reader. Raises OtherStore if the reader has part of another one."""
        reader.store_id = reader.store_id or self.store_id
        if self.store_id is not None and reader.store_id != self.store_id:
            raise OtherStore(self.store_id)
        return self.history

    def enter(self, store_id: str) -> None:
        """The market now has this store. Clients that have part of another one start over."""
        if store_id == self.store_id:
            return
        former, last_t = self.store_id, -1 if self.ring.last_t is None else self.ring.last_t
        self.history, self.prices = self.history.of_store(store_id), []
        if former is None:
            self.filling.read_from(self.history)
        else:
            log.warning("%s: the store is another one, %s after %s: all begins anew", self.symbol, store_id, former)
            self._former[former] = last_t
            self.filling.stop()
            self._earlier_holes += self.filling.holes
            self._begin()
            self.filling.begin()
        self.feeds.enter(former, last_t, store_id)

    def _is_of_store(self, told: str | None) -> bool:
        """Whether a message is of this store, or of another that has replaced it."""
        if not told or told == self.store_id:
            return True
        if (self.history.id_on_disk() or told) != told:  # a late message of the store's former writer
            return False
        self.enter(told)
        return True

    def _look_at_store(self) -> None:
        """While no message arrives, check on disk, or in the database, whether the store is another one."""
        if self._looker is None or self._looker.done():
            self._looker = self.start(self._read_id())

    async def _read_id(self) -> None:
        before = self.store_id
        with supervisor.guarded(f"look at the store of {self.symbol}"):
            try:
                found = await asyncio.to_thread(self.history.known_id)
            except DatabaseError as error:
                return log.debug("%s: which recording it has cannot be told now: %s", self.symbol, error)
            if found is not None and self.store_id == before:  # else a message has told of a later one meanwhile
                self.enter(found)

    # -- moments

    def take(self, message: dict[str, Any]) -> None:
        """A message of the group: a moment, or the pipeline's status."""
        if not self._is_of_store(message["status"].get("store")):
            return
        self.heard_at = time.monotonic()
        self.status = message["status"]
        # A pipeline of the version before tells of none of these.
        self._learn_prices(prices_told(self.status, self.prices))
        self.figures = message.get("figures") or self.figures
        if message["tick"] is not None:
            self._note_known(message["t"])
            texts = (message["tick"], message["metric"], message["frame"])
            self.pass_on(Moment(message["t"], *texts, message.get("made_at")))
        for listener in list(self.listeners):  # one may leave meanwhile
            with supervisor.guarded(f"listener of {self.symbol}"):
                listener(message)

    def _learn_prices(self, told: RunPrices) -> None:
        """Clients are told the ranges as they connect: with an older one what follows would have wrong prices."""
        is_another = bool(told and self.prices) and tuple(told[-1]) != tuple(self.prices[-1])
        self.prices = told
        if is_another:
            log.info("%s: a run of other prices begins, clients come again to be told them", self.symbol)
            self.feeds.end()

    def _note_known(self, t: int) -> None:
        if self.ring.last_t is None or t > self.ring.last_t:
            self._known = None
        else:
            now = time.monotonic()
            self._known = (now if self._known is None else self._known[0], now, t)

    def pass_on(self, moment: Moment) -> None:
        """Keep a moment and hand it to every client.

        A known moment is dropped. A moment that does not follow the last one waits until the recording between them has
        been read.
        """
        self.filling.take(moment)

    def hand_out(self, moment: Moment) -> None:
        """Keep the next moment and hand it to every client."""
        self.ring.append(moment)
        with handing_out():
            self.feeds.send(moment)

    async def ready(self) -> None:
        """Wait until the ring holds what is recorded.

        It may not, if the tape could not be read or nothing was heard of it. Raises OSError, OtherStore.
        """
        ready: Filling | None = None
        while ready is not self.filling:
            ready = self.filling
            await ready.ready()

    async def recorded_t(self) -> int | None:
        """The newest t on disk; concurrent callers share one read. Raises OSError, OtherStore."""
        return await self.filling.recorded_t()

    # -- its life

    async def run(self) -> None:
        """Stay in the group, fill the ring and pass on messages, until cancelled. Raises its failure."""
        async with asyncio.TaskGroup() as group:
            self.start = group.create_task
            group.create_task(self._fill_when_joined())
            await Membership(group_name(self.symbol), self.take, self.joined).stay()

    async def _fill_when_joined(self) -> None:
        await self.joined.wait()
        await self.filling.fill(at_rest=self._at_rest)

    def end(self) -> None:
        """Pass on nothing more, and release every client that waits."""
        self.ended = True
        self.filling.stop()
        self.feeds.end()
        for say in list(self.on_end):
            with supervisor.guarded(f"listener of {self.symbol}"):
                say()
