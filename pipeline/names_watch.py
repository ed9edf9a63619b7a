"""Agents that a source names in some ticks and not in others."""

from __future__ import annotations

import logging

from market.tick import Tick

log = logging.getLogger(__name__)


class NamesWatch:
    """Tells once, in the log, that the ticks of one source come with names and without.

    A name has the id of the register, an agent without one that of its source; nothing tells such ids apart. It is no
    error: a tape may hold a run of either kind, and a name that comes late must not end a market.
    """

    def __init__(self) -> None:
        self._named: bool | None = None
        self._told = False

    def look(self, tick: Tick) -> None:
        """Take note of a tick; one without agents says nothing."""
        if self._told or not tick.agent_ids.size:
            return
        named, before = tick.names is not None, self._named
        self._named = named
        if before is not None and named is not before:
            self._told = True
            log.warning(
                "t=%d: agents %s here, unlike before. The id of one without a name may be that of a name, so the"
                " structure may take two agents for one, and one for two: a source should name agents in every tick,"
                " or in none",
                tick.t,
                "have names" if named else "have no names",
            )
