"""Bursts and shocks of frames, as notes: each with the first frame that contains it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import orjson

from recorder.digests.digest import Note
from recorder.segment.layout import GAP_START


class Frame(NamedTuple):
    """What a digest takes from a frame itself."""

    t: int
    ts: float | None
    events: list[Note]


def frames_in(texts: Iterable[bytes]) -> Iterator[Frame]:
    """The frames among the lines of a tape."""
    for text in texts:
        if not text.startswith(GAP_START):
            message = orjson.loads(text)
            ts = message.get("ts")
            yield Frame(message["t"], ts if isinstance(ts, int | float) else None, list(_events(message)))


def events_in(texts: Iterable[bytes]) -> list[Note]:
    """The events of the frames among the lines of a tape."""
    return [note for frame in frames_in(texts) for note in frame.events]


def _events(message: dict[str, Any]) -> Iterator[Note]:
    told = message.get("events")
    if not isinstance(told, dict):
        return
    frame_t = message["t"]
    for burst in told.get("bursts", ()):
        t, last_t, score = burst["t0"], burst["t1"], burst["score"]
        what = {"t": t, "kind": "burst", "size": last_t - t + 1, "score": score, "frame_t": frame_t}
        yield Note(frame_t, score, what)
    for shock in told.get("shocks", ()):
        what = {name: shock[name] for name in ("t", "kind", "size", "score")}
        yield Note(frame_t, shock["score"], {**what, "frame_t": frame_t})
