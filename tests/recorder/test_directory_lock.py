"""The lock of a directory: one holder at a time."""

from __future__ import annotations

from pathlib import Path

from recorder.store.directory_lock import alone_in


def test_one_at_a_time_is_alone(tmp_path: Path) -> None:
    with alone_in(tmp_path) as first:
        assert first
        with alone_in(tmp_path) as second:
            assert not second
    with alone_in(tmp_path) as third:
        assert third


def test_nobody_is_alone_in_what_is_not_there(tmp_path: Path) -> None:
    with alone_in(tmp_path / "gone") as alone:
        assert not alone
