"""Admission of connections: counts each from its accept on, per process and per address. Does no I/O.

A connection that sends nothing costs its client nothing, so it must not keep others out. If there is no room, a
connection that *waits* (its request has not arrived, or it is between two requests) is closed for a new one. Each step
takes constant time, however many connections there are.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from runtime.measured import limits_reached
from server.admission.requests_under_way import Requests

#: What counts as one client: an IPv4 address or an IPv6 network.
Household = Hashable


@dataclass(frozen=True, slots=True)
class Capacity:
    """How many connections there may be at a time: in total, from one address, and as WebSockets.

    Beyond these, `spare` connections are accepted in order to be refused with a reason. `requests` and
    `requests_per_address` bound the requests in progress.
    """

    total: int
    per_address: int
    sockets: int
    spare: int
    requests: int = 1 << 20
    requests_per_address: int = 1 << 20


class Place:
    """One connection's place.

    `peer` is the household at the other end, `client` the one it counts for: None while a proxy names no client.
    `refusal` is the reason for which its request is refused, if it is. The holder of the place sets `close`, which ends
    the connection at once.
    """

    __slots__ = (
        "_admission",
        "client",
        "close",
        "is_new",
        "is_open",
        "is_proxy",
        "is_socket",
        "is_spare",
        "peer",
        "refusal",
        "waits",
    )

    def __init__(self, admission: Admission, peer: Household, *, is_proxy: bool) -> None:
        self._admission, self.peer, self.is_proxy = admission, peer, is_proxy
        self.client = None if is_proxy else peer
        self.refusal: str | None = None
        self.close: Callable[[], object] = lambda: None
        self.is_new, self.is_open = True, False
        self.is_socket = self.is_spare = self.waits = False

    def look(self) -> None:
        """The data sent with the connection has been read: without a request in it, the place waits for one."""
        if self.is_new:
            self.wait()

    def wait(self) -> None:
        """The client has to send something; until then the place may be given to another client."""
        self._admission.wait(self)

    def work(self, client: Household | None = None) -> None:
        """A request has arrived, from `client` if a proxy names one; `refusal` is set if there is no room.

        A place that was refused before gets room that has become free since.
        """
        self._admission.work(self, client)

    def become_socket(self) -> None:
        """The request asks for a WebSocket, or for events; `refusal` is set if there is no room for it."""
        self._admission.become_socket(self)

    def leave(self) -> None:
        """The connection has ended; a second time is harmless."""
        self._admission.leave(self)


class Admission:
    """Gives connections their places. For the loop's thread."""

    def __init__(self, capacity: Capacity) -> None:
        self.capacity = capacity
        self.requests = Requests(capacity.requests, capacity.requests_per_address)
        self.open = self.sockets = self.spare = self._unheard = 0
        self._by_client: Counter[Household] = Counter()
        self._waiting, self._waiting_spare = Waiting(), Waiting()

    def enter(self, peer: Household, *, is_proxy: bool = False) -> Place | None:
        """A place for a new connection, None if that must be closed at once.

        It is not given to others before it waits. Otherwise, of connections that arrive together, each would close the
        one before it unheard. A proxy's connections count for no address until the proxy names the client of one.
        """
        place = Place(self, peer, is_proxy=is_proxy)
        place.refusal = self._make_room(place.client)
        if place.refusal is None:
            self._count(place)
        elif self.spare < self.capacity.spare or self._close(self._waiting_spare.oldest()):
            self.spare += 1
            place.is_spare = True
        else:
            return None
        place.is_open = True
        self._unheard += 1
        return place

    @property
    def must_listen(self) -> bool:
        """Whether new connections must be read before another one is admitted, or closed unheard."""
        return self._unheard > 0 and self.spare >= self.capacity.spare and not len(self._waiting_spare)

    def leave(self, place: Place) -> None:
        if not place.is_open:
            return
        self._hear(place)
        self._stop_waiting(place)
        place.is_open = False
        if place.is_spare:
            self.spare -= 1
            return
        self.open -= 1
        self.sockets -= place.is_socket
        self._count_for(place, None)

    def wait(self, place: Place) -> None:
        if place.is_open and not place.waits:
            self._hear(place)
            self._end_stream(place)
            place.waits = True
            (self._waiting_spare if place.is_spare else self._waiting).add(place)
            if place.is_proxy:
                self._count_for(place, None)

    def work(self, place: Place, client: Household | None = None) -> None:
        self._stop_waiting(place)
        if not place.is_open:
            return
        self._hear(place)
        if place.is_spare and (refusal := self._make_room(place.client)) is None:
            self.spare -= 1
            place.is_spare, place.refusal = False, refusal
            self._count(place)
        if place.is_proxy and not place.is_spare and client != place.client:
            place.refusal = self._make_room_of(client)
            self._count_for(place, client)

    def become_socket(self, place: Place) -> None:
        if place.refusal is None and self.sockets >= self.capacity.sockets:
            limits_reached["sockets"] += 1
            place.refusal = f"{self.sockets} WebSockets are open, the most this process takes"
        elif place.refusal is None and place.is_open and not place.is_socket:
            place.is_socket = True
            self.sockets += 1

    def _end_stream(self, place: Place) -> None:
        """The connection of a stream of events goes on behind it, or behind its refusal, with any other request."""
        self.sockets -= place.is_socket
        place.is_socket = False
        if not place.is_spare:
            place.refusal = None

    def _hear(self, place: Place) -> None:
        self._unheard -= place.is_new
        place.is_new = False

    def _count(self, place: Place) -> None:
        self.open += 1
        if place.client is not None:
            self._by_client[place.client] += 1

    def _count_for(self, place: Place, client: Household | None) -> None:
        """Count a place for another client than before, or for no client."""
        if place.is_spare or client == place.client:
            return
        if place.client is not None:
            self._by_client[place.client] -= 1
            if not self._by_client[place.client]:
                del self._by_client[place.client]
        place.client = client
        if client is not None:
            self._by_client[client] += 1

    def _stop_waiting(self, place: Place) -> None:
        if place.waits:
            place.waits = False
            (self._waiting_spare if place.is_spare else self._waiting).remove(place)

    def _make_room(self, client: Household | None) -> str | None:
        """Why there is no room for one more connection of a client, after closing one that waits; None if there is."""
        refusal = self._make_room_of(client)
        if refusal is None and self.open >= self.capacity.total and not self._close(self._waiting.oldest_of_most()):
            limits_reached["connections"] += 1
            refusal = f"{self.open} connections are open, the most this process takes"
        return refusal

    def _make_room_of(self, client: Household | None) -> str | None:
        count = 0 if client is None else self._by_client.get(client, 0)
        if count < self.capacity.per_address or self._close(self._waiting.oldest(client)):
            return None
        limits_reached["connections_per_address"] += 1
        return f"{count} connections are open from {client}, the most for one address"

    def _close(self, place: Place | None) -> bool:
        if place is not None:
            self.leave(place)
            place.close()
        return place is not None


