"""The feed: messages prepared once for all clients with equal options."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from streaming.fanout.encoding import Encoder
from streaming.fanout.outbox import Bundle, Item
from streaming.measured import StreamCounts
from streaming.options import EVENTS, Options
from streaming.position import Position, positions
from streaming.protocol import HEARTBEAT_COMMENT, KINDS, Moment, control, gap, position_event
from streaming.ring import Ring


class Client(Protocol):
    """A client that takes bundles and control messages; none of these methods may wait.

    `offer` returns whether the bundle is on the socket already; else it waits in the client's outbox.
    `store_id` is the recording whose messages it gets, None if unknown. A client that has `resumed` wants everything
    after `position`.
    """

    store_id: str | None
    resumed: bool

    @property
    def position(self) -> int: ...
    def move(self, store_id: str) -> None: ...
    def offer(self, bundle: Bundle) -> bool: ...
    def tell(self, wire: bytes) -> None: ...
    def is_quiet(self) -> bool: ...
    def has_room(self) -> bool: ...
    def end(self) -> None: ...
    @property
    def waiting_bytes(self) -> int: ...


class Gatherer:
    """Gathers messages of one kind into arrays that end where t // batch changes."""

    def __init__(self, kind: str, batch: int) -> None:
        self.kind, self._batch = kind, batch
        self.messages: list[tuple[int, bytes]] = []

    def ends_before(self, t: int) -> bool:
        """Whether the array that is being gathered is complete before t."""
        return bool(self.messages) and self.messages[-1][0] // self._batch != t // self._batch

    def after(self, t: int) -> list[tuple[int, bytes]]:
        """What is gathered after a t."""
        return [message for message in self.messages if message[0] > t]


