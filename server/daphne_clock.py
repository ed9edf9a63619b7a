"""Daphne's clock: makes daphne measure durations by the monotonic clock instead of the host's clock.

Otherwise, after the clock is set back by a day, daphne would send no pings to idle sockets for that day.
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
    """Take effect from now on; to be called before anything is served."""
    for module in _MODULES:
        module.time = SimpleNamespace(time=time.monotonic)
