"""The connection in simulated time: when the venue is asked whether the line lives, and what its answers count for."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from market.sources.hyperliquid import connection as module
from market.sources.hyperliquid.addresses import VenueAddresses
from market.sources.hyperliquid.connection import VenueConnection
from market.sources.hyperliquid.feed import Answered
from market.sources.hyperliquid.messages import Reader
from marketcamera.backoff import Backoff

PONG = orjson.dumps({"channel": "pong"})


class Line:
    """A WebSocket that brings each message at its time, and then is closed; seconds since it began."""

    def __init__(self, brings: list[tuple[float, bytes]]) -> None:
        self.now, self._brings, self.pings = 0.0, brings, list[float]()

    def recv(self, timeout: float) -> bytes:
        if not self._brings:
            raise ConnectionResetError
        if self._brings[0][0] > self.now:
            self.now = round(self.now + timeout, 6)
            raise TimeoutError
        return self._brings.pop(0)[1]

    def send(self, text: str) -> None:
        assert orjson.loads(text) == {"method": "ping"}
        self.pings.append(self.now)


def asked_and_answered(monkeypatch: pytest.MonkeyPatch, line: Any) -> list[tuple[float, float]]:
    """Of each answer when it came and when it was asked for, while a tick waits for a word."""
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: line.now))
    connection = VenueConnection(
        VenueAddresses("ws://venue/ws"), "BTC", Reader("venue", "BTC"), lambda: True, Backoff(0.01, 0.1)
    )
    found = []
    with pytest.raises(ConnectionResetError):
        for event, now in connection._listen(line):
            if isinstance(event, Answered):
                found.append((now, event.asked_at))
    return found


def test_an_answer_that_was_long_on_its_way_counts_for_the_ping_that_it_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    line = Line([(6.0, PONG), (6.2, PONG), (6.5, PONG)])
    answers = asked_and_answered(monkeypatch, line)
    first, second, third = line.pings[:3]
    assert (first < 0.2, 5 < second < 6, third) == (True, True, 6.2)
    assert answers == [(6.0, first), (6.2, second), (6.5, third)]


def test_an_answer_to_no_ping_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line([(0.0, PONG), (0.5, PONG)])
    assert asked_and_answered(monkeypatch, line) == [(0.5, line.pings[0])]
