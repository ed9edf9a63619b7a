"""The component registry: the last report of each component, and which of them fell silent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from runtime.standstill import Standstill
from streaming.protocol import json_frame

#: Each component reports at this interval; clients are sent each change, and otherwise a report every
#: `IG_STATUS_SECONDS`.
REPORT_SECONDS = 3.0

#: Three missed reports, and one more second for the transport: that is not chance any more.
LOST_SECONDS = 3 * REPORT_SECONDS + 1

#: A component that is gone is forgotten after this time.
FORGET_SECONDS = 3600.0

STOPPED, LOST = "stopped", "lost"


@dataclass(slots=True)
class Component:
    """One component: its last report, when it arrived (later by what this process stood still since), and when clients
    were sent it."""

    agent_id: str
    symbol: str | None
    data: dict[str, Any]
    heard_at: float
    told_at: float

    @property
    def gone(self) -> bool:
        return self.data["status"] in (STOPPED, LOST)

    def wire(self) -> bytes:
        return json_frame({"type": "agent_status", "agent_id": self.agent_id, "symbol": self.symbol, "data": self.data})


class ComponentRegistry:
    """All components that were heard; `now` is monotonic and in seconds."""

    def __init__(self, tell_seconds: float) -> None:
        # A report may arrive a little early or late; that must not turn 30 seconds into 33.
        self._tell_seconds = tell_seconds - REPORT_SECONDS / 2
        self._agents: dict[str, Component] = {}
        self._standstill = Standstill()

    def take(self, report: dict[str, Any], now: float) -> Component | None:
        """Note a report; returns the component if clients should be sent it now."""
        agent_id, data = report["agent_id"], report["data"]
        known = self._agents.get(agent_id)
        changed = known is None or known.data["status"] != data["status"]
        due = known is None or changed or now - known.told_at >= self._tell_seconds
        told_at = now if due or known is None else known.told_at
        agent = Component(agent_id, report.get("symbol"), data, now, told_at)
        self._agents[agent_id] = agent
        return agent if due else None

    def find_lost(self, now: float) -> list[Component]:
        """The components that have just been silent for too long, marked as lost; those gone for long are forgotten.

        To be called each second. Time in which this process stood still does not count.
        """
        self._standstill.excuse(self._agents.values(), now)
        lost = [one for one in self._agents.values() if not one.gone and now - one.heard_at > LOST_SECONDS]
        for agent in lost:
            agent.data = {**agent.data, "status": LOST}  # with its last figures
            agent.told_at = now
        self._agents = {
            name: one for name, one in self._agents.items() if not (one.gone and now - one.heard_at > FORGET_SECONDS)
        }
        return lost

    def names(self) -> set[str]:
        """The names of all components that are not forgotten."""
        return {*self._agents}

    def of(self, symbol: str | None) -> list[Component]:
        """The components that a subscriber of this symbol, or of all symbols, receives."""
        return [one for one in self._agents.values() if symbol is None or one.symbol in (None, symbol)]
