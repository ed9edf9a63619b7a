"""The oracle: judges what one stream client hears as it comes, and all clients of a process against each other."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

KINDS = ("frame", "metric", "tick")
FIELDS = ("agents", "actions", "matches")

#: A frame comes every so many ticks: the default of IG_CAM_STRIDE.
STRIDE = 10

#: What a client wants of a tick beside type, t, ts and s; None for all of it.
Variant = tuple[str, ...] | None

Report = Callable[[str, str], None]


def variant_of(fields: str | None) -> Variant:
    """The fields that a query asks for, in the order of a tick."""
    if fields is None or set(fields.split(",")) == set(FIELDS):
        return None
    return tuple(name for name in FIELDS if name in fields.split(","))


def digest_of(message: dict[str, Any]) -> int:
    """A hash of a message's content that does not depend on how it was framed or batched; never 0."""
    return int.from_bytes(hashlib.blake2b(orjson.dumps(message), digest_size=8).digest()) or 1


def reduced(tick: dict[str, Any], variant: Variant) -> dict[str, Any]:
    """A tick as a client with these fields gets it."""
    return {name: value for name, value in tick.items() if variant is None or name in variant or name not in FIELDS}


@dataclass(frozen=True, slots=True)
class Heard:
    """One message: its type, the t and content hash of a data message, the whole of a control message."""

    type: str
    t: int
    digest: int
    control: dict[str, Any] | None = None


class Parser:
    """Takes WebSocket messages apart. Clients with equal options get equal bytes, which are parsed once."""

    _MOST_KEPT = 4000

    def __init__(self) -> None:
        self._kept: dict[bytes, list[Heard]] = {}

    def parse(self, payload: bytes, decompress: Callable[[bytes], bytes] | None = None) -> list[Heard]:
        """What is in a message, an array of a batch taken apart. Raises ValueError where it is no JSON."""
        known = self._kept.get(payload)
        if known is None:
            if len(self._kept) >= self._MOST_KEPT:
                self._kept.clear()
            text = orjson.loads(decompress(payload) if decompress else payload)
            known = self._kept[payload] = [_heard(one) for one in (text if isinstance(text, list) else [text])]
        return known


def _heard(message: dict[str, Any]) -> Heard:
    if message["type"] in KINDS:
        return Heard(message["type"], message["t"], digest_of(message))
    return Heard(message["type"], -1, 0, message)


class Evidence:
    """What the clients of a process heard of each t: the first word stands, and any other is a splice."""

    def __init__(self) -> None:
        self.digests: dict[tuple[str, str, Variant], array[int]] = {}

    def agrees(self, symbol: str, kind: str, variant: Variant, t: int, digest: int) -> bool:
        """Whether nobody was told otherwise of this t before."""
        known = self.digests.setdefault((symbol, kind, variant if kind == "tick" else None), array("Q"))
        if t >= len(known):
            known.extend([0] * (t + 1000 - len(known)))
        if known[t] == 0:
            known[t] = digest
        return known[t] == digest


