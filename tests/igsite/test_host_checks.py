"""`manage.py deploycheck`: what of a host is not as the settings say, in words."""

from __future__ import annotations

import resource
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from igsite import host_checks
from igsite.config import Config

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_what_does_not_answer_is_told_with_what_to_do(run_command: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = run_command(
        "deploycheck",
        DATABASE_URL="postgres://market:secret@127.0.0.1:1/market",
        REDIS_URL="redis://127.0.0.1:1/0",
        IG_CAM_STORE_DIR=tmp_path / "file" / "store",
    )
    assert done.returncode == 1
    for said in ("igsite.E001: The database cannot be used", "igsite.E002: Redis cannot be used", "recorder.E001"):
        assert said in done.stdout
    assert "igsite.W002: IG_TLS is not set" in done.stdout  # what `check --deploy` says stands there too
    assert ":secret@" not in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.django_db(transaction=True)
def test_limits_that_are_low_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backlog = tmp_path / "somaxconn"
    backlog.write_text("128\n")
    monkeypatch.setattr(host_checks, "_SOMAXCONN", backlog)
    real = resource.getrlimit
    few = {resource.RLIMIT_NOFILE: (64, 256)}
    monkeypatch.setattr(resource, "getrlimit", lambda which: few.get(which) or real(which))
    config = replace(Config(), store_dir=tmp_path / "store", retain_disk_percent=0.0, redis_url="")
    assert [one.id for one in host_checks.host_checks(config)] == [f"igsite.W0{n:02}" for n in (7, 8, 9, 10)]
