"""docs/security.md: each attack has a test that shows what stops it, and the test is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROW = re.compile(r"^\| (?P<attack>[^|]+) \| (?P<stops>[^|]+) \| (?P<tests>`tests/[^|]+) \|$", re.MULTILINE)
TEXT = (ROOT / "docs/security.md").read_text()
TABLE = TEXT.partition("## What could be tried\n")[2].partition("\n## ")[0]
ROWS = {found["attack"]: re.findall(r"`([^`]+)`", found["tests"]) for found in ROW.finditer(TABLE)}


def test_each_row_of_the_table_names_a_test() -> None:
    lines = [line for line in TABLE.splitlines() if line.startswith("| ")]
    assert len(ROWS) == len(lines) - 1 > 18, "a row has not three columns, or no test"


@pytest.mark.parametrize("attack", ROWS)
def test_the_tests_it_names_are_there(attack: str) -> None:
    for name in ROWS[attack]:
        path, _, function = name.partition("::")
        files = sorted((ROOT / path).rglob("test_*.py")) if (ROOT / path).is_dir() else [ROOT / path]
        text = "".join(file.read_text() for file in files)
        assert re.search(rf"^(async )?def {function or 'test_'}", text, re.MULTILINE), name