class Feed:
    """The clients of one set of options; each moment is made into one bundle for all of them."""

    def __init__(
        self,
        options: Options,
        store_id: str | None = None,
        counts: StreamCounts | None = None,
        has: Mapping[str, int] | None = None,
    ) -> None:
        """`has` is what the one client of the feed has of kinds that are ahead of the others."""
        self.options, self._has = options, has
        self.counts = counts or StreamCounts()
        #: The recording whose messages are sent; None while it is unknown.
        self.store_id = store_id
        self._is_events = options.encoding == EVENTS
        #: All clients of these options, including those that still catch up.
        self.users: set[Client] = set()
        self.encoder = Encoder(options)
        self.clients: set[Client] = set()
        batch = options.batch
        self._gatherers = {k: Gatherer(k, batch) for k in ("metric", "tick") if batch and k in options.types}
        # The clients that have part of the arrays being gathered: new ones, and those for whom the arrays were cut.
        self._has_until: dict[Client, int] = {}

    def add(self, client: Client, has_until: int) -> None:
        """From the next moment on the client gets everything after t = has_until."""
        self.clients.add(client)
        if self._gatherers:
            self._has_until[client] = has_until

    def remove(self, client: Client) -> None:
        self.clients.discard(client)
        self._has_until.pop(client, None)

    def move_from(self, client: Client, last_t: int, store_id: str) -> None:
        """Announce to a client that its market has another store, and remove it: it returns from the beginning.

        `last_t` is the newest t of the clients that got everything.
        """
        self.cut(client)
        from_t = max(last_t, client.position) + 1
        self.remove(client)
        client.move(store_id)
        client.offer(Bundle(tuple(self.store_changed(from_t, from_t, store_id))))

    def store_changed(self, from_t: int, to_t: int, store_id: str) -> list[Item]:
        """The gap that a client of another store gets, for each of its kinds: what follows is of this store."""
        return self._gaps(from_t, to_t, "store_changed", store=store_id)

    def begin_anew(self) -> None:
        """Discard what was gathered: it is of another store, and all clients that needed it have it."""
        for gatherer in self._gatherers.values():
            gatherer.messages = []
        self._has_until.clear()

    def items(self, moment: Moment) -> list[Item]:
        """The items that a moment makes; with batches, those of the arrays that it completes."""
        made, t = self.end_arrays(moment) if self._gatherers else [], moment.t
        taken = [kind for kind in KINDS if getattr(moment, kind) is not None and self.options.takes(kind, t)]
        for kind, position in zip(taken, self._positions([(kind, t) for kind in taken], t), strict=True):
            content = self.encoder.content(kind, getattr(moment, kind))
            if kind in self._gatherers:
                self._gatherers[kind].messages.append((t, content))
            else:
                made.append(Item(kind, t, t, self.encoder.wire(kind, content, position), made_at=moment.made_at))
        return made

    def end_arrays(self, moment: Moment | None = None) -> list[Item]:
        """The arrays that are complete before a moment, or all of them, complete or not."""
        ended = [one for one in self._gatherers.values() if moment is None or self._ends(one, moment)]
        arrays = self._arrays(ended, made_at=None if moment is None else moment.made_at)
        for gatherer in ended:
            gatherer.messages = []
        return arrays

    @property
    def gathered_from(self) -> int | None:
        """The first t of what is being gathered; None if nothing is."""
        return min((one.messages[0][0] for one in self._gatherers.values() if one.messages), default=None)

    def _ends(self, gatherer: Gatherer, moment: Moment) -> bool:
        """Whether an array is complete before a moment; of events every one is before a frame, which is in order."""
        is_cut = self._is_events and moment.frame is not None and "frame" in self.options.types
        return bool(gatherer.messages) if is_cut else gatherer.ends_before(moment.t)

    def _arrays(self, gatherers: Iterable[Gatherer], after_t: int = -1, made_at: float | None = None) -> list[Item]:
        """What these have gathered after a t, each as one item."""
        found = [(one.kind, chosen) for one in gatherers if (chosen := one.after(after_t))]
        last_t = max((chosen[-1][0] for _, chosen in found), default=-1)
        positions = self._positions([(kind, chosen[0][0]) for kind, chosen in found], last_t)
        return [
            self._array(kind, chosen, position, made_at)
            for (kind, chosen), position in zip(found, positions, strict=True)
        ]

    def _array(self, kind: str, chosen: list[tuple[int, bytes]], position: str | None, made_at: float | None) -> Item:
        wire = self.encoder.array(kind, [text for _, text in chosen], position)
        return Item(kind, chosen[0][0], chosen[-1][0], wire, made_at=made_at)

    def _positions(self, parts: list[tuple[str, int]], t: int) -> Iterable[str | None]:
        """Where a client is after each of these, which events tell: `streaming.position.positions`."""
        return positions(parts, t, self.store_id, self._has) if self._is_events else [None] * len(parts)

    def newest(self, ring: Ring) -> Bundle | None:
        """What a client gets at once when it connects: the newest message of each of its kinds."""
        found = self._newest(ring)
        places = self._positions([(kind, t) for kind, t, _ in found], _end(ring))
        items = [
            Item(kind, t, t, self._alone(kind, text, position))
            for (kind, t, text), position in zip(found, places, strict=True)
        ]
        return Bundle(tuple(items)) if items else None

    def tell_position(self, client: Client, ring: Ring) -> None:
        """Tell a new client of events where it is before the newest messages: it may lose its connection at once."""
        if self._is_events:
            ts = dict.fromkeys(KINDS, _end(ring)) | {kind: t - 1 for kind, t, _ in self._newest(ring)}
            client.tell(position_event(Position(ts, self.store_id).text()))

    def _alone(self, kind: str, text: bytes, position: str | None) -> bytes:
        """A message that is sent at once, in an array of its own if others of its kind are gathered."""
        content = self.encoder.content(kind, text)
        if kind in self._gatherers:
            return self.encoder.array(kind, [content], position)
        return self.encoder.wire(kind, content, position)

    def _newest(self, ring: Ring) -> list[tuple[str, int, bytes]]:
        """(kind, t, message) of the newest message of each kind."""
        options = self.options
        kinds = [kind for kind in KINDS if kind in options.types]
        found = [(kind, ring.newest(kind, 1 if kind == "frame" else options.every)) for kind in kinds]
        return [(kind, *newest) for kind, newest in found if newest is not None]

    def send(self, moment: Moment) -> None:
        """Hand a moment to every client."""
        if not self.clients:
            return
        behind = self._before_arrays_end(moment)
        items = self.items(moment)
        if not items:
            return
        bundle = Bundle(tuple(items))
        sent = False
        for client in self.clients:
            own = behind.get(client)
            if own is None:
                sent = client.offer(bundle) or sent
            else:
                own += [item for item in items if item.kind not in self._gatherers]
                if own:
                    client.offer(Bundle(tuple(own)))
        if sent and moment.made_at is not None:
            self.counts.direct.observe(time.time() - moment.made_at)

    def cut(self, client: Client) -> None:
        """Send a client what is gathered so far, so that what comes next does not overtake it."""
        if client not in self.clients:  # it is catching up, and gathers for itself
            return
        after_t = self._has_until.get(client, -1)
        if items := self._arrays(self._gatherers.values(), after_t):
            client.offer(Bundle(tuple(items)))
            self._has_until[client] = max(item.to_t for item in items)

    def tell(self, client: Client, type: str, **fields: Any) -> None:
        """Send a client a control message."""
        self.cut(client)
        client.tell(self.encoder.wire(type, control(type, **fields)))

    def beat(self, client: Client, t: int) -> None:
        """Tell a client that was sent nothing for long that its connection lives."""
        if self._is_events:
            client.tell(HEARTBEAT_COMMENT)  # no message, so it ends no array
        else:
            self.tell(client, "heartbeat", t=t)

    def tell_gap(self, from_t: int, to_t: int, reason: str, kinds: Sequence[str] = KINDS) -> None:
        """Announce to every client a loss that concerns all, in its place after the data that waits for the client."""
        bundle = Bundle(tuple(self._gaps(from_t, to_t, reason, kinds, clients=len(self.clients))))
        for client in self.clients if bundle.items else ():
            self.cut(client)
            client.offer(bundle)

    def tell_beginning(self, t: int) -> None:
        """Announce to the clients that wait for the first message that it is this t."""
        for client in self.clients:
            if client.resumed and client.position + 1 < t:
                self.cut(client)
                client.offer(Bundle(tuple(self._gaps(client.position + 1, t - 1, "expired"))))

    def slow_gap(self, kind: str, from_t: int, to_t: int) -> bytes:
        """The gap by which an outbox announces its losses to its client."""
        self.counts.tell_gap("slow")
        return self.encoder.slow_gap(kind, from_t, to_t)

    def _gaps(
        self, from_t: int, to_t: int, reason: str, of: Sequence[str] = KINDS, *, clients: int = 1, **more: str
    ) -> list[Item]:
        """A gap of each of these kinds that the clients take."""
        kinds = [kind for kind in of if kind in self.options.types]
        self.counts.tell_gap(reason, clients * len(kinds))
        texts = {kind: gap(kind, from_t, to_t, reason, **more) for kind in kinds}
        return [Item(kind, from_t, to_t, self.encoder.wire("gap", text), is_gap=True) for kind, text in texts.items()]

    def _before_arrays_end(self, moment: Moment) -> dict[Client, list[Item]]:
        """The rest of the arrays that end now, for the clients that have part of them."""
        ended = [gatherer for gatherer in self._gatherers.values() if self._ends(gatherer, moment)]
        if not ended:
            return {}
        late = self._has_until
        self._has_until = {client: after_t for client, after_t in late.items() if after_t >= moment.t}
        return {client: self._arrays(ended, after_t) for client, after_t in late.items()}


def _end(ring: Ring) -> int:
    """The newest t in memory, -1 if there is none."""
    return -1 if ring.last_t is None else ring.last_t
