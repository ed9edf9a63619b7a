"""The feed: messages prepared once for all clients with equal options."""

from __future__ import annotations

from typing import Protocol

from streaming.fanout.encoding import Encoder
from streaming.fanout.outbox import Bundle, Item
from streaming.options import Options
from streaming.protocol import KINDS, Moment, gap
from streaming.ring import Ring


class Client(Protocol):
    """A client that takes bundles and control messages; none of these methods may wait.

    `store_id` is the recording whose messages it gets, None if unknown. A client that has `resumed` wants everything
    after `position`.
    """

    store_id: str | None
    resumed: bool

    @property
    def position(self) -> int: ...
    def move(self) -> None: ...
    def offer(self, bundle: Bundle) -> None: ...
    def tell(self, wire: bytes) -> None: ...
    def is_quiet(self) -> bool: ...
    def has_room(self) -> bool: ...
    def end(self) -> None: ...
    @property
    def lost(self) -> int: ...
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

    def array(self, encoder: Encoder, after_t: int = -1) -> Item | None:
        """What is gathered, as one item; only messages after `after_t`."""
        chosen = [(t, text) for t, text in self.messages if t > after_t]
        if not chosen:
            return None
        return Item(self.kind, chosen[0][0], chosen[-1][0], encoder.array([text for _, text in chosen]))

    def end(self, encoder: Encoder) -> Item | None:
        """The complete array; the next one starts empty."""
        array = self.array(encoder)
        self.messages = []
        return array


class Feed:
    """The clients of one set of options; each moment is made into one bundle for all of them."""

    def __init__(self, options: Options) -> None:
        self.options = options
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
        client.move()
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
        made = self.end_arrays(moment.t)
        for kind in KINDS:
            text: bytes | None = getattr(moment, kind)
            if text is None or not self.options.takes(kind, moment.t):
                continue
            content = self.encoder.content(kind, text)
            if kind in self._gatherers:
                self._gatherers[kind].messages.append((moment.t, content))
            else:
                made.append(Item(kind, moment.t, moment.t, self.encoder.wire(content)))
        return made

    def end_arrays(self, t: int | None = None) -> list[Item]:
        """The arrays that are complete before t, or all of them, complete or not."""
        if not self._gatherers:
            return []
        ended = [g for g in self._gatherers.values() if t is None or g.ends_before(t)]
        return [array for g in ended if (array := g.end(self.encoder)) is not None]

    def newest(self, ring: Ring) -> Bundle | None:
        """What a client gets at once when it connects: the newest message of each of its kinds."""
        items = []
        for kind in KINDS:
            found = ring.newest(kind, self.options.every if kind != "frame" else 1)
            if kind in self.options.types and found is not None:
                t, text = found
                content = self.encoder.content(kind, text)
                wire = self.encoder.array([content]) if kind in self._gatherers else self.encoder.wire(content)
                items.append(Item(kind, t, t, wire))
        return Bundle(tuple(items)) if items else None

    def send(self, moment: Moment) -> None:
        """Hand a moment to every client."""
        if not self.clients:
            return
        behind = self._before_arrays_end(moment.t)
        items = self.items(moment)
        if not items:
            return
        bundle = Bundle(tuple(items))
        for client in self.clients:
            own = behind.get(client)
            if own is None:
                client.offer(bundle)
            else:
                own += [item for item in items if item.kind not in self._gatherers]
                if own:
                    client.offer(Bundle(tuple(own)))

    def cut(self, client: Client) -> None:
        """Send a client what is gathered so far, so that what comes next does not overtake it."""
        if client not in self.clients:  # it is catching up, and gathers for itself
            return
        after_t = self._has_until.get(client, -1)
        arrays = [gatherer.array(self.encoder, after_t) for gatherer in self._gatherers.values()]
        items = [array for array in arrays if array is not None]
        if items:
            client.offer(Bundle(tuple(items)))
            self._has_until[client] = max(item.to_t for item in items)

    def tell(self, client: Client, text: bytes) -> None:
        """Send a client a control message."""
        self.cut(client)
        client.tell(self.encoder.wire(text))

    def tell_gap(self, from_t: int, to_t: int, reason: str) -> None:
        """Announce to every client a loss that concerns all, in its place after the data that waits for the client."""
        bundle = Bundle(tuple(self._gaps(from_t, to_t, reason)))
        for client in self.clients:
            self.cut(client)
            client.offer(bundle)

    def tell_beginning(self, t: int) -> None:
        """Announce to the clients that wait for the first message that it is this t."""
        for client in self.clients:
            if client.resumed and client.position + 1 < t:
                self.cut(client)
                client.offer(Bundle(tuple(self._gaps(client.position + 1, t - 1, "expired"))))

    def _gaps(self, from_t: int, to_t: int, reason: str, **more: str) -> list[Item]:
        """A gap of each kind that the clients take."""
        kinds = [kind for kind in KINDS if kind in self.options.types]
        texts = {kind: gap(kind, from_t, to_t, reason, **more) for kind in kinds}
        return [Item(kind, from_t, to_t, self.encoder.wire(text), is_gap=True) for kind, text in texts.items()]

    def _before_arrays_end(self, t: int) -> dict[Client, list[Item]]:
        """Offer the rest of the arrays that end now to the clients that have part of them."""
        if not any(gatherer.ends_before(t) for gatherer in self._gatherers.values()):
            return {}
        late = self._has_until
        self._has_until = {client: after_t for client, after_t in late.items() if after_t >= t}
        behind = {}
        for client, after_t in late.items():
            arrays = [g.array(self.encoder, after_t) for g in self._gatherers.values() if g.ends_before(t)]
            behind[client] = [array for array in arrays if array is not None]
        return behind
