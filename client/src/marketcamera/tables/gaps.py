"""The gaps of a range: what is missing in a table, merged and bounded, as its metadata tell it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from marketcamera.decoding import dumps, loads
from marketcamera.errors import BadMessage

#: Of more gaps than this, the last one covers the rest.
MOST_GAPS = 1000

#: How each gap line of a recording begins.
_GAP_START = b'{"type":"gap",'


class MissingRange(NamedTuple):
    """Messages with from_t <= t <= to_t are missing, for this reason."""

    from_t: int
    to_t: int
    reason: str


class Gaps:
    """The gaps of a range, added in order of t."""

    def __init__(self) -> None:
        self._found: list[MissingRange] = []

    def add(self, from_t: int, to_t: int, reason: str) -> None:
        """Note a gap. One that continues the gap before it, for the same reason, is a part of that."""
        last = self._found[-1] if self._found else None
        if last is not None and (len(self._found) == MOST_GAPS or _continues(last, from_t, reason)):
            self._found[-1] = last._replace(to_t=max(last.to_t, to_t))
        else:
            self._found.append(MissingRange(from_t, to_t, reason))

    def __iter__(self) -> Iterator[MissingRange]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def json(self) -> str:
        """A JSON array of objects with `from_t`, `to_t` and `reason`."""
        return dumps([gap._asdict() for gap in self._found]).decode()


def _continues(last: MissingRange, from_t: int, reason: str) -> bool:
    return from_t <= last.to_t + 1 and reason == last.reason


def messages_of(lines: Iterable[bytes], gaps: Gaps) -> Iterator[bytes]:
    """The lines that are messages; the gap lines among them are added to `gaps`. Raises BadMessage."""
    for line in lines:
        if line.startswith(_GAP_START):
            gaps.add(*_gap_in(line))
        else:
            yield line


def _gap_in(line: bytes) -> MissingRange:
    try:
        gap: Any = loads(line)
        return MissingRange(int(gap["from_t"]), int(gap["to_t"]), str(gap.get("reason", "lost")))
    except (ValueError, TypeError, KeyError):
        raise BadMessage("a gap has a from_t and a to_t", line) from None
