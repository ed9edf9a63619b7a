"""What tests of the relay share."""

from __future__ import annotations

import math

import pytest

STANDSTILL = "streaming.relay.rush._STANDSTILL_SECONDS"


@pytest.fixture(autouse=True)
def _no_standstill(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine of a test may stand still at any time: a relay that beats then hands out later than it says here."""
    monkeypatch.setattr(STANDSTILL, math.inf)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """A relay takes what it hears as settled at once, and looks for what is missing once."""
    for name in ("relay.relay._SETTLE_SECONDS", "relay.filling._HOLE_SECONDS", "relay.filling._HOLE_PAUSE_SECONDS"):
        monkeypatch.setattr(f"streaming.{name}", 0.0)
