"""Events read off the tail of frames."""

from __future__ import annotations

import json
from typing import Any

import pytest

from alerts.market_events import EventObserver, events_of, recorded_events
from streaming.protocol import Moment as Recorded

BURST = {"t0": 1, "t1": 2, "kind": "match", "score": 4.5}
SHOCK = {"t": 1, "kind": "price", "size": -0.5, "score": 5.5}


def frame(events: dict[str, Any]) -> bytes:
    message = {"type": "frame", "t": 9, "nodes": [{"events": {}}], "edges": [], "events": events}
    return json.dumps(message, separators=(",", ":")).encode()


@pytest.mark.parametrize("events", [{"bursts": [BURST], "shocks": []}, {"bursts": [BURST, BURST], "shocks": [SHOCK]}])
def test_the_events_of_a_frame_are_found(events: dict[str, Any]) -> None:
    assert events_of(frame(events)) == events


def test_a_frame_without_events_and_no_frame_give_none() -> None:
    assert events_of(frame({"bursts": [], "shocks": []})) is None
    assert events_of(None) is None


def test_the_observer_tells_their_market_time() -> None:
    class Tick:
        ts = 1234.5

    class Moment:
        def __init__(self, content: bytes | None) -> None:
            self.frame = content

    observer: Any = EventObserver()
    assert observer.observe(Tick, Moment(None)) is None
    seen = observer.observe(Tick, Moment(frame({"bursts": [], "shocks": [SHOCK]})))
    assert seen == {"ts": 1234.5, "bursts": [], "shocks": [SHOCK]}


def test_a_recorded_moment_tells_what_the_observer_did() -> None:
    def recorded(events: dict[str, Any]) -> dict[str, Any] | None:
        return recorded_events(Recorded(9, b'{"type":"tick","t":9,"ts":1234.5}', None, frame(events)))

    assert recorded({"bursts": [BURST], "shocks": []}) == {"ts": 1234.5, "bursts": [BURST], "shocks": []}
    assert recorded({"bursts": [], "shocks": []}) is None
    assert recorded_events(Recorded(8, b'{"type":"tick","t":8,"ts":1233.5}')) is None
