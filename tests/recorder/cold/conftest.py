"""What tests of the cold store begin with."""

from __future__ import annotations

from pathlib import Path

import pytest

from recorder.cold.bucket import Bucket, open_bucket
from recorder.digests.making import make_digests
from recorder.models import Market
from recorder.store.store_id import keep_store_id, new_store_id
from tests.recorder.store import Store


@pytest.fixture
def store(market: Market, tmp_path: Path) -> Store:
    """Two segments of each kind, with an id and digests."""
    directory = tmp_path / "store"
    directory.mkdir()
    market.store_id = new_store_id()
    market.save()
    keep_store_id(directory, market.store_id)
    found = Store(market, directory)
    for _ in range(2):
        found.record(60)
    make_digests(market, directory)
    return found


@pytest.fixture
def bucket(tmp_path: Path) -> Bucket:
    (tmp_path / "bucket").mkdir()
    return open_bucket(f"file://{tmp_path}/bucket")
