"""The sums of rows that are counted anew while a clean-up changes them, on a database with several writers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.processes import PATIENCE_SECONDS
from tests.services import PostgresServer

ROOT = Path(__file__).resolve().parents[2]


def test_a_segment_removed_while_rows_are_counted_is_counted_once(tmp_path: Path) -> None:
    postgres = PostgresServer(tmp_path)
    try:
        postgres.start()
        env = {**os.environ, "DJANGO_SETTINGS_MODULE": "igsite.settings", "DATABASE_URL": postgres.url}
        program = [sys.executable, "-m", "tests.recorder.recount_program"]
        done = subprocess.run(program, env=env, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    finally:
        postgres.end()
    assert done.stdout == "2 1\n", done.stderr
