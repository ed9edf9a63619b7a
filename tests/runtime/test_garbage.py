"""What the collector looks at once a process has loaded its parts."""

from __future__ import annotations

import subprocess
import sys

from tests.processes import PATIENCE_SECONDS, ROOT

PROGRAM = """
import gc
import django.contrib.admin
from runtime import garbage

before = len(gc.get_objects())
garbage.except_what_is_there()
assert len(gc.get_objects()) < before / 10
"""


def test_modules_are_no_matter_of_the_collector() -> None:
    subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, check=True, timeout=PATIENCE_SECONDS)
