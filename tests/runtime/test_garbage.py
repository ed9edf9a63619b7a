"""What the collector looks at once a process has loaded its parts."""

from __future__ import annotations

import subprocess
import sys

from tests.processes import PATIENCE_SECONDS, ROOT

#: Exceptions that refer to themselves by their frames, far fewer than a quarter of the objects of the modules.
PROGRAM = """
import gc, weakref
import django.contrib.admin
from runtime import garbage

class Gone(Exception): ...

def fail():
    try:
        raise Gone
    except Gone as error:
        kept = error
        return weakref.ref(error)

before = len(gc.get_objects())
garbage.except_what_is_there()
assert len(gc.get_objects()) < before / 10
failed = [fail() for _ in range(before // 8)]
assert sum(one() is not None for one in failed) < len(failed) / 4
"""


def test_modules_are_no_matter_of_the_collector_and_circles_go_soon() -> None:
    subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, check=True, timeout=PATIENCE_SECONDS)
