"""Who owns a market's store."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from pipeline.ownership import MarketOwnership
from recorder.errors import StoreError


def test_a_store_that_cannot_be_had_costs_no_thread(tmp_path: Path) -> None:
    """A market tries it again each second while its disk is full or away."""
    away = tmp_path / "file" / "store"
    away.parent.write_text("")
    before = set(threading.enumerate())
    for _ in range(3):
        with pytest.raises(StoreError):
            MarketOwnership(away, "IG-USD")
    assert not {one for one in set(threading.enumerate()) - before if one.name == "last words"}
