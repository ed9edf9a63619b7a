"""Market events: bursts and shocks, read from frames: on the pipeline's thread, or from recorded ones."""

from __future__ import annotations

from typing import Any

import orjson

from market.tick import Tick
from streaming.protocol import Moment

_BEGIN = b'"events":'
_NONE = b'"events":{"bursts":[],"shocks":[]}}'


class EventObserver:
    """An observer of the pipeline (`pipeline.loop.Observer`)."""

    def observe(self, tick: Tick, moment: Moment) -> dict[str, Any] | None:
        """`{"ts", "bursts", "shocks"}` of a frame that has any; its market time is used for them."""
        events = events_of(moment.frame)
        return None if events is None else {"ts": tick.ts, **events}


def events_of(frame: bytes | None) -> dict[str, Any] | None:
    """The events at the end of a frame; None without any. Only the tail is parsed: a frame has 200 KB."""
    if frame is None or frame.endswith(_NONE):
        return None
    events: dict[str, Any] = orjson.loads(frame[frame.rindex(_BEGIN) + len(_BEGIN) : -1])
    return events


def recorded_events(moment: Moment) -> dict[str, Any] | None:
    """What the observer told of a moment with a tick, when the market made it."""
    events = events_of(moment.frame)
    return None if events is None else {"ts": orjson.loads(moment.tick or b"")["ts"], **events}
