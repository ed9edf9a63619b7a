"""The pages' modules that draw nothing, by Node's own test runner."""

import subprocess
from pathlib import Path

from tests import services
from tests.processes import PATIENCE_SECONDS

HERE = Path(__file__).parent


def test_the_modules_without_a_browser() -> None:
    # The files one by one: what a directory means to the runner differs between Node's versions.
    files = sorted(str(path) for path in HERE.glob("*.test.mjs"))
    assert files
    ran = subprocess.run(
        [services.program("node"), "--test", *files], capture_output=True, text=True, timeout=PATIENCE_SECONDS
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
