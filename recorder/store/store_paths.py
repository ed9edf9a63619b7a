"""The stores of this installation, for commands: which markets there are, and which may be written."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from recorder.cold.copies import is_elsewhere
from recorder.digests.digest_files import DIRECTORY
from recorder.models import Market
from recorder.segment.layout import KINDS, SYMBOL_PATTERN, market_dir
from recorder.store.lock import StoreLock
from recorder.store.store_id import read_store_id


def directory_of(symbol: str) -> Path:
    """The directory of a market's files. Raises BadName."""
    return market_dir(settings.CONFIG.store_dir, symbol, settings.CONFIG.symbol)


def is_here(symbol: str) -> bool:
    """Whether a market has its store on a disk of this machine: the root is there on each, whosever files lie in it.

    Raises BadName.
    """
    return directory_of(symbol).is_dir() and not is_of_another(symbol)


def is_of_another(symbol: str) -> bool:
    """Whether what there is of a market is on another machine, or in the bucket. Raises BadName.

    With its id, a directory without segments is that of a store whose disk was lost and which goes on here.
    """
    directory = directory_of(symbol)
    return is_elsewhere(directory / "ticks") and read_store_id(directory) is None


def markets_here(root: Path, home_symbol: str) -> list[Market]:
    """The markets whose files are on a disk of this machine: with a bucket, others may be on that of another one.

    `root` is the store. Raises django.db.Error.
    """
    return [one for one in Market.objects.all() if not is_elsewhere(one.directory(root, home_symbol) / "ticks")]


def symbols() -> list[str]:
    """The markets in the database, and those found only in the store's directories."""
    root: Path = settings.CONFIG.store_dir
    known = set(Market.objects.values_list("symbol", flat=True))
    if _is_store(root):
        known.add(settings.CONFIG.symbol)
    if root.is_dir():
        known |= {path.name for path in root.iterdir() if SYMBOL_PATTERN.fullmatch(path.name) and _is_market(path)}
    return sorted(known)


@contextmanager
def locked(directory: Path, symbol: str) -> Iterator[None]:
    """Hold a market's store, so that no other process writes it meanwhile. Raises MarketHeld, StoreError."""
    lock = StoreLock(directory, symbol, f"process {os.getpid()} on {socket.gethostname()}")
    try:
        yield
    finally:
        lock.release()


def _is_market(path: Path) -> bool:
    """Whether a directory of the root is a market's: digests of the home market have directories of kinds, too."""
    return _is_store(path) and (path.name != DIRECTORY or (path / "ticks").is_dir())


def _is_store(path: Path) -> bool:
    return any((path / kind).is_dir() for kind in KINDS)
