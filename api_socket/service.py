"""The subscribe service of one web process: receives from markets and from the system, and sends to subscribers."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import asdict
from functools import cache
from typing import Any

from django.conf import settings
from django.db import Error as DatabaseError

from access import login, recording
from access.tokens import still_valid
from alerts import alert_manager, rules
from alerts.alert_manager import AlertManager
from alerts.market_events import recorded_events
from alerts.monitor import Check, Monitor
from api_socket.errors import AuthenticationFailed, Idle
from api_socket.hub import SubscriberHub
from api_socket.prices import Prices
from api_socket.protocol import Topic
from api_socket.subscriber import Subscriber
from components import system_bus
from components.cpu_meter import metered_cpu_seconds
from components.registry import ComponentRegistry
from components.reporter import MeasuredComponent, Reporter, process_name
from runtime import pools
from runtime.bounded_database import Database
from runtime.supervision import Trouble, supervisor
from streaming.group.membership import Membership
from streaming.protocol import StreamError, json_frame
from streaming.relay.relay import Relay
from streaming.relay.relays import relays

log = logging.getLogger(__name__)

_LOOK_SECONDS = 1.0

#: The connections of a revoked token must close within 5 s.
_TOKEN_SECONDS = 2.0

#: What was counted reaches the database, and the log, after so long.
_AUDIT_SECONDS = 5.0

_LAST_WORDS_SECONDS = 1.0


class Service:
    """One per process; for the loop's thread."""

    def __init__(self) -> None:
        config = settings.CONFIG
        self.hub = SubscriberHub(config.api_connections, config.api_subscriptions)
        self.prices = Prices(self.hub)
        self.components = ComponentRegistry(config.status_seconds)
        self.alerts = AlertManager(self.hub.tell, system_bus.publish)
        #: Tokens are checked on their own threads: a database that hangs must not occupy those of the relays.
        self.tokens = Database(pools.tokens, 5.0)
        self._joined = asyncio.Event()
        self._errands: set[asyncio.Task[None]] = set()
        self._rounds: list[asyncio.Task[None]] = []
        self._name = process_name("web", os.getpid())
        self._monitor = Monitor(self.alerts, self._name, self.components.names)
        self._reporter: Reporter | None = None
        self._hear: dict[str, Callable[[dict[str, Any]], None]] = {
            "agent_status": self._hear_status,
            "backtest_progress": self._hear_progress,
            "alerts": self.alerts.take,
            "side_tasks": self._hear_tasks,
            "logins": self._hear_login,
        }
        for relay in relays.all():
            self._follow(relay)
        relays.on_open.append(self._follow)

    async def run(self) -> None:
        """Listen, measure and serve the clients, for ever; the parts neither wait for each other nor end together."""
        system_bus.use(asyncio.get_running_loop())
        login.listeners.append(self._tell_login)
        rounds: dict[str, tuple[float, Check]] = {
            "report of this process": (_LOOK_SECONDS, self._report),
            "search for lost parts": (_LOOK_SECONDS, self._find_lost),
            "search for idle clients": (_LOOK_SECONDS, self._end_idle),
            "check of tokens": (_TOKEN_SECONDS, self._check_tokens),
            **self._monitor.checks,
        }
        async with asyncio.TaskGroup() as group:
            membership = Membership(system_bus.GROUP, self.take, self._joined)
            group.create_task(supervisor.keep("system bus", membership.stay))
            group.create_task(supervisor.every(_AUDIT_SECONDS, "audit", recording.write))
            for name, (seconds, one_round) in rounds.items():
                self._rounds.append(group.create_task(supervisor.every(seconds, name, one_round)))

    async def stop(self) -> None:
        """Announce the end on the bus, after which no round says otherwise.

        The audit's goes on: what it is writing may be written though it is cancelled, and would count as lost.
        """
        for one in self._rounds:
            one.cancel()
        await asyncio.gather(*self._rounds, return_exceptions=True)
        if self._reporter is not None:
            self._reporter.stop()
        await recording.write_last()
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_WORDS_SECONDS):
                await self._monitor.clear_tasks()
        await asyncio.to_thread(system_bus.drain, _LAST_WORDS_SECONDS)

    def take(self, message: dict[str, Any]) -> None:
        """Take a message of the bus. An unreadable one is ignored, and does not affect those after it."""
        hear = self._hear.get(message.get("channel", ""))
        if hear is not None:
            with supervisor.guarded("messages of the system bus"):
                hear(message)

    def greet(self, subscriber: Subscriber, topic: Topic, before: frozenset[Topic]) -> None:
        """Send a new subscriber what is known already: prices, the state of the components, active alerts.

        Alerts that also belong to a topic it had `before` were sent already.
        """
        if topic.channel == "market_data":
            self.prices.greet(subscriber, topic)
        elif topic.channel == "agent_status":
            for agent in self.components.of(topic.symbol):
                subscriber.offer(("agent_status", agent.agent_id), agent.wire())
        elif topic.channel == alert_manager.CHANNEL:
            for message in self.alerts.greeting(topic, before):
                subscriber.tell(message)

    def unsubscribe(self, subscriber: Subscriber, topic: Topic) -> None:
        """Remove a topic of the subscriber, and the messages of it that wait."""
        self.hub.unsubscribe(subscriber, topic)
        if topic.channel == "market_data":
            self.prices.forget(subscriber, topic)

    def _own_part(self) -> MeasuredComponent:
        """The component of this web process. If a pipeline runs in it too, its CPU time is not counted here."""
        cpu_seconds = lambda: time.process_time() - metered_cpu_seconds()  # noqa: E731
        return MeasuredComponent(self._name, cpu_seconds, self.hub.waiting)

    def _follow(self, relay: Relay) -> None:
        ticker = self.prices.follow(relay.symbol)

        def tell(events: dict[str, Any] | None) -> None:
            if events is not None:
                self.alerts.happened(rules.market_events(relay.symbol, events["ts"], events))

        relay.listeners += [ticker.take, lambda message: tell((message.get("seen") or {}).get("events"))]
        relay.on_found.append(lambda moment: tell(recorded_events(moment)))

    def _hear_status(self, report: dict[str, Any]) -> None:
        agent = self.components.take(report, asyncio.get_running_loop().time())
        if agent is not None:
            self.hub.offer("agent_status", agent.symbol, agent.agent_id, agent.wire())
        if agent is not None and agent.symbol is not None:
            self._open(agent.symbol)

    def _open(self, symbol: str) -> None:
        """Follow a market that has started since: subscribers of all symbols get its prices too."""
        if any(relay.symbol == symbol for relay in relays.all()):
            return
        self._run_once(f"opening of {symbol}", _open_relay(symbol))

    def _run_once(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Do what a message requires; if it fails, the next message tries again."""

        async def run() -> None:
            with supervisor.guarded(name):
                await work

        task = asyncio.get_running_loop().create_task(run())
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    def _hear_tasks(self, message: dict[str, Any]) -> None:
        process, troubles = message["process"], [Trouble(**one) for one in message["troubles"]]
        self._run_once("alerts of other processes", self._monitor.consider_tasks(process, troubles))

    def _tell_login(self, attempt: login.Attempt) -> None:
        system_bus.publish({"channel": "logins", "process": self._name, "attempt": asdict(attempt)})

    def _hear_login(self, message: dict[str, Any]) -> None:
        if message["process"] != self._name:
            login.hear(login.Attempt(**message["attempt"]))

    def _hear_progress(self, message: dict[str, Any]) -> None:
        backtest_id, data = message["backtest_id"], message["data"]
        text = json_frame({"type": "backtest_progress", "backtest_id": backtest_id, "data": data})
        self.hub.offer("backtest_progress", message.get("symbol"), backtest_id, text)

    async def _report(self) -> None:
        if self._reporter is None:
            await self._joined.wait()  # otherwise no process, not even this one, would receive the first report
            self._reporter = Reporter([self._own_part()])
        self._reporter.look()

    async def _find_lost(self) -> None:
        for agent in self.components.find_lost(asyncio.get_running_loop().time()):
            self.hub.offer("agent_status", agent.symbol, agent.agent_id, agent.wire())

    async def _end_idle(self) -> None:
        idle_seconds = settings.CONFIG.api_idle_seconds
        for subscriber in self.hub.idle(idle_seconds, asyncio.get_running_loop().time()):
            subscriber.end(Idle(idle_seconds))

    async def _check_tokens(self) -> None:
        """Close the connections of tokens that have expired or were revoked."""
        in_use = {subscriber.token for subscriber in self.hub.subscribers}
        if not in_use:
            return
        try:
            valid = await self.tokens.ask(still_valid, in_use)
        except DatabaseError as error:  # admitted clients stay while the database cannot say otherwise
            log.debug("tokens cannot be checked now: %s", error)
            return
        for subscriber in self.hub.subscribers:
            if subscriber.token in in_use - valid:
                subscriber.end(AuthenticationFailed())
        recording.note_in_use(valid)


async def _open_relay(symbol: str) -> None:
    try:
        await relays.get(symbol)
    except StreamError as error:  # the next report of that market tries again
        log.debug("%s cannot be followed yet: %s", symbol, error)


@cache
def service() -> Service:
    """This process's service, created when the loop runs."""
    return Service()


async def run() -> None:
    """For the server's start."""
    await service().run()


async def stop() -> None:
    """For the server's end."""
    await service().stop()
