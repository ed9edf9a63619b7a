"""How a signal stops a process."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.processes import PATIENCE_SECONDS, ROOT

#: The signal comes while the main thread is within `stop.wait()`: between its steps it holds this lock.
WITHIN_A_WAIT = """
import os, sys, threading
from runtime.stopping import stop_at_signals

stop = threading.Event()
stop_at_signals(stop)
with stop._cond:
    os.kill(os.getpid(), int(sys.argv[1]))
sys.exit(0 if stop.wait() else 1)
"""


@pytest.mark.parametrize("number", [2, 15])
def test_a_signal_in_the_middle_of_a_wait_ends_it(number: int) -> None:
    command = [sys.executable, "-c", WITHIN_A_WAIT, str(number)]
    assert subprocess.run(command, cwd=ROOT, timeout=PATIENCE_SECONDS).returncode == 0
