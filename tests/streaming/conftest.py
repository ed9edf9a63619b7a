"""What tests of the relay share."""

from __future__ import annotations

import pytest


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """A relay takes what it hears as settled at once, and looks for what is missing once."""
    for name in ("relay.relay._SETTLE_SECONDS", "relay.filling._HOLE_SECONDS", "relay.filling._HOLE_PAUSE_SECONDS"):
        monkeypatch.setattr(f"streaming.{name}", 0.0)
