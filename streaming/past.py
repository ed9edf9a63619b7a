"""The past as moments: what a recording holds, in the form in which it was streamed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from recorder.history import History, Message
from streaming.protocol import Moment

_KIND = {"ticks": "tick", "frames": "frame", "metrics": "metric"}
_TAPE = {kind: tape for tape, kind in _KIND.items()}


@dataclass(frozen=True, slots=True)
class Loss:
    """Messages of a kind with from_t <= t <= to_t that are gone."""

    kind: str
    from_t: int
    to_t: int
    reason: str


def moments(history: History, kinds: Iterable[str], after_t: int, to_t: int | None = None) -> Iterator[Moment | Loss]:
    """What is recorded of `kinds` (tick, metric, frame) with after_t < t <= to_t, in order. Raises OSError."""
    moment: Moment | None = None
    for message in history.messages([_TAPE[kind] for kind in kinds], after_t, to_t):
        if moment is not None and (message.first_t != moment.t or message.text is None):
            yield moment
            moment = None
        if message.text is None:
            yield _loss(message)
        else:
            moment = _with(moment or Moment(message.first_t), _KIND[message.kind], message.text)
    if moment is not None:
        yield moment


def _with(moment: Moment, kind: str, text: bytes) -> Moment:
    if kind == "tick":
        return replace(moment, tick=text)
    return replace(moment, metric=text) if kind == "metric" else replace(moment, frame=text)


def _loss(message: Message) -> Loss:
    return Loss(_KIND[message.kind], message.first_t, message.last_t, message.reason)
