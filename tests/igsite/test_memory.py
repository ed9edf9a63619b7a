"""A process of many threads keeps few heaps."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

from tests.processes import PATIENCE_SECONDS, ROOT

#: Sixteen threads at once take memory; then glibc says of which heaps.
PROGRAM = """
import ctypes, sys, threading
from igsite.memory import give_back_what_is_freed
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
if sys.argv[1] == "set":
    give_back_what_is_freed()
meet = threading.Barrier(16)
def take():
    meet.wait()
    for _ in range(1000):
        libc.malloc(5000)
threads = [threading.Thread(target=take) for _ in range(16)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
libc.malloc_stats()
"""


def heaps(how: str) -> int:
    command = [sys.executable, "-c", PROGRAM, how]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    assert ran.returncode == 0, ran.stderr
    return sum(line.startswith("Arena ") for line in ran.stderr.splitlines())


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_stats"), reason="this C library is not glibc")
def test_threads_share_two_heaps() -> None:
    assert heaps("unset") > 2, "else there is nothing to be set any more"
    assert heaps("set") == 2
