"""The feeds of one market: each set of options is prepared once, and one that fails affects no other."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from runtime.supervision import supervisor
from streaming.fanout.feed import Client, Feed
from streaming.measured import counts_of
from streaming.options import Options
from streaming.protocol import KINDS, Moment


class Feeds(dict[Options, Feed]):
    """Feeds by their options. For the loop's thread."""

    def __init__(self, symbol: str, store_id: str | None) -> None:
        super().__init__()
        self._symbol, self._store_id = symbol, store_id
        self.counts = counts_of(symbol)

    def of(self, options: Options) -> Feed:
        """The feed of a set of options, created if there is none; kept while it has users."""
        return self.setdefault(options, Feed(options, self._store_id, self.counts))

    def leave(self, client: Client, feed: Feed) -> None:
        """The client has left, joined or not; a feed without users is removed."""
        feed.remove(client)
        feed.users.discard(client)
        if not feed.users and self.get(feed.options) is feed:
            del self[feed.options]

    def clients(self) -> list[Client]:
        """All clients that have joined."""
        return [client for feed in self.values() for client in feed.clients]

    def send(self, moment: Moment) -> None:
        """Hand a moment to every client."""
        for feed in list(self.values()):
            # Where it failed, it is unknown which of its clients have the moment; the other feeds continue.
            with supervisor.guarded(f"feed of {self._symbol}", partial(self._end, feed)):
                feed.send(moment)

    def tell_gap(self, from_t: int, to_t: int, reason: str, kinds: Sequence[str] = KINDS) -> None:
        """Announce to every client a loss that concerns all."""
        for feed in self.values():
            feed.tell_gap(from_t, to_t, reason, kinds)

    def tell_beginning(self, t: int) -> None:
        """Announce the first message to clients that resumed before anything was recorded."""
        for feed in self.values():
            feed.tell_beginning(t)

    def enter(self, former: str | None, last_t: int, store_id: str) -> None:
        """The market now has this store. Clients that have part of another one start over.

        `former` is the store before it, None if unknown; `last_t` is the newest t of that.
        """
        self._store_id = store_id
        for feed in self.values():
            for client in list(feed.clients):
                client.store_id = client.store_id or store_id
                if client.store_id != store_id:
                    feed.move_from(client, last_t, store_id)
            if former is not None:
                feed.begin_anew()
            feed.store_id = store_id

    def beat(self, t: int) -> None:
        """Send a heartbeat to clients that were sent nothing for long; `t` is the newest."""
        for feed in self.values():
            for client in feed.clients:
                if client.is_quiet():
                    feed.beat(client, t)

    def end(self) -> None:
        """Nothing more is sent: every client, joined or not, has to connect again."""
        for feed in list(self.values()):
            self._end(feed)

    def _end(self, feed: Feed) -> None:
        del self[feed.options]
        for client in feed.users:
            client.end()
