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
from recorder.store.lock import MarketHeld, StoreLock
from recorder.store.store_id import keep_store_id, read_store_id
from runtime.supervision import supervisor
from runtime.threads import PrestartedThread

log = logging.getLogger(__name__)

_LAST_WORDS_SECONDS = 3.0

#: So many times as long may all of it take where the market ended by itself: nobody waits to kill it.
_UNHURRIED = 10


class MarketOwnership:
    """A market's store, locked, and from `take_lease` on its lease too; both until `let_go`.

    `host` distinguishes this host from others (by default its name and the id of its boot). Raises StoreError,
    MarketHeld.
    """

    def __init__(self, directory: Path, symbol: str, host: str | None = None) -> None:
        self._directory, self._symbol, self._host = directory, symbol, host or _host()
        self._lock: StoreLock | None = None
        self._lease: MarketLease | None = None
        self._store_id: str | None = None
        self._is_robbed = False
        self.hold_store()
        self._patience = 1
        # Behind what may fail: nobody would end its thread.
        self._last_words, self._mouth = ExitStack(), PrestartedThread("last words")

    def hold_store(self) -> None:
        """Ensure that the store exists, is locked by this process and has its id.

        The directory may be removed while the market writes. Raises StoreError, MarketHeld, LeaseLost.
        """
        self.check_lease()
        if self._lock is None or not self._lock.stands:
            self._lock_store()
        if self._store_id is not None and read_store_id(self._directory) != self._store_id:
            keep_store_id(self._directory, self._store_id)

    def check_lease(self) -> None:
        """Raises LeaseLost if another process is known to have the lease."""
        if self._lease is not None and not self._lease.is_held() and self._lease.lost is not None:
            raise self._lease.lost

    def is_mine(self) -> bool:
        """Whether no other process is known to write the market."""
        return not self._is_robbed and (self._lease is None or self._lease.is_held())

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
        try:
            lock = StoreLock(self._directory, self._symbol, _holder())
        except MarketHeld:
            self._is_robbed = self._lock is not None
            raise
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
        self._lease = lease
        self.at_end(lease.release)
        return lease

    def at_end(self, say: Callable[[], object], *, if_mine: bool = False) -> None:
        """Register `say` to be called by `let_go`; the last one registered is called first.

        With `if_mine` not where another process writes the market by then: it goes on with what this would end.
        """
        self._last_words.callback((lambda: self.is_mine() and say()) if if_mine else say)

    def close_at_end(self, close: Callable[[float], object], seconds: float) -> None:
        """Register `close` likewise, to be called with how many seconds it may take: these where the end hurries, none
        where another process writes the market by then."""
        self.at_end(lambda: close(seconds * self._patience * self.is_mine()))

    def let_go(self, *, hurry: bool = True) -> None:
        """Record the end in the database, and release the market to the next writer.

        With `hurry` an unavailable database causes no delay.
        """
        self._patience = 1 if hurry else _UNHURRIED
        self._mouth.start(self._say_last_words)
        if not self._mouth.join(_LAST_WORDS_SECONDS * self._patience):
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
    """The id of this boot, among all boots of all hosts; "" if there is none."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""  # not Linux


def _host() -> str:
    """The id of this host, also among hosts of the same name."""
    return f"{socket.gethostname()} {boot_id()}".strip()
