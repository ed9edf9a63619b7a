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


#: What refers to itself and has lasted: only a full collection finds it, and there is no other for a long time.
RINGS = """
import asyncio, gc, weakref
from runtime import garbage

class Ring:
    def __init__(self):
        self.own = self

async def run():
    gone = asyncio.Event()
    ring = Ring()
    weakref.finalize(ring, gone.set)
    gc.collect()  # it has lasted
    gc.disable()
    del ring
    collecting = asyncio.create_task(garbage.collect_often(0.01))
    waiting = asyncio.create_task(gone.wait())
    await asyncio.wait({collecting, waiting}, return_when=asyncio.FIRST_COMPLETED)
    assert gone.is_set(), collecting

asyncio.run(run())
"""


def test_what_refers_to_itself_does_not_lie_about() -> None:
    subprocess.run([sys.executable, "-c", RINGS], cwd=ROOT, check=True, timeout=PATIENCE_SECONDS)
