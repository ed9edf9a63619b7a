"""Ownership of a market: the lock on its store, its lease, and what is to be written when both are released."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from django.db import Error as DatabaseError
from django.db import connections

from recorder.errors import StoreError
from recorder.models import Market
from recorder.store.lease import LeaseLost, MarketLease
from recorder.store.lock import StoreLock
from recorder.store.store_id import keep_store_id, read_store_id
from runtime.supervision import supervisor
from runtime.threads import PrestartedThread

log = logging.getLogger(__name__)

_LAST_WORDS_SECONDS = 3.0


class MarketOwnership:
    """A market's store, locked, and from `take_lease` on its lease too; both until `let_go`.

    `host` tells this host from others (by default its name and the id of its boot). Raises StoreError, MarketHeld.
    """

    def __init__(self, directory: Path, symbol: str, host: str | None = None) -> None:
        self._directory, self._symbol, self._host = directory, symbol, host or _host()
        self._last_words, self._mouth = ExitStack(), PrestartedThread("last words")
        self._lock: StoreLock | None = None
        self._store_id: str | None = None
        self.hold_store()

    def hold_store(self) -> None:
        """See to it that the store is there, locked by us and has its id; it may be taken away while we write. Raises
        StoreError, MarketHeld."""
        if self._lock is None or not self._lock.stands:
            self._lock_store()
        if self._store_id is not None and read_store_id(self._directory) != self._store_id:
            keep_store_id(self._directory, self._store_id)

    def keep_id(self, market: Market, store_id: str) -> None:
        """The id of the store from now on, in the store and in the market's row. Raises StoreError, MarketHeld,
        django.db.Error."""
        self._store_id = store_id
        self.hold_store()
        if market.store_id != store_id:
            market.store_id = store_id
            market.save(update_fields=["store_id"])

    def _lock_store(self) -> None:
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(self._directory, error) from error
        lock = StoreLock(self._directory, self._symbol, _holder())
        if self._lock is not None:
            self._lock.release()
        self._lock = lock

    def take_lease(self, market: Market, silence_seconds: float, on_lost: Callable[[LeaseLost], None]) -> MarketLease:
        """The market's lease, released at the end. Raises MarketHeld, django.db.Error."""
        lease = MarketLease(
            market,
            holder=_holder(),
            host=self._host,
            store=str(self._directory),
            on_lost=on_lost,
            on_failure=supervisor.failed,
            silence_seconds=silence_seconds,
        )
        self.at_end(lease.release)
        return lease

    def at_end(self, say: Callable[[], object]) -> None:
        """Have `say` called by `let_go`; what was handed in last is called first."""
        self._last_words.callback(say)

    def let_go(self) -> None:
        """Tell the database that all is over, and let the next writer in. A database that is away holds nothing up."""
        self._mouth.start(self._say_last_words)
        if not self._mouth.join(_LAST_WORDS_SECONDS):
            log.error("%s: the database takes too long to hear of the end", self._symbol)
        if self._lock is not None:
            self._lock.release()

    def _say_last_words(self) -> None:
        try:
            self._last_words.close()
        except DatabaseError as error:
            log.error("%s: the database did not hear of the end: %s", self._symbol, error)
        finally:
            connections.close_all()


def _holder() -> str:
    return f"process {os.getpid()} on {socket.gethostname()}"


def boot_id() -> str:
    """What tells this boot from every other, of this host and of all; "" where nothing does."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""  # not Linux


def _host() -> str:
    """What tells this host from others, such as were given the same name."""
    return f"{socket.gethostname()} {boot_id()}".strip()
