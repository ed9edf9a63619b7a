"""The feed: what is prepared once for all clients that chose the same options."""

from __future__ import annotations

from typing import Protocol

from streaming.outbox import Bundle, Item
from streaming.protocol import KINDS, Moment, Options, websocket_frame
from streaming.ring import Ring


class Client(Protocol):
    """Whoever takes bundles and control messages; none of these may wait."""

    def offer(self, bundle: Bundle) -> None: ...
    def tell(self, wire: bytes) -> None: ...
    def beat(self, t: int) -> None: ...


class Feed:
    """The clients of one set of options; each moment is made into one bundle for all of them."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.clients: set[Client] = set()

    def prepare(self, moment: Moment) -> Bundle | None:
        """What of a moment these clients get, ready for the socket."""
        items = tuple(
            Item(kind, moment.t, moment.t, websocket_frame(message))
            for kind in KINDS
            if kind in self.options.types and (message := getattr(moment, kind)) is not None
        )
        return Bundle(items) if items else None

    def newest(self, ring: Ring) -> Bundle | None:
        """What a client sees at once when it connects: the newest message of each of its kinds."""
        items = tuple(
            Item(kind, found[0], found[0], websocket_frame(found[1]))
            for kind in KINDS
            if kind in self.options.types and (found := ring.newest(kind)) is not None
        )
        return Bundle(items) if items else None

    def send(self, moment: Moment) -> None:
        """Hand a moment to every client."""
        if not self.clients:
            return
        bundle = self.prepare(moment)
        if bundle is not None:
            for client in self.clients:
                client.offer(bundle)
