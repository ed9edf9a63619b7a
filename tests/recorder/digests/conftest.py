"""A store with digests, as making them leaves it."""

from __future__ import annotations

from pathlib import Path

import pytest

from recorder.digests.making import make_digests
from recorder.models import Market
from tests.recorder.made_once import made_once
from tests.recorder.store import Store


@pytest.fixture
def market(db: None) -> Market:
    return Market.objects.create(symbol="IG-USD")


@pytest.fixture
def store(market: Market, tmp_path: Path) -> Store:
    """Three segments of 200, 100 and 1 ticks, metrics every second tick."""
    return made_once(market, tmp_path, recorded)


@pytest.fixture
def digested(market: Market, tmp_path: Path) -> Store:
    """The same, with its digests."""
    return made_once(market, tmp_path, recorded_and_digested)


def recorded(store: Store) -> None:
    for ticks in (200, 100, 1):
        store.record(ticks)


def recorded_and_digested(store: Store) -> None:
    recorded(store)
    make_digests(store.market, store.directory)
