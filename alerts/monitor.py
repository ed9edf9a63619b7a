"""The monitor of one web process: measures what the alert rules ask for."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

import psutil
from django.conf import settings
from django.db import Error as DatabaseError

from alerts import rules
from alerts.alert_manager import AlertManager
from alerts.damaged_segments import DamageMonitor
from alerts.rules import Finding
from components.reporter import host_of
from recorder.cold import status
from recorder.retention import disk_use
from runtime import pools
from runtime.bounded_database import Database
from runtime.supervision import Trouble, supervisor
from streaming.relay.relay import Relay
from streaming.relay.relays import relays

LOOK_SECONDS = 1.0

#: The machine and the database are checked less often than what this process receives anyway.
_MACHINE_SECONDS = 5.0

_DATABASE_SECONDS = 3.0

#: Alerts of processes that ended without notice are searched this often, first when all running ones were heard.
_LEFT_BEHIND_SECONDS = 60.0

Check = Callable[[], Coroutine[Any, Any, None]]


class Monitor:
    """Checks markets, machine, database and side tasks, and passes the results to the alert manager.

    `process` is this process's name among those `known`; `known` returns all processes that were heard.
    """

    def __init__(self, manager: AlertManager, process: str, known: Callable[[], set[str]]) -> None:
        self._alerts, self._process, self._known = manager, process, known
        self._damage = DamageMonitor(manager)
        self._database = Database(pools.alerts, _DATABASE_SECONDS)
        #: The failures, by the processes that reported them.
        self._failing: dict[str, set[str]] = {}

    @property
    def checks(self) -> dict[str, tuple[float, Check]]:
        """The checks to repeat for ever: a name, the seconds between two rounds, and one round."""
        return {
            "check of the markets": (LOOK_SECONDS, self.check_markets),
            "check of the side tasks": (LOOK_SECONDS, self.check_tasks),
            "check of the memory": (_MACHINE_SECONDS, self.check_memory),
            "check of the disk": (_MACHINE_SECONDS, self.check_disk),
            "check of the database": (_MACHINE_SECONDS, self.check_database),
            "check of the cold store": (_MACHINE_SECONDS, self.check_cold_store),
            "check of damaged segments": (LOOK_SECONDS, self._damage.check),
            "check of segments that others found damaged": (_LEFT_BEHIND_SECONDS, self._damage.check_left_behind),
            "check of alerts left behind": (_LEFT_BEHIND_SECONDS, self.check_left_behind),
        }

    async def check_markets(self) -> None:
        await asyncio.gather(*(self._check_market(relay) for relay in relays.all()))

    async def _check_market(self, relay: Relay) -> None:
        """Check one market; one that cannot be checked does not affect the others."""
        name = f"check of {relay.symbol}"
        if not supervisor.pause_seconds(name):
            with supervisor.guarded(name):
                await self._alerts.consider(await _findings_of(relay))

    async def check_tasks(self) -> None:
        await self.consider_tasks(self._process, supervisor.troubles())

    async def consider_tasks(self, process: str, troubles: Iterable[Trouble]) -> None:
        """Consider all side tasks of a process that have failed since its start."""
        findings = [rules.side_task(process, one) for one in troubles]
        self._failing[process] = {one.key for one in findings if one.wrong}
        await self._alerts.consider(findings)

    async def check_memory(self) -> None:
        host = socket.gethostname()
        percent, threshold = psutil.virtual_memory().percent, settings.CONFIG.alert_memory_percent
        was_wrong = self._alerts.was_wrong(f"{rules.MEMORY}{host}")
        await self._alerts.consider([rules.memory(percent, threshold, host, was_wrong)])

    async def check_disk(self) -> None:
        config = settings.CONFIG
        place = rules.disk_place(socket.gethostname(), str(config.store_dir))
        try:
            use = await asyncio.to_thread(disk_use, config.store_dir)
        except OSError:
            return  # a store that cannot be read cannot be written either: the recorder's alert reports it
        was_wrong = self._alerts.was_wrong(f"{rules.DISK}{place}")
        await self._alerts.consider([rules.disk(use.percent, config.retain_disk_percent, place, was_wrong)])

    async def check_database(self) -> None:
        await self._alerts.consider([rules.database(await self._alerts.write())])

    async def check_cold_store(self) -> None:
        before = set(status.known)
        try:
            found = await self._database.ask(status.look)
        except DatabaseError:
            return  # the database's own alert reports it
        reasons = dict.fromkeys(before, "") | {symbol: one.reason for symbol, one in found.items()}
        await self._alerts.consider([rules.cold(symbol, reason) for symbol, reason in reasons.items()])

    async def check_left_behind(self) -> None:
        """Clear the alerts of processes that are gone, or were restarted under the same name, and of machines left.

        These processes cannot do it themselves. While this process does not even hear itself, nobody is known as gone.
        """
        if self._process not in self._known():
            return
        await asyncio.sleep(_LEFT_BEHIND_SECONDS / 2)
        left = await self._alerts.active(rules.SIDE_TASK)
        await self._alerts.clear_left([rules.side_task_gone(key) for key in left if not self._may_be_active(key)])
        hosts = {host_of(process) for process in self._known() if process.startswith("web-")}  # no others look at them
        machines = [*await self._alerts.active(rules.MEMORY), *await self._alerts.active(rules.DISK)]
        await self._alerts.clear_left([rules.machine_gone(key) for key in machines if rules.host_of(key) not in hosts])

    def _may_be_active(self, key: str) -> bool:
        process = rules.process_of(key)
        if process not in self._known() | {self._process}:
            return False
        return process not in self._failing or key in self._failing[process]

    async def clear_tasks(self) -> None:
        """Clear the alerts of this process's tasks, because it ends."""
        wrong = [
            one for one in supervisor.troubles() if self._alerts.was_wrong(rules.side_task(self._process, one).key)
        ]
        await self._alerts.consider([rules.side_task_gone(rules.side_task(self._process, one).key) for one in wrong])


async def _findings_of(relay: Relay) -> list[Finding]:
    well, body = await relay.health(at_leisure=True)
    running = bool(body["meta"]["running"])
    if relay.status is not None:
        return [rules.pipeline(relay.symbol, well, running), rules.recorder(relay.symbol, relay.status)]
    # A process that has not heard the market yet knows that it has ended, or was silent for long. Otherwise it may be
    # silent all the same: another process, which says so, has been waiting for longer.
    return [] if well == running else [rules.pipeline(relay.symbol, well, running)]