class Waiting:
    """Places that wait, by peer and age."""

    def __init__(self) -> None:
        self._all: OrderedDict[Place, None] = OrderedDict()
        self._by_peer: dict[Household, OrderedDict[Place, None]] = {}
        #: Peers by the number of their places that wait. It changes by one at a time, so the greatest needs no search.
        self._peers: dict[int, OrderedDict[Household, None]] = {}
        self._most = 0

    def __len__(self) -> int:
        return len(self._all)

    def add(self, place: Place) -> None:
        self._all[place] = None
        queue = self._by_peer.setdefault(place.peer, OrderedDict())
        queue[place] = None
        self._move(place.peer, len(queue) - 1, len(queue))

    def remove(self, place: Place) -> None:
        del self._all[place]
        queue = self._by_peer[place.peer]
        del queue[place]
        self._move(place.peer, len(queue) + 1, len(queue))
        if not queue:
            del self._by_peer[place.peer]

    def _move(self, peer: Household, before: int, after: int) -> None:
        if before:
            del self._peers[before][peer]
            if not self._peers[before]:
                del self._peers[before]
        if after:
            self._peers.setdefault(after, OrderedDict())[peer] = None
        if after > self._most or self._most not in self._peers:
            self._most = after

    def oldest(self, peer: Household | None = None) -> Place | None:
        """The place that has waited longest, of all or of one peer."""
        return next(iter(self._all if peer is None else self._by_peer.get(peer, ())), None)

    def oldest_of_most(self) -> Place | None:
        """The place that has waited longest of the peer with the most waiting places."""
        return self.oldest(next(iter(self._peers[self._most]))) if self._most else None
