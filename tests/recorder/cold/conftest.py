"""What tests of the cold store begin with."""

from __future__ import annotations

from pathlib import Path

import pytest

from recorder.cold.bucket import Bucket, open_bucket
from recorder.digests.making import make_digests
from recorder.models import Market
from recorder.store.store_id import keep_store_id, new_store_id
from tests.recorder.made_once import made_once
from tests.recorder.store import Store


@pytest.fixture
def store(market: Market, tmp_path: Path) -> Store:
    """Two segments of each kind, with an id and digests."""
    directory = tmp_path / "store"
    found = made_once(market, directory, recorded)
    market.store_id = new_store_id()
    market.save()
    keep_store_id(directory, market.store_id)
    return found


def recorded(store: Store) -> None:
    for _ in range(2):
        store.record(60)
    make_digests(store.market, store.directory)


@pytest.fixture
def bucket(tmp_path: Path) -> Bucket:
    (tmp_path / "bucket").mkdir()
    return open_bucket(f"file://{tmp_path}/bucket")
