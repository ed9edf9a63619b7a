"""A store with digests, as making them leaves it."""

from __future__ import annotations

import pytest

from recorder.digests.making import make_digests
from recorder.models import Market
from tests.recorder.store import Store


@pytest.fixture
def market(db: None) -> Market:
    return Market.objects.create(symbol="IG-USD")


@pytest.fixture
def store(market: Market, tmp_path) -> Store:
    """Three segments of 200, 100 and 1 ticks, metrics every second tick."""
    store = Store(market, tmp_path)
    for ticks in (200, 100, 1):
        store.record(ticks)
    return store


@pytest.fixture
def digested(store: Store) -> Store:
    make_digests(store.market, store.directory)
    return store
