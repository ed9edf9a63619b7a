"""The names of agents, as the ticks of a window give them."""

from __future__ import annotations

from camera.snapshot import AgentNames
from market.tick import Ints, Tick


class NameBook:
    """Knows the name that each agent was given last, and when.

    Names given before the window are not in a frame: a camera that goes on from the window's ticks does not know them.
    """

    def __init__(self) -> None:
        self._names: dict[int, str] = {}
        self._given_t: dict[int, int] = {}
        #: The names of the newest tick that has some, and whose they are. Most sources share them from tick to tick.
        self._last: tuple[str, ...] | None = None
        self._last_ids: list[int] = []
        self._last_t = -1

    def note(self, tick: Tick) -> None:
        """Take note of a tick's names."""
        if tick.names is None:
            return
        if tick.names is not self._last:
            self._settle()
            self._last, self._last_ids = tick.names, tick.agent_ids.tolist()
            self._names.update(zip(self._last_ids, tick.names, strict=True))
        self._last_t = tick.t

    def names_of(self, agent_ids: Ints, first_t: int) -> AgentNames:
        """The names that agents were given in tick `first_t` or later."""
        if not self._names:
            return None
        self.forget_before(first_t)
        found = tuple(map(self._names.get, agent_ids.tolist()))
        return found if any(found) else None

    def forget_before(self, first_t: int) -> None:
        """Forget the names that agents were given before tick `first_t` and not again."""
        self._settle()
        if self._given_t and min(self._given_t.values()) < first_t:
            self._given_t = {i: t for i, t in self._given_t.items() if t >= first_t}
            self._names = {i: self._names[i] for i in self._given_t}
            self._last, self._last_ids = None, []

    def _settle(self) -> None:
        self._given_t.update(dict.fromkeys(self._last_ids, self._last_t))
