"""Clients of these tests have patience: a server that is slow, since the machine is busy, does answer."""

from __future__ import annotations

import pytest

from tests.processes import PATIENCE_SECONDS

#: What a client waits for by itself. How long a stop waits for a thread is not among it.
_LIMITS = (
    *("bars.history._TIMEOUT_SECONDS", "store.store._TIMEOUT_SECONDS", "command._TIMEOUT_SECONDS"),
    *("stream.replay._TIMEOUT_SECONDS", "stream.price_ranges._TIMEOUT_SECONDS"),
    *("stream.client._OPEN_SECONDS", "feed.client._OPEN_SECONDS"),
)


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in _LIMITS:
        monkeypatch.setattr(f"marketcamera.{name}", PATIENCE_SECONDS)
