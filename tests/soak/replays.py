"""Clients that have the past played to them: each message of a range once, in order, and its end told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from tests.soak.streams import StreamClient

#: So many ticks must have been heard of before a replay can be of any, and so long it is at most.
_LEAST_TICKS, _MOST_TICKS = 20, 1500
_SPEEDS = (0, 0, 20, 100)


@dataclass
class ReplayClient(StreamClient):
    """Plays one range after the other; one that was interrupted goes on where it was."""

    #: The newest t that anybody has heard.
    newest: Callable[[], int] = lambda: -1
    _last_t: int = -1
    _speed: int = 0

    async def run(self) -> None:
        while self.newest() < _LEAST_TICKS and not self.over:
            await asyncio.sleep(0.2)
        await super().run()

    def _new_watch(self, begun_at: int | None) -> None:
        """Another range, of what is known to be recorded."""
        newest = self.newest()
        first = self.rng.randrange(newest - _LEAST_TICKS // 2)
        self._last_t = min(newest, first + self.rng.randrange(_LEAST_TICKS // 2, _MOST_TICKS))
        self._speed = self.rng.choice(_SPEEDS)
        super()._new_watch(first - 1)

    def _maybe_begin_anew(self) -> None:
        if self.over or not self._is_played:
            return
        # A web process that was away may not know of that t yet: then a replay ends at the newest message, and says so.
        ended_t = self._last_t if self.watch.caught_up_t is None else min(self._last_t, self.watch.caught_up_t)
        for kind in self.watch.kinds:
            if kind != "frame" and (missing := self.watch.first_missing(kind, ended_t)) is not None:
                self.book.violation(self.name, "hole without a word", f"{kind} t={missing} at the end of a replay")
        self.book.count("replays: over")
        self._new_watch(None)

    @property
    def _is_played(self) -> bool:
        since = self.watch.since
        return self.watch.caught_up_t is not None or (since is not None and since >= self._last_t)

    def _path(self, since: int | None) -> str:
        first = 0 if since is None else since + 1
        return self._asking("/ws/stream", [f"replay={first}..{self._last_t}", f"speed={self._speed}"])
