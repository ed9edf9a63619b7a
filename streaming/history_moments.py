"""The past as moments: the content of a recording, in the form in which it was streamed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from recorder.errors import OtherStore
from recorder.tape.history import History
from runtime.live_first import give_way
from streaming.protocol import Loss, Moment, gap

_KIND = {"ticks": "tick", "frames": "frame", "metrics": "metric"}
_TAPE = {kind: tape for tape, kind in _KIND.items()}


Record = Moment | Loss


def batch_of(records: Iterable[Record], most: int | None, most_bytes: int) -> list[Record]:
    """The first records: at most `most`, and only until they have `most_bytes` together."""
    batch, size = list[Record](), 0
    for record in islice(records, most):
        batch.append(record)
        size += record.size if isinstance(record, Moment) else 0
        if size >= most_bytes:
            break
    return batch


def moments(history: History, kinds: Iterable[str], after_t: int, to_t: int | None = None) -> Iterator[Record]:
    """The recorded messages of `kinds` (tick, metric, frame) with after_t < t <= to_t, in order. Raises OSError.

    A loss comes before the moment of its first t. So a moment is never split, and reading may continue after its t.
    """
    t, parts = -1, dict[str, Any]()
    for message in history.messages([_TAPE[kind] for kind in kinds], after_t, to_t):
        give_way()
        if parts and message.first_t != t:
            yield Moment(t, **parts)
            parts = {}
        if message.text is None:
            yield Loss(_KIND[message.kind], message.first_t, message.last_t, message.reason)
        else:
            t = message.first_t
            parts[_KIND[message.kind]] = message.text
    if parts:
        yield Moment(t, **parts)


def recorded_lines(
    history: History, kind: str, t0: int, t1: int | None, store_id: str | None = None
) -> Iterator[bytes]:
    """The messages of one tape (ticks, metrics, frames) with t0 <= t <= t1 as NDJSON, with gap lines for missing ones.

    `store_id` is the recording that the reader knows. If the market has another one, the first line is a gap that says
    so, and the rest is of the new one. If the recording changes meanwhile, such a gap is the last line. Raises OSError.
    """
    last_t = t0 - 1
    if history.store_id is not None and store_id not in (None, history.store_id):
        yield gap(kind, t0, t0, "store_changed", store=history.store_id)
    try:
        for message in history.messages([kind], t0 - 1, t1):
            last_t = message.last_t
            yield message.text or gap(kind, message.first_t, message.last_t, message.reason)
    except OtherStore as other:
        yield gap(kind, last_t + 1, last_t + 1, "store_changed", store=other.store_id)
