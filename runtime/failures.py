"""Trouble on a thread of the recorder's, which goes on all the same: who is told of it."""

from __future__ import annotations

import logging
from collections.abc import Callable

log = logging.getLogger(__name__)

#: Called with the name of what failed and its error, each time it did; from any thread.
OnFailure = Callable[[str, BaseException], None]


def logged(name: str, error: BaseException) -> None:
    """Tell the log alone."""
    log.error("%s failed", name, exc_info=error)