@dataclass
class Watch:
    """One client's stream over all its connections.

    `at_once` violations go to `report(what, detail)`: a repeat or a step back within a connection, something that was
    not asked for, another content than before, a tick or metric missing without a word. Which frames there should have
    been, the tape tells in the end; so all t and gaps that were heard are kept.
    """

    symbol: str
    kinds: tuple[str, ...]
    every: int
    variant: Variant
    testimony: Evidence
    report: Report
    batched: bool = False
    #: Whether all connections look like one: a library that promises each message once.
    seamless: bool = False
    begun_at: int | None = None
    heard: dict[str, array[int]] = field(init=False)
    gaps: list[tuple[str, int, int, str]] = field(default_factory=list)
    caught_up_t: int | None = None
    #: Whether the connection under way is still being given the past.
    is_behind: bool = False
    store: str | None = None
    repeats: int = 0

    def __post_init__(self) -> None:
        self.heard = {kind: array("I") for kind in self.kinds}
        start = self.begun_at
        #: Up to where each kind was heard or told to be missing.
        self._covered: dict[str, int] = {} if start is None else dict.fromkeys(self.kinds, start)
        self._connection: dict[str, int] = {}
        #: The newest message of each kind on this connection.
        self._newest: dict[str, int] = {}

    @property
    def since(self) -> int | None:
        """The t behind which to resume, None before anything was heard."""
        return min((self._covered[kind] for kind in self.kinds if kind in self._covered), default=None)

    @property
    def last_t(self) -> int:
        """The newest t heard of or told to be missing, -1 before."""
        return max(self._covered.values(), default=-1)

    def first_missing(self, kind: str, last_t: int) -> int | None:
        """The first t up to `last_t` that was due after all that was heard or told to be missing."""
        return next(self._due(self._covered.get(kind, -1) + 1, last_t + 1), None)

    def connected(self, since: int | None) -> None:
        """A connection begins that asked for what is behind `since`."""
        self._connection = {} if since is None else dict.fromkeys(self.kinds, since)
        self._newest = {}
        self.caught_up_t, self.is_behind = None, since is not None

    def take(self, heard: Heard) -> None:
        if heard.type in KINDS:
            self._take_message(heard.type, heard.t, heard.digest)
        elif heard.control is not None:
            self._take_control(heard.control)

    def _take_message(self, kind: str, t: int, digest: int) -> None:
        if kind not in self.kinds or (kind != "frame" and t % self.every):
            self.report("not asked for", f"{kind} t={t}")
            return
        if not self.testimony.agrees(self.symbol, kind, self.variant, t, digest):
            self.report("spliced", f"{kind} t={t} has another content than was heard before")
        before = self._connection.get(kind)
        if before is not None and t <= before:
            self.report("repeated or out of order", f"{kind} t={t} behind t={before} on one connection")
        self._connection[kind] = self._newest[kind] = t
        if not self.batched and kind != "tick" and t <= self._connection.get("tick", -1):
            self.report("out of order", f"{kind} t={t} behind the tick of t={self._connection['tick']}")
        self._cover(kind, t)

    def _cover(self, kind: str, t: int) -> None:
        # Without `since` the newest of each kind comes first, each with a t of its own.
        covered = self._covered.get(kind, t - 1)
        if t <= covered:
            self.repeats += 1
            if self.seamless:
                self.report("repeated", f"{kind} t={t} behind t={covered}")
            return
        if kind != "frame" and (missing := next(self._due(covered + 1, t), None)) is not None:
            self.report("hole without a word", f"{kind} t={missing} to t={t - 1} before t={t}")
        self.heard[kind].append(t)
        self._covered[kind] = t

    def _due(self, first: int, end: int) -> Iterator[int]:
        """The ticks from `first` to before `end` that were asked for."""
        return iter(range(first + -first % self.every, end, self.every))

    def _take_control(self, message: dict[str, Any]) -> None:
        if message["type"] in ("caught_up", "replay_end"):
            self.is_behind = False
            self.caught_up_t, self.store = message["t"], message.get("store", self.store)
        elif message["type"] == "gap":
            self.take_gap(message["kind"], message["from_t"], message["to_t"], message["reason"])

    def take_gap(self, kind: str, from_t: int, to_t: int, reason: str) -> None:
        """The server says that these are missing. A gap that begins later leaves a hole before it."""
        covered = self._covered.get(kind)
        if kind not in self.kinds or from_t > to_t:
            self.report("not asked for", f"a gap of {kind} from {from_t} to {to_t}")
            return
        if covered is not None and kind != "frame" and (missing := next(self._due(covered + 1, from_t), None)):
            self.report("hole without a word", f"{kind} t={missing} before a gap from t={from_t}")
        if from_t <= self._newest.get(kind, -1):
            detail = f"{kind} from {from_t} to {to_t}, t={self._newest[kind]} had come"
            self.report("gap over what was sent", detail)
        self.gaps.append((kind, from_t, to_t, reason))
        if reason == "store_changed":
            self.report("spliced", f"the store is said to be another, {kind} from {from_t} to {to_t}")
        self._covered[kind] = max(to_t, -1 if covered is None else covered)
        self._connection[kind] = max(to_t, self._connection.get(kind, -1))
