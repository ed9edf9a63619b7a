"""The pages' modules that draw nothing, by Node's own test runner."""

import re
import subprocess
from pathlib import Path

import pytest

from tests import services
from tests.processes import PATIENCE_SECONDS

HERE = Path(__file__).parent

#: What a file does to everything else in its process: such a file has a process of its own.
_ALONE = re.compile(r"^ *globalThis\.\w+ =", re.MULTILINE)

FILES = sorted(HERE.glob("*.test.mjs"))
ALONE = [str(file) for file in FILES if _ALONE.search(file.read_text())]
TOGETHER = [str(file) for file in FILES if str(file) not in ALONE]


# A start of Node costs more than the tests of most files. They are named one by one: what a directory means to the
# runner differs between Node's versions.
@pytest.mark.parametrize(
    "arguments", [["--test", *ALONE], [str(HERE / "together.mjs"), *TOGETHER]], ids=["alone", "together"]
)
def test_the_modules_without_a_browser(arguments: list[str]) -> None:
    assert ALONE
    assert TOGETHER
    ran = subprocess.run(
        [services.program("node"), *arguments], capture_output=True, text=True, timeout=PATIENCE_SECONDS
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
