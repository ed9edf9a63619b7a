"""The ring: the newest moments of a market in memory, as bytes."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from itertools import islice

from streaming.protocol import KINDS, Loss, Moment


class Ring:
    """Keeps the last `most_ticks` moments, or fewer if these exceed `most_bytes` together.

    A moment that is missing shows by its t. `losses` are of messages that moments which are there lack.
    """

    def __init__(self, most_ticks: int, most_bytes: int) -> None:
        self._most_ticks, self._most_bytes = most_ticks, most_bytes
        self._moments: deque[Moment] = deque()
        self.bytes = 0
        self._newest: dict[str, tuple[int, bytes]] = {}
        self._losses: deque[Loss] = deque()

    def __len__(self) -> int:
        return len(self._moments)

    def following(self, t: int, most: int) -> list[Moment]:
        """Up to `most` consecutive moments from t + 1 on; nothing if a hole begins there."""
        found = self.after(t, most)
        if found and found[-1].t == t + len(found):
            return found
        return [moment for due, moment in enumerate(found, t + 1) if moment.t == due]

    @property
    def first_t(self) -> int | None:
        return self._moments[0].t if self._moments else None

    @property
    def last_t(self) -> int | None:
        return self._moments[-1].t if self._moments else None

    def append(self, moment: Moment) -> None:
        """Add the next moment; its t is greater than the last one's."""
        self._moments.append(moment)
        self.bytes += moment.size
        while len(self._moments) > self._most_ticks or (self.bytes > self._most_bytes and len(self._moments) > 1):
            self.bytes -= self._moments.popleft().size
        while self._losses and self._losses[0].to_t < (self.first_t or 0):
            self._losses.popleft()
        for kind in KINDS:
            message = getattr(moment, kind)
            if message is not None:
                self._newest[kind] = (moment.t, message)

    def lose(self, loss: Loss) -> None:
        """Note what the moments to come lack, up to the loss's last t."""
        self._losses.append(loss)

    def losses_behind(self, t: int) -> list[Loss]:
        """Those that reach beyond a t, in the order in which they were noted."""
        return [loss for loss in self._losses if loss.to_t > t]

    def newest(self, kind: str, every: int = 1) -> tuple[int, bytes] | None:
        """(t, message) of the newest message of a kind with t % every == 0.

        The very newest is still known when its moment has left the ring.
        """
        found = self._newest.get(kind)
        if found is None or found[0] % every == 0:
            return found
        for moment in reversed(self._moments):
            message = getattr(moment, kind)
            if moment.t % every == 0 and message is not None:
                return moment.t, message
        return None

    def after(self, t: int, most: int) -> list[Moment]:
        """Up to `most` moments with a greater t, oldest first."""
        begin = bisect_right(self._moments, t, key=lambda moment: moment.t)
        if begin < len(self._moments) // 2:
            return list(islice(self._moments, begin, begin + most))
        # A deque is a linked list of blocks: come from the nearer end.
        tail = list(islice(reversed(self._moments), len(self._moments) - begin))
        tail.reverse()
        return tail[:most]
