"""Runs manage.py and ends it at an exact point of its work: `crashing.py POINT COMMAND …`.

POINT is `function:n:how`: at the n-th call of the function the process is killed `before` or `after` it, or the call
does `raise`. With FSYNC_LOG set, each fsync is noted there: path and size, which is what a power cut would leave.
"""

from __future__ import annotations

import os
import signal
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))


def crash_at(name: str, number: int, how: str) -> None:
    holder, attribute = _holder(name)
    real = getattr(holder, attribute)
    calls = []

    def call(*args: Any, **more: Any) -> Any:
        calls.append(1)
        if len(calls) != number:
            return real(*args, **more)
        if how == "raise":
            raise RuntimeError(f"call {number} of {name} fails")
        if how == "after":
            real(*args, **more)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("nobody comes so far")

    setattr(holder, attribute, call)


def note_fsyncs(log: str) -> None:
    real = os.fsync

    def fsync(handle: int) -> None:
        real(handle)
        path = os.readlink(f"/proc/self/fd/{handle}")
        with open(log, "a") as file:
            file.write(f"{os.fstat(handle).st_size} {path}\n")

    os.fsync = fsync


def _holder(name: str) -> tuple[Any, str]:
    """What holds the function: a module, or a class in one."""
    *path, attribute = name.split(".")
    for length in range(len(path), 0, -1):
        try:
            holder: Any = import_module(".".join(path[:length]))
        except ModuleNotFoundError:
            continue
        for part in path[length:]:
            holder = getattr(holder, part)
        return holder, attribute
    raise AttributeError(name)


def main() -> None:
    import django
    from django.core.management import call_command

    django.setup()
    name, number, how = sys.argv[1].split(":")
    if log := os.environ.pop("FSYNC_LOG", ""):
        note_fsyncs(log)
    crash_at(name, int(number), how)
    call_command(sys.argv[2], *sys.argv[3:])


if __name__ == "__main__":
    main()
