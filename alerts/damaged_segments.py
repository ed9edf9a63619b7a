"""Alerts on damaged segments: raised when a reader finds one, cleared when it is whole or gone."""

from __future__ import annotations

import asyncio
import logging

from alerts import rules
from alerts.alert_manager import AlertManager
from recorder.errors import RecorderError
from recorder.segment.layout import KINDS, parse_name
from recorder.tape.damaged_files import damages
from streaming.relay.relay import Relay
from streaming.relay.relays import relays

log = logging.getLogger(__name__)


#: The name of a segment begins so where only the copies in the bucket are read: the file of one may be whole.
_IN_BUCKET = "bucket/"


class DamageMonitor:
    """The damage monitor of one web process.

    Any process clears an alert of another once it can read the segment, and reads it from the same disk, or the bucket.
    """

    def __init__(self, manager: AlertManager) -> None:
        self._alerts = manager
        #: By market, the segments that this process reported.
        self._told: dict[str, set[str]] = {}

    async def check(self) -> None:
        """Announce the damage that was found, and the found damage that is gone."""
        for relay in relays.all():
            found = await asyncio.to_thread(_found, relay)
            well = self._told.get(relay.symbol, set()) - found.keys()
            await self._alerts.consider([rules.damaged(relay.symbol, segment, why) for segment, why in found.items()])
            await self._alerts.consider([rules.damaged(relay.symbol, segment, "") for segment in well])
            self._told[relay.symbol] = set(found)

    async def check_left_behind(self) -> None:
        """Read the segments again that other processes reported, to find damage that remains.

        Those processes may have ended since. A machine without the market's disk knows nothing of the files there.
        """
        for key in await self._alerts.active(rules.DAMAGED):
            symbol, segment = rules.symbol_of(key), rules.segment_of(key)
            relay = next((one for one in relays.all() if one.symbol == symbol), None)
            if relay is None or segment in self._told.get(relay.symbol, set()):
                continue
            if await asyncio.to_thread(_is_well, relay, segment):
                await self._alerts.consider([rules.damaged(relay.symbol, segment, "")])


def _found(relay: Relay) -> dict[str, str]:
    """The fault of each damaged segment, by kind and final name."""
    found, place = damages.below(relay.history.directory), _place(relay)
    return {f"{place}{one.path.parent.name}/{parse_name(one.path.name).lasting}": one.why for one in found}


def _place(relay: Relay) -> str:
    return _IN_BUCKET if relay.history.is_elsewhere() else ""


def _is_well(relay: Relay, segment: str) -> bool:
    """Whether a segment is whole or gone, as far as this machine can tell."""
    place = _place(relay)
    kind, _, name = segment.removeprefix(_IN_BUCKET).partition("/")
    is_read_here = bool(place) or (relay.history.directory / kind).is_dir()
    if segment.startswith(_IN_BUCKET) != bool(place) or kind not in KINDS or not is_read_here:
        return False
    try:
        relay.history.read_whole(kind, parse_name(name))
    except RecorderError as error:
        log.warning("%s: %s cannot be looked at: %s", relay.symbol, segment, error)
        return False
    return segment not in _found(relay)
