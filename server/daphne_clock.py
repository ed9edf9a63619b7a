"""Daphne's clock: it measures how long things take by the host's clock, and here by one that nobody sets.

Else a clock that is set back a day would keep its pings from idle sockets for that day.
"""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import daphne.server  # isort: skip  (installs the reactor, so it must come first)
import daphne.http_protocol
import daphne.ws_protocol

_MODULES: tuple[Any, ...] = (daphne.server, daphne.http_protocol, daphne.ws_protocol)


def use_monotonic_time() -> None:
    """From now on; before anything is served."""
    for module in _MODULES:
        module.time = SimpleNamespace(time=time.monotonic)
