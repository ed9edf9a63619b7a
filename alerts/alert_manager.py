"""The alert manager of a web process: sends each alert once when it is raised and once when it clears."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from typing import Any, Protocol
from uuid import uuid4

from django.db import Error as DatabaseError
from django.db import OperationalError

from alerts import alert_store
from alerts.alert_store import Entry
from alerts.rules import DATABASE, Finding, MarketEvent, symbol_of
from runtime import pools
from runtime.bounded_database import Database
from streaming.protocol import json_frame

log = logging.getLogger(__name__)

CHANNEL = "alerts"

#: At most this many market events wait to be stored, and this many are remembered as announced.
_MOST_HAPPENINGS = 10_000

#: Whoever told of a change while the database was away writes it down when it is back, long before this has passed.
_REMEMBERED_SECONDS = 3600.0


#: Sends a frame to the clients of this process that subscribed to a channel and symbol (None: all of the channel).
Send = Callable[[str, str | None, bytes], None]


class Topic(Protocol):
    """The channel and symbol of a subscription."""

    def covers(self, channel: str, symbol: str | None) -> bool: ...


class AlertManager:
    """The alert manager of one web process. For the loop's thread.

    All web processes see much the same causes. The database decides which of them announces a cause: the one that
    writes the row. While the database is unavailable every process announces it, and each suppresses a second
    announcement of a cause. Clients of this process are sent it first, those of others through `publish`.
    """

    def __init__(
        self, send: Send, publish: Callable[[dict[str, Any]], None], clock: Callable[[], float] = time.time
    ) -> None:
        self._send, self._publish, self._clock = send, publish, clock
        self._database = Database(pools.alerts, 3.0)
        self._origin = uuid4().hex
        self._known: dict[str, bool] = {}
        #: The announced alerts that have not cleared: the message of each cause. It changes with each `_changes`.
        self._active: dict[str, dict[str, Any]] = {}
        self._changes = 0
        #: The announced alerts that had no active row when the database was read last.
        self._missed: set[str] = set()
        #: When causes were told of as cleared lately: the database may have them as active for some time.
        self._cleared: dict[str, float] = {}
        self._unwritten: dict[str, Entry] = {}
        self._happenings: deque[MarketEvent] = deque(maxlen=_MOST_HAPPENINGS)
        #: The key includes market time: a market whose store was started over has the same t again.
        self._told: OrderedDict[tuple[str, float], None] = OrderedDict()

    def was_wrong(self, key: str) -> bool:
        return self._known.get(key, False)

    async def consider(self, findings: Iterable[Finding]) -> None:
        """Consider causes in their present state, and announce what changed.

        A change that could not be announced does not count yet.
        """
        for finding in findings:
            before = self._known.get(finding.key)
            if before != finding.wrong:
                self._known[finding.key] = finding.wrong
                try:
                    await (self._raise(finding) if finding.wrong else self._clear(finding))
                except BaseException:
                    self._forget_change(finding.key, before)
                    raise

    async def clear_left(self, findings: Collection[Finding]) -> None:
        """Clear causes that whoever raised them cannot clear, also one that this process knew as cleared before."""
        for finding in findings:
            self._known.pop(finding.key, None)
        await self.consider(findings)

    def _forget_change(self, key: str, before: bool | None) -> None:
        if before is None:
            self._known.pop(key, None)
        else:
            self._known[key] = before

    async def active(self, beginning: str) -> list[str]:
        """The causes of active alerts of all processes whose keys begin with a text; none without the database."""
        if self.was_wrong(DATABASE):
            return []
        try:
            return await self._database.ask(alert_store.active_keys, beginning)
        except DatabaseError as error:
            log.debug("active alerts cannot be listed now: %s", error)
            return []

    def greeting(self, topic: Topic, before: Iterable[Topic] = ()) -> list[bytes]:
        """The active alerts of a topic, as they were sent when they were raised, the oldest first.

        Those that also belong to a topic of `before` are left out.
        """
        found = [
            message
            for message in self._active.values()
            if topic.covers(CHANNEL, message["symbol"])
            and not any(other.covers(CHANNEL, message["symbol"]) for other in before)
        ]
        return [_wire(message) for message in sorted(found, key=lambda message: message["data"]["timestamp"])]

    async def _raise(self, finding: Finding) -> None:
        now = self._now()
        try:
            ours = is_written = await self._ask(alert_store.raise_once, finding, now)
        except DatabaseError:
            self._unwritten[finding.key] = Entry(finding, now)
            ours, is_written = True, False
        if ours:
            log.warning("alert: %s", finding.message)
            self._tell(finding, finding.level, now, sure=is_written)

    async def _clear(self, finding: Finding) -> None:
        now = self._now()
        unwritten = self._unwritten.get(finding.key)
        try:
            ours = await self._ask(alert_store.clear_once, finding.key, now)
        except DatabaseError:
            ours = False
            if unwritten is None and finding.key in self._active:
                raised_at = self._active[finding.key]["data"]["timestamp"]
                unwritten = self._unwritten[finding.key] = Entry(finding, raised_at)
        if unwritten is not None:
            unwritten.cleared_at = now
        if ours or unwritten is not None:
            log.warning("alert cleared: %s", finding.message)
            self._tell(finding, "info", now, sure=ours)

    def _now(self) -> float:
        """In whole microseconds, as the database keeps it."""
        return round(self._clock(), 6)

    async def _ask(self, question: Callable[[Any, float], bool], *about: Any) -> bool:
        """Query the database, unless it is known to be unavailable: an alert must not wait for it.

        Raises django.db.Error.
        """
        if self.was_wrong(DATABASE):
            raise OperationalError("the database is away")
        return await self._database.ask(question, *about)

    def _tell(self, finding: Finding, level: str, now: float, *, sure: bool) -> None:
        """`sure` says that the change is in the database."""
        message = {
            "channel": CHANNEL,
            "origin": self._origin,
            "key": finding.key,
            "wrong": finding.wrong,
            "sure": sure,
            "symbol": finding.symbol,
            "data": {"level": level, "message": finding.message, "timestamp": now, "source": finding.source},
        }
        self._pass_on(message)
        self._publish(message)

    def take(self, message: dict[str, Any]) -> None:
        """Take an alert from the bus; this process's own ones come back and are known."""
        if message["origin"] != self._origin:
            self._pass_on(message)

    def _pass_on(self, message: dict[str, Any]) -> None:
        key = message["key"]
        if message["wrong"] == (key in self._active) and not (message["sure"] and not message["wrong"]):
            return  # announced already
        self._changes += 1
        if message["wrong"]:
            self._active[key] = message
        else:
            self._active.pop(key, None)
            self._cleared[key] = message["data"]["timestamp"]
        self._send(CHANNEL, message["symbol"], _wire(message))

    def happened(self, happenings: Iterable[MarketEvent]) -> None:
        """Announce a market event; every web process receives it from the market itself."""
        for one in happenings:
            if (one.key, one.timestamp) in self._told:
                continue
            self._told[one.key, one.timestamp] = None
            if len(self._told) > _MOST_HAPPENINGS:
                self._told.popitem(last=False)
            if len(self._happenings) == self._happenings.maxlen:
                log.warning("the database is too slow or away: an alert is not written down: %s", self._happenings[0])
            self._happenings.append(one)
            facts = {
                "level": "info",
                "message": one.message,
                "timestamp": one.timestamp,
                "source": f"market:{one.symbol}",
            }
            self._send(CHANNEL, one.symbol, json_frame({"type": CHANNEL, "data": facts}))

    async def _catch_up(self) -> None:
        """Take over the active alerts of the database. Raises django.db.Error.

        A process that starts finds alerts raised before it, and the bus may lose a message. What was told as cleared is
        no news while the process that is to write that down has not done so.
        """
        changes, wrong = self._changes, [key for key, is_wrong in self._known.items() if is_wrong]
        rows = await self._database.ask(alert_store.active)
        if changes != self._changes:
            return  # the rows read may be older than what was announced meanwhile; the next read is not
        oldest = self._clock() - _REMEMBERED_SECONDS
        missed = self._active.keys() - rows.keys() - self._unwritten.keys()
        for key in missed & self._missed:  # once is no loss: the word of it may be on its way
            self._end_missed(self._active[key], oldest)
        self._missed = missed
        for key in wrong:  # another process cleared what is wrong here: it is raised again if it still is
            if self.was_wrong(key) and key not in rows.keys() | self._unwritten:
                del self._known[key]
        self._cleared = {key: cleared_at for key, cleared_at in self._cleared.items() if cleared_at > oldest}
        for key in rows.keys() - self._unwritten.keys():
            told = rows[key].told()
            if key in self._active:
                self._active[key]["sure"] = True
            elif told["timestamp"] > self._cleared.get(key, 0.0):
                self._pass_on({"key": key, "wrong": True, "sure": True, "symbol": symbol_of(key), "data": told})

    def _end_missed(self, raised: dict[str, Any], oldest: float) -> None:
        """An alert has no active row: it has cleared, and its word was lost, unless its row is still to be written."""
        facts = raised["data"]
        if raised["sure"] or facts["timestamp"] < oldest:
            over = {**facts, "level": "info", "message": f"已恢复: {facts['message']}", "timestamp": self._now()}
            self._pass_on({**raised, "wrong": False, "sure": False, "data": over})
            del self._cleared[raised["key"]]  # a row of this cause that comes now is of another alert

    async def write(self) -> bool:
        """Write what waits for the database; returns whether it could be reached."""
        waiting, entries = list(self._happenings), dict(self._unwritten)
        try:
            await self._catch_up()
            for key, entry in entries.items():
                written = replace(entry)
                await self._database.ask(alert_store.write_late, written)
                if self._unwritten.get(key) == written:  # otherwise it has cleared meanwhile
                    del self._unwritten[key]
            if waiting:
                await self._database.ask(alert_store.write_happenings, waiting)
        except DatabaseError as error:
            log.debug("alerts cannot be written down now: %s", error)
            return False
        done = set(waiting)
        while self._happenings and self._happenings[0] in done:
            self._happenings.popleft()
        return True


def _wire(message: dict[str, Any]) -> bytes:
    return json_frame({"type": CHANNEL, "data": message["data"]})
