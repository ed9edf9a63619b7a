"""Recordings of a stream: its messages as lines, gap lines where something is missing, and where they end."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict, replace

from marketcamera.decoding import dumps
from marketcamera.stream.messages import KINDS, Gap, Received


def line_of(message: Received) -> bytes:
    """A message as one line of JSON, without its end."""
    if not isinstance(message, Gap):
        return dumps(message.data)
    return dumps({"type": "gap"} | {name: value for name, value in asdict(message).items() if value is not None})


def up_to(messages: Iterable[Received], last_t: int, kinds: Collection[str]) -> Iterator[Received]:
    """The messages with t <= last_t of a stream of these kinds, a gap as far as it goes; ends when none can follow.

    All of one t come in the order of `KINDS`, so the last kind there is ends it; a gap says nothing of other kinds.
    """
    last_kind = [kind for kind in KINDS if kind in kinds][-1]
    gone: set[str] = set()
    for message in messages:
        if isinstance(message, Gap):
            if message.from_t <= last_t:
                yield replace(message, to_t=min(message.to_t, last_t))
            gone |= {message.kind} if message.to_t >= last_t else set()
            if gone.issuperset(kinds):
                return
            continue
        if message.t > last_t:
            return
        yield message
        if message.t == last_t and message.kind == last_kind:
            return
