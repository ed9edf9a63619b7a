"""The playhead: what a stream has given so far, so that each message comes exactly once however often it reconnects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from marketcamera.errors import BadMessage
from marketcamera.stream.messages import KINDS, Gap, Kind, Received, gap_of, message_of, store_of
from marketcamera.stream.price_ranges import PriceRanges

#: A resume asks again for at most this much of what was given already. It looks back at all because a server that held
#: back frames or metrics from a slow client tells so only before the next one, which a lost connection never brings.
LOOK_BACK_TICKS = 1000


class Slow(Exception):
    """The server skipped messages for a client that read too slowly; its recording still has them."""


class Playhead:
    """Lets through what is new. Knows no sockets and no clock.

    `since` is where to begin: behind that t, or that of each kind, or, with None, with whatever the server gives first.
    `prices` are what messages know of the market's prices.
    """

    def __init__(
        self,
        kinds: Iterable[Kind] = KINDS,
        since: int | Mapping[Kind, int] | None = None,
        every: int = 1,
        prices: PriceRanges | None = None,
    ) -> None:
        self.prices = prices or PriceRanges()
        self._kinds = tuple(kinds)
        begin = since if isinstance(since, Mapping) else {} if since is None else dict.fromkeys(self._kinds, since)
        self._last: dict[Kind, int] = dict(begin)
        #: How far it has come: a gap tells of more than that.
        self._at = min(self._last.values(), default=-1)
        self._watches_ticks = every == 1 and since is not None
        self._every = every
        self.caught_up_t: int | None = None
        #: The t whose messages may be given in part: where a replay goes on. None before the first.
        self.next_t: int | None = None
        #: The recording that all of this is of; None while the server has not told.
        self.store: str | None = None

    @property
    def since(self) -> int | None:
        """The t to resume behind; None before anything was given."""
        if not self._last:
            return None
        given = self._last.values()
        return max(min(given), min(max(given), self._at) - LOOK_BACK_TICKS)

    @property
    def positions(self) -> dict[Kind, int]:
        """The t of the last of each kind that was given, or lies in a gap that was."""
        return dict(self._last)

    @property
    def position(self) -> int | None:
        """The t of the newest message given."""
        return max(self._last.values(), default=None)

    def take(self, data: dict[str, Any]) -> Iterator[Received]:
        """What of a decoded message is to be given: it, nothing, or first the gap it leaves.

        Each counts as given as soon as it is. Raises Slow, BadMessage.
        """
        kind = data["type"]
        if kind in self._kinds:
            yield from self._take_message(kind, data)
        elif kind == "gap":
            yield from self._take_gap(gap_of(data))
        elif kind == "caught_up":
            if type(data.get("t")) is not int:
                raise BadMessage("caught_up has a t", str(data))
            self.caught_up_t, self.store = data["t"], self.store or store_of(data)
        # All else is a heartbeat, a pong, or what a later server may say.

    def _take_message(self, kind: Kind, data: dict[str, Any]) -> Iterator[Received]:
        message = message_of(data, self.prices)
        t, last = message.t, self._last.get(kind)
        if last is None:
            self._begin(t)
        elif t <= last:
            return
        elif kind == "tick" and t > last + 1 and self._watches_ticks:
            self._last[kind] = t - 1
            yield Gap("tick", last + 1, t - 1, "lost")
        if kind == "tick":
            self._watches_ticks = self._every == 1
        self._last[kind] = self.next_t = t
        self._at = max(self._at, t)
        yield message

    def _begin(self, t: int) -> None:
        """The first message of a stream that began with no `since`: everything of this t is still to come."""
        for kind in self._kinds:
            self._last.setdefault(kind, t - 1)

    def _take_gap(self, gap: Gap) -> Iterator[Received]:
        if gap.reason == "store_changed":
            yield from self._take_change(gap)
            return
        last = self._last.get(gap.kind, -1)
        if gap.kind not in self._kinds or gap.to_t <= last:
            return
        if gap.reason == "slow":
            raise Slow
        self._last[gap.kind] = gap.to_t
        self._at = max(self._at, gap.from_t)
        yield Gap(gap.kind, max(gap.from_t, last + 1), gap.to_t, gap.reason)

    def _take_change(self, gap: Gap) -> Iterator[Gap]:
        """From here on all is of another recording. The first word of it counts for every kind: should the connection
        break behind it, the others would not come any more."""
        if gap.store == self.store:
            return
        self.store, self.caught_up_t = gap.store, None
        self._last, self._at = dict.fromkeys(self._kinds, -1), -1
        self.prices = self.prices.anew()  # messages that were given keep theirs
        self.next_t = 0
        self._watches_ticks = self._every == 1
        for kind in self._kinds:
            yield replace(gap, kind=kind)
