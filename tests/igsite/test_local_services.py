"""deploy/local.py without its services: PostgreSQL's cluster is there whole, or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from deploy import local


class Started:
    """Services of which none is started."""

    def __init__(self) -> None:
        self.commands: list[list[str]] = []

    def start(self, name: str, command: list[str], **options: Any) -> None:
        self.commands.append(command)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = tmp_path / "home"
    made.mkdir()
    monkeypatch.setattr(local, "HOME", made)
    monkeypatch.setattr(local, "VERSIONS", tmp_path / "versions")
    monkeypatch.setattr(local, "unprivileged", lambda: None)
    monkeypatch.setattr(local, "until_open", lambda *_: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    return made


def install(home: Path, version: str, status: int = 0) -> Path:
    """Programs of a version; its initdb writes a part of a cluster in any case, and fails of this shell's locale."""
    programs = home.parent / "versions" / version / "bin"
    programs.mkdir(parents=True, exist_ok=True)
    initdb = f'echo "{version}" >PG_VERSION; echo >pg_hba.conf; case $* in *--locale=C*) exit {status} ;; esac; exit 1'
    for name, text in (("initdb", initdb), ("postgres", "")):
        (programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (programs / name).chmod(0o755)
    return programs


def test_a_cluster_that_could_not_be_made_is_made_at_the_next_start(home: Path) -> None:
    install(home, "15", status=1)
    with pytest.raises(SystemExit, match="initdb could not make a cluster"):
        local.postgres(Started())  # type: ignore[arg-type]
    assert not [path for path in home.iterdir() if path.is_dir()]
    install(home, "15")
    local.postgres(Started())  # type: ignore[arg-type]
    install(home, "15", status=1)  # which is not run again
    assert "@127.0.0.1:" in local.postgres(Started())  # type: ignore[arg-type]
    assert (home / "postgres" / "PG_VERSION").read_text() == "15\n"


def test_what_a_start_that_was_ended_has_left_is_no_cluster(home: Path) -> None:
    install(home, "15")
    (home / "postgres").mkdir()
    (home / "postgres.part").mkdir()
    (home / "postgres.part" / "half").touch()
    local.postgres(Started())  # type: ignore[arg-type]
    assert {path.name for path in (home / "postgres").iterdir()} == {"PG_VERSION", "pg_hba.conf"}
    assert not (home / "postgres.part").exists()


def test_the_newest_version_runs(home: Path) -> None:
    newest = [install(home, version) for version in ("9.6", "common", "15", "9.10")][2]
    started = Started()
    local.postgres(started)  # type: ignore[arg-type]
    ((program, *_),) = started.commands
    assert program == str(newest / "postgres")
