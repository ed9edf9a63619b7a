"""Stores that many tests begin with: made for the first of them, and copied, files and rows, for all others."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy, deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db.models import Model

from recorder.models import DigestChunk, Inventory, Market, Run, Segment
from tests.recorder.store import Store

#: Fills a store; a function of a module, by which the store is known.
Fill = Callable[[Store], None]


@dataclass(frozen=True)
class _Made:
    """What a store consists of: the content of its files by their paths, its rows, and what goes on from there."""

    files: dict[Path, bytes]
    rows: list[Model]
    store: Store


_made: dict[Fill, _Made] = {}


def made_once(market: Market, directory: Path, fill: Fill) -> Store:
    """The store that `fill` makes of an empty directory, for a market without rows."""
    assert not _files(directory), "each store has what is its own, an id for instance, only after it was filled"
    if fill in _made:
        return _copied(_made[fill], market, directory)
    store = Store(market, directory)
    fill(store)
    _made[fill] = _Made(_files(directory), _rows(market), _apart(store))
    return store


def _files(directory: Path) -> dict[Path, bytes]:
    return {path.relative_to(directory): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def _rows(market: Market) -> list[Model]:
    """All rows of a market, runs before the segments in them."""
    kinds: tuple[type[Model], ...] = (Run, Segment, Inventory, DigestChunk)
    return [row for kind in kinds for row in kind._default_manager.filter(market=market).order_by("pk")]


def _apart(store: Store, **own: Any) -> Store:
    """A store that goes on by itself, with a simulator, a camera and a clock of its own; rows are shared."""
    rows: list[Model] = [store.market, store.run]
    apart = deepcopy(store, {id(row): row for row in rows})
    vars(apart).update(own)
    return apart


def _copied(made: _Made, market: Market, directory: Path) -> Store:
    for path, content in made.files.items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_bytes(content)
    runs: dict[int, Run] = {}
    rows = [_row(row, market, runs) for row in made.rows]
    for kind in dict.fromkeys(map(type, rows)):
        kind._default_manager.bulk_create([row for row in rows if type(row) is kind and row.pk is None])
    return _apart(made.store, market=market, directory=directory, run=runs[made.store.run.pk])


def _row(row: Any, market: Market, runs: dict[int, Run]) -> Any:
    """The row as one of this market; a run has a key at once, since segments refer to it."""
    mine = copy(row)
    mine._state = copy(row._state)
    mine.pk, mine.market = None, market
    if isinstance(row, Run):
        mine.save(force_insert=True)
        runs[row.pk] = mine
    elif isinstance(row, Segment) and row.run_id is not None:
        mine.run = runs[row.run_id]
    return mine
