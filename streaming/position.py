"""A position in a stream as text: the id of an event, by which a browser resumes on its own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from recorder.store.store_id import is_store_id
from runtime.shown import shown
from streaming.protocol import CLOSE_BAD_PARAMETER, KINDS, LARGEST_T, StreamError

_END = ":end"
_TS = re.compile(r"(-1|[0-9]{1,16})(?:,(-1|[0-9]{1,16}),(-1|[0-9]{1,16}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Position:
    """What a client has of the recording `store_id` (None if it is unknown): of each kind everything up to a t.

    The kinds differ between messages of one t, and while one array waits for another. With `is_end` nothing follows.
    """

    ts: Mapping[str, int]
    store_id: str | None = None
    is_end: bool = False

    def text(self) -> str:
        """`t:store` where all kinds have the same t, else `frame,metric,tick:store`; without `:store` if unknown.

        At the end `:end` follows.
        """
        ts = [self.ts[kind] for kind in KINDS]
        told = str(ts[0]) if len(set(ts)) == 1 else ",".join(map(str, ts))
        named = "" if self.store_id is None else f":{self.store_id}"
        return told + named + (_END if self.is_end else "")


def parse_position(text: str) -> Position:
    """The position in an id. Raises StreamError."""
    told, colon, store_id = text.removesuffix(_END).partition(":")
    found = _TS.fullmatch(told)
    if found is None or (colon and not is_store_id(store_id)):
        raise _bad(text)
    first, *rest = (int(one) for one in found.groups() if one is not None)
    ts = dict(zip(KINDS, (first, *(rest or (first, first))), strict=True))
    if max(ts.values()) > LARGEST_T:
        raise _bad(text)
    return Position(ts, store_id or None, text.endswith(_END))


def whole(t: int, store_id: str | None, *, is_end: bool = False) -> str:
    """The id of a client that has everything up to t."""
    return Position(dict.fromkeys(KINDS, t), store_id, is_end).text()


def positions(
    parts: Sequence[tuple[str, int]], t: int, store_id: str | None, has: Mapping[str, int] | None = None
) -> Iterator[str]:
    """The id after each of the messages that are sent together, (kind, first t) each; all of them complete t.

    `has` says up to which t the client has a kind that is ahead of the others.
    """
    has = has or {}
    for place in range(len(parts)):
        ts = dict.fromkeys(KINDS, t) | {kind: first_t - 1 for kind, first_t in parts[place + 1 :]}
        yield Position({kind: max(at, has.get(kind, -1)) for kind, at in ts.items()}, store_id).text()


def _bad(text: str) -> StreamError:
    detail = f"Last-Event-ID must be an id of this stream (t, or t:store), got {shown(text)}"
    return StreamError("bad_parameter", detail, CLOSE_BAD_PARAMETER)
