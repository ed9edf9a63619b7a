"""The monitor of one web process: measures what the alert rules ask for."""

from __future__ import annotations

import asyncio
import socket

import psutil
from django.conf import settings

from recorder.retention import disk_use
from streaming.relay import Relay
from streaming.relays import relays
from subscribe import rules
from subscribe.desk import AlertDesk
from subscribe.rules import Finding

LOOK_SECONDS = 1.0

#: The machine and the database are looked at less often than what this process hears anyway.
_MACHINE_SECONDS = 5.0


class Monitor:
    """Looks at markets, machine and database, and brings what it finds to the desk."""

    def __init__(self, desk: AlertDesk) -> None:
        self._desk = desk

    async def watch_markets(self) -> None:
        """Each second, for ever."""
        while True:
            for findings in await asyncio.gather(*map(_findings_of, relays.all())):
                await self._desk.consider(findings)
            await asyncio.sleep(LOOK_SECONDS)

    async def watch_machine(self) -> None:
        """Memory, disk and database, every few seconds, for ever."""
        while True:
            await self._desk.consider([self._memory(), *await self._disk()])
            await self._desk.consider([rules.database(await self._desk.write())])
            await asyncio.sleep(_MACHINE_SECONDS)

    def _memory(self) -> Finding:
        host = socket.gethostname()
        percent, threshold = psutil.virtual_memory().percent, settings.CONFIG.alert_memory_percent
        return rules.memory(percent, threshold, host, self._desk.was_wrong(f"memory:{host}"))

    async def _disk(self) -> list[Finding]:
        config = settings.CONFIG
        store = str(config.store_dir)
        try:
            use = await asyncio.to_thread(disk_use, config.store_dir)
        except OSError:
            return []  # a store that cannot be looked at cannot be written either: the recorder's alert tells
        was_wrong = self._desk.was_wrong(f"disk:{store}")
        return [rules.disk(use.percent, config.retain_disk_percent, store, was_wrong)]


async def _findings_of(relay: Relay) -> list[Finding]:
    well, body = await relay.health()
    found = [rules.pipeline(relay.symbol, well, bool(body["meta"]["running"]))]
    if relay.status is not None:
        found.append(rules.recorder(relay.symbol, relay.status))
    return found
