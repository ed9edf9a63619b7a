"""The names of agents, as the ticks of a window give them."""

from __future__ import annotations

from camera.snapshot import AgentNames
from market.tick import Ints, Tick

#: Names are kept for this many agents more than twice those of the window before those that left are forgotten.
_SPARE = 1000


class NameBook:
    """Knows the name of each agent in the window."""

    def __init__(self) -> None:
        self._names: dict[int, str] = {}
        self._last: tuple[str, ...] | None = None

    def note(self, tick: Tick) -> None:
        """Take note of a tick's names."""
        if tick.names is not None and tick.names is not self._last:
            self._last = tick.names
            self._names.update(zip(tick.agent_ids.tolist(), tick.names, strict=True))

    def names_of(self, agent_ids: Ints, present: Ints) -> AgentNames:
        """The names of a frame's agents, who are some of those `present` in the window."""
        if not self._names:
            return None
        if len(self._names) > 2 * present.size + _SPARE:
            self._names = {i: self._names[i] for i in present.tolist() if i in self._names}
            self._last = None
        found = tuple(map(self._names.get, agent_ids.tolist()))
        return found if any(found) else None
