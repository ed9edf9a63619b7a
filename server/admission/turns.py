"""Turns in which requests begin: those of one client one after the other, so that no other waits for all. No I/O."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Hashable


class Turns:
    """Begins, of each client, one request in each iteration of the loop.

    What a request does on the loop is a millisecond or more, in several iterations. A hundred that one client sends
    together would make each of these last as long as all of them; in turns they last as long as one a client.
    `call_soon` calls in the next iteration.
    """

    def __init__(self, call_soon: Callable[[Callable[[], None]], object]) -> None:
        self._call_soon = call_soon
        #: Of each client that has begun one in this iteration, those that wait.
        self._waiting: dict[Hashable, deque[Callable[[], None]]] = {}

    def take(self, client: Hashable, begin: Callable[[], None]) -> bool:
        """Begin a request at once, or in a later iteration; returns whether it has to wait. `begin` raises nothing."""
        if client in self._waiting:
            self._waiting[client].append(begin)
            return True
        if not self._waiting:
            self._call_soon(self._go_on)
        self._waiting[client] = deque()
        begin()
        return False

    def _go_on(self) -> None:
        for client, queue in list(self._waiting.items()):
            if queue:
                queue.popleft()()
            else:
                del self._waiting[client]
        if self._waiting:
            self._call_soon(self._go_on)


class FewAtOnce:
    """Lets each client have a few requests under way. Those beyond are not refused: they wait for one to end."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._under_way: Counter[Hashable] = Counter()
        self._waiting: dict[Hashable, deque[Callable[[], bool]]] = {}

    def begin(self, client: Hashable, start: Callable[[], bool]) -> None:
        """Start a request, at once or when another of the client ends. `start` tells whether it is under way now, and
        not left meanwhile; of those that are, each `end` is told."""
        if self._under_way[client] >= self._most:
            self._waiting.setdefault(client, deque()).append(start)
            return
        self._under_way[client] += 1
        if not start():
            self.end(client)

    def end(self, client: Hashable) -> None:
        """One that was under way has ended, which may be within its `start`."""
        while queue := self._waiting.get(client):
            start = queue.popleft()
            if not queue:
                del self._waiting[client]
            if start():
                return
        self._under_way[client] -= 1
        if not self._under_way[client]:
            del self._under_way[client]
