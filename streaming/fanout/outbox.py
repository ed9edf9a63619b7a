"""The outbox: messages that wait for one client, bounded in bytes; every loss is announced."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice

from streaming.protocol import KINDS


@dataclass(slots=True, eq=False)
class Item:
    """One encoded message of a kind, covering the ticks from_t..to_t; all clients share the bytes.

    `is_gap`: the message announces that those of from_t..to_t are gone for every client; it is never dropped itself.
    `made_at` is that of the moment that completed it.
    """

    kind: str
    from_t: int
    to_t: int
    wire: bytes
    is_gap: bool = False
    made_at: float | None = None


@dataclass(slots=True, eq=False)
class Bundle:
    """The items made at one t for one set of options, and their bytes in one piece."""

    items: tuple[Item, ...]
    wire: bytes = field(init=False)

    def __post_init__(self) -> None:
        self.wire = self.items[0].wire if len(self.items) == 1 else b"".join(i.wire for i in self.items)


@dataclass(slots=True, eq=False)
class _Lost:
    """A run of lost messages of one kind, in the place where they were."""

    from_t: int
    to_t: int


class Outbox:
    """Bundles wait unchanged while they are within `most_bytes`. Over it messages are dropped in a fixed order.

    Older frames and metrics give way to newer ones, then the oldest ticks are dropped, then whatever is oldest. A
    message larger than the bound passes when nothing else waits. Each run of losses becomes one gap message, made by
    `tell_gap(kind, from_t, to_t)`, which is taken before any newer message of its kind. Control messages are never
    dropped.
    """

    def __init__(self, most_bytes: int, tell_gap: Callable[[str, int, int], bytes]) -> None:
        self._most_bytes, self._tell_gap = most_bytes, tell_gap
        self._bundles: deque[Bundle] = deque()
        # Only a client that fell behind has these: its bundles split into messages, by kind, each with its place in
        # line.
        self._lines: dict[str, deque[tuple[int, Item | _Lost]]] = {kind: deque() for kind in KINDS}
        self._next_place = 0
        self._control: deque[bytes] = deque()
        self.bytes = self.control_bytes = 0
        self.lost = 0
        #: When the newest of the messages that were taken was made, as far as it is known.
        self.taken_made_at: float | None = None

    def __bool__(self) -> bool:
        return bool(self._bundles or self._control or any(self._lines.values()))

    def control(self, wire: bytes) -> None:
        """Add a control message; it goes out before waiting data."""
        self._control.append(wire)
        self.control_bytes += len(wire)
        self.bytes += len(wire)

    def offer(self, bundle: Bundle) -> None:
        """Add the bundle made at one t."""
        size = len(bundle.wire)
        if self.bytes + size <= self._most_bytes or not self:
            self._bundles.append(bundle)
            self.bytes += size
            return
        self._take_apart(self._bundles)
        self._bundles.clear()
        for item in bundle.items:
            self._squeeze_in(item)

    def take(self, about_bytes: int) -> bytes:
        """Remove and return the oldest messages, `about_bytes` or one message more; b"" when nothing waits."""
        parts: list[bytes] = []
        size = 0
        while self._control:
            parts.append(self._control.popleft())
            size += len(parts[-1])
        self.control_bytes = 0
        while size < about_bytes and (part := self._next()):
            parts.append(part)
            size += len(part)
        self.bytes = max(0, self.bytes - size) if self else 0
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def clear(self) -> None:
        """Forget what waits, but for control messages, for a client that wants something else by now."""
        self._bundles.clear()
        for line in self._lines.values():
            line.clear()
        self.bytes = self.control_bytes

    def _next(self) -> bytes:
        """The oldest data message or gap. Split bundles are older than whole ones."""
        line = min((line for line in self._lines.items() if line[1]), key=lambda line: line[1][0][0], default=None)
        if line is None:
            return self._next_bundle()
        kind, entries = line
        _, entry = entries.popleft()
        if isinstance(entry, Item):
            self.taken_made_at = entry.made_at
            return entry.wire
        wire = self._tell_gap(kind, entry.from_t, entry.to_t)
        self.bytes += len(wire)  # it was not counted while it waited
        return wire

    def _next_bundle(self) -> bytes:
        if not self._bundles:
            return b""
        bundle = self._bundles.popleft()
        self.taken_made_at = bundle.items[-1].made_at
        return bundle.wire

    def _take_apart(self, bundles: Iterable[Bundle]) -> None:
        for bundle in bundles:
            for item in bundle.items:
                self._append(item.kind, item)

    def _append(self, kind: str, entry: Item | _Lost) -> None:
        self._lines[kind].append((self._next_place, entry))
        self._next_place += 1

    def _squeeze_in(self, item: Item) -> None:
        size = len(item.wire)
        while not item.is_gap and self.bytes and self.bytes + size > self._most_bytes:
            victim = self._victim(item.kind) if size <= self._most_bytes else None
            if victim is None:
                self._lose_newest(item)
                return
            self._lose_oldest(victim)
        self._append(item.kind, item)
        self.bytes += size

    def _victim(self, incoming: str) -> str | None:
        """The kind whose oldest message is dropped next to make room."""
        for kind in ("frame", "metric"):
            if self._waiting(kind) > (0 if kind == incoming else 1):
                return kind
        return next((kind for kind in ("tick", "metric", "frame") if self._waiting(kind)), None)

    def _waiting(self, kind: str) -> int:
        """How many messages of a kind wait, counted no further than 2."""
        return sum(1 for _ in islice((entry for _, entry in self._lines[kind] if _is_message(entry)), 2))

    def _lose_oldest(self, kind: str) -> None:
        line = self._lines[kind]
        at = next(index for index, (_, entry) in enumerate(line) if _is_message(entry))
        place, item = line[at]
        assert isinstance(item, Item)
        self.bytes -= len(item.wire)
        self.lost += 1
        line[at] = (place, _Lost(item.from_t, item.to_t))
        # Two adjacent runs become one, at the place of the older one.
        for second in (at + 1, at):
            if 0 < second < len(line):
                one, other = line[second - 1][1], line[second][1]
                if isinstance(one, _Lost) and isinstance(other, _Lost):
                    one.to_t = other.to_t
                    del line[second]

    def _lose_newest(self, item: Item) -> None:
        line = self._lines[item.kind]
        self.lost += 1
        if line and isinstance(line[-1][1], _Lost):
            line[-1][1].to_t = item.to_t
        else:
            self._append(item.kind, _Lost(item.from_t, item.to_t))


def _is_message(entry: Item | _Lost) -> bool:
    return isinstance(entry, Item) and not entry.is_gap
