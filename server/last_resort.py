"""Ends a process that hangs while it stops."""

from __future__ import annotations

import os
import sys
import threading


def leave_after(seconds: float) -> None:
    """End the process after this time, from its own thread, even if the loop hangs."""

    def leave() -> None:
        message = f"Market Camera has not stopped within {seconds:g} s and leaves as it is"
        print(message, file=sys.stderr, flush=True)
        os._exit(1)

    limit = threading.Timer(seconds, leave)
    limit.daemon = True
    limit.start()
