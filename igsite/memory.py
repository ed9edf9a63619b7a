"""How the process's memory is kept: what is freed goes back to the system."""

from __future__ import annotations

import ctypes

#: Parameters of glibc's `mallopt`, by their numbers in malloc.h, and what they are set to.
_SETTINGS = {
    -8: 2,  # M_ARENA_MAX
    -3: 128 << 10,  # M_MMAP_THRESHOLD
    -1: 256 << 10,  # M_TRIM_THRESHOLD
}


def give_back_what_is_freed() -> None:
    """Let memory that many clients needed once go when they have gone. To be called before threads start.

    glibc gives each thread a heap of its own, up to eight a core, which grows to what its thread ever needed at once
    and keeps most of that, and the more large blocks it has seen freed, the larger ones it keeps. A web process with
    two hundred clients grew by a mebibyte a minute so, without an object more in it. Two heaps are enough for threads
    that hold Python's lock while they take memory. Other C libraries have no `mallopt` and need none of this.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for parameter, value in _SETTINGS.items():
            mallopt(parameter, value)
