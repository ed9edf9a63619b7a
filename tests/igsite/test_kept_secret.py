"""The secret key that is made once: whole, private, and the same for all who start at once."""

from __future__ import annotations

import multiprocessing
from pathlib import Path
from typing import Any

import pytest

from igsite.config import ConfigError
from igsite.kept_secret import kept_secret
from tests.processes import PATIENCE_SECONDS

_STARTS, _ROUNDS = 4, 100


def _starts(directory: Path, together: Any, told: Any) -> None:
    for one in range(_ROUNDS):
        together.wait()
        told.put((one, kept_secret(directory / f"secret{one}")))


def test_first_starts_at_once_agree_on_a_whole_key(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    together, told = context.Barrier(_STARTS), context.Queue()
    starts = [context.Process(target=_starts, args=(tmp_path, together, told)) for _ in range(_STARTS)]
    for start in starts:
        start.start()
    keys: dict[int, set[str]] = {}
    for _ in range(_STARTS * _ROUNDS):
        one, key = told.get(timeout=PATIENCE_SECONDS)
        keys.setdefault(one, set()).add(key)
    for start in starts:
        start.join()
    assert {len(of_round) for of_round in keys.values()} == {1}
    assert min(len(key) for of_round in keys.values() for key in of_round) > 60


def test_it_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "data" / "secret_key"
    key = kept_secret(path)
    assert kept_secret(path) == key
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["secret_key"]


def test_a_key_of_the_version_before_is_kept(tmp_path: Path) -> None:
    (tmp_path / "secret_key").write_text("made long ago")
    assert kept_secret(tmp_path / "secret_key") == "made long ago"


def test_a_directory_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    with pytest.raises(OSError, match="data"):
        kept_secret(tmp_path / "data" / "secret_key")


def test_an_empty_key_signs_nothing(tmp_path: Path) -> None:
    (tmp_path / "secret_key").touch()
    with pytest.raises(ConfigError, match=r"secret_key is empty; delete it, and the next start makes another key$"):
        kept_secret(tmp_path / "secret_key")
