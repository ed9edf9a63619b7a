"""The lease of a market: one writer across hosts, by a row taken by conditional update and renewed each second.

Only the database's clock counts: it stamps every renewal and judges its age in the same statement, so the clocks of the
hosts have no influence. (SQLite uses its host's clock; but then there is only one host.)
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from uuid import uuid4

from django.db import Error as DatabaseError
from django.db import connection
from django.db.models import DurationField, ExpressionWrapper, F, Q
from django.db.models.functions import Now

from recorder.errors import RecorderError
from recorder.models import Lease, Market
from recorder.store.lock import MarketHeld
from runtime.db_threads import close_connections, detached
from runtime.supervision import OnFailure, logged

RENEW_SECONDS = 1.0

#: A lease that was not renewed for this long is free: ten renewals are not missed by chance.
DEAD_SECONDS = 10.0

#: So long without a question whether the lease stands is no pause of a writer that runs.
_PAUSE_SECONDS = DEAD_SECONDS / 2

#: How long a writer waits then for the next renewal. A database that does not answer loses no lease.
_ANSWER_SECONDS = 5.0

#: It goes on while the host sleeps, where there is such a clock.
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

log = logging.getLogger(__name__)


class LeaseLost(RecorderError):
    """Another process writes the market now, or the lease is no longer renewed."""

    def __init__(self, symbol: str, reason: str) -> None:
        super().__init__(f"the lease of {symbol} is lost: {reason}")


class MarketLease:
    """Holds a market for this process, from its creation until `release`, and renews the row on its own thread.

    Only for the holder of the store's lock: because that was free, the previous holder of the same store on the same
    host is dead, and its lease is taken at once. Any other lease is taken DEAD_SECONDS after its last renewal.

    `host` must distinguish hosts: a name, and after a space what distinguishes those of one name. `on_lost` is called,
    on the thread, with a LeaseLost; nothing is renewed after that. An unavailable database loses no lease: the lease is
    renewed when the database is back, unless another host was faster. The same holds for any other failure of a
    renewal, which is passed to `on_failure`. `clock` counts seconds, those of a suspended host too.
    """

    def __init__(
        self,
        market: Market,
        *,
        holder: str,
        host: str,
        store: str,
        on_lost: Callable[[LeaseLost], None],
        on_failure: OnFailure = logged,
        silence_seconds: float | None = None,
        renew_seconds: float = RENEW_SECONDS,
        clock: Callable[[], float] = lambda: time.clock_gettime(_CLOCK),
    ) -> None:
        """Takes the lease and stores in it how long the market may be silent. Raises MarketHeld, django.db.Error."""
        self._market, self._on_lost, self._on_failure = market, on_lost, on_failure
        self._renew_seconds, self._clock = renew_seconds, clock
        self._claim = {
            "token": uuid4().hex,
            "holder": holder,
            "host": host,
            "store": store,
            "silence_seconds": silence_seconds,
        }
        self._mine = Lease.objects.filter(market=market, token=self._claim["token"])
        self._unrecorded_to: Callable[[], int | None] | None = None
        #: The error that `on_lost` is called with.
        self.lost: LeaseLost | None = None
        self._asked_at = self._renewed_at = clock()
        self._renewed = threading.Condition()
        self.left_unrecorded_to = self._take()
        self._ending = threading.Event()
        self._thread = threading.Thread(
            target=partial(detached, self._keep), name=f"lease {market.symbol}", daemon=True
        )
        self._thread.start()

    def note_unrecorded(self, unrecorded_to: Callable[[], int | None]) -> None:
        """From now on store in the row what this returns: the last tick that was streamed and not recorded.

        Until then the row keeps the value of the previous holder, which is `left_unrecorded_to` here.
        """
        self._unrecorded_to = unrecorded_to

    def is_held(self) -> bool:
        """Whether no other holder is known; for a writer, before it writes, from any thread.

        One that was suspended may have been followed by another, and waits for the next renewal, which tells.
        """
        if self._clock() - self._asked_at > _PAUSE_SECONDS:
            with self._renewed:
                self._renewed.wait_for(lambda: self.lost is not None or self._is_fresh(), _ANSWER_SECONDS)
        self._asked_at = self._clock()
        return self.lost is None

    def _is_fresh(self) -> bool:
        return self._clock() - self._renewed_at <= DEAD_SECONDS

    def release(self) -> None:
        """Release the market at once. Raises django.db.Error; even then nothing is renewed any more."""
        self._ending.set()
        self._mine.update(**self._news(), token="")
        self._thread.join()

    def _take(self) -> int | None:
        Lease.objects.get_or_create(market=self._market)
        long = timedelta(seconds=DEAD_SECONDS)
        # A renewal in the future was made before the clock went back; a living holder has renewed it since.
        dead = Q(renewed_at__lt=Now() - long) | Q(renewed_at__gt=Now() + long)
        free = Lease.objects.filter(Q(token="") | dead | self._here(), market=self._market)
        if not free.update(**self._claim, renewed_at=Now()):
            raise MarketHeld(self._market.symbol, self._who_holds())
        return Lease.objects.values_list("unrecorded_to", flat=True).get(market=self._market)

    def _here(self) -> Q:
        """The leases of former holders of this store on this host."""
        store, host = Q(store=self._claim["store"]), str(self._claim["host"])
        if connection.vendor == "sqlite":
            # All users of the database are on one host, and its name says so; the rest distinguishes boots.
            return store & (Q(host=host) | Q(host__startswith=f"{host.split(' ')[0]} "))
        return store & Q(host=host)

    def _who_holds(self) -> str:
        age = ExpressionWrapper(Now() - F("renewed_at"), DurationField())
        lease = Lease.objects.annotate(age=age).get(market=self._market)
        return f"{lease.holder}, which renewed its lease {lease.age.total_seconds():.1f} s ago"

    def _keep(self) -> None:
        while not self._ending.wait(self._renew_seconds):
            begun_at = self._clock()
            try:
                self._renew()
            except LeaseLost as lost:
                self._tell(begun_at, lost)
                self._on_lost(lost)
                break
            except DatabaseError as error:
                # The writer of the manifest's rows reports an outage; a second report would add nothing.
                log.debug("%s: the lease cannot be renewed now: %s", self._market.symbol, error)
                close_connections()
            except Exception as error:  # noqa: BLE001 (told, and no reason to stop: who takes the market over is found)
                self._on_failure(f"lease of {self._market.symbol}", error)
                close_connections()
            else:
                self._tell(begun_at)

    def _tell(self, begun_at: float, lost: LeaseLost | None = None) -> None:
        """What a renewal that was begun then has come to, for those who wait."""
        with self._renewed:
            self._renewed_at, self.lost = begun_at, lost
            self._renewed.notify_all()

    def _renew(self) -> None:
        """Raises LeaseLost, django.db.Error."""
        if self._mine.update(**self._news(), renewed_at=Now()) or self._ending.is_set():
            return
        # A missing row is not a rival: the database was created anew. A rival that creates it first wins.
        lease, made = Lease.objects.get_or_create(market=self._market, defaults={**self._claim, "renewed_at": Now()})
        if not made and lease.token != self._claim["token"]:
            raise LeaseLost(self._market.symbol, f"{lease.holder} has taken it")

    def _news(self) -> dict[str, int | None]:
        return {} if self._unrecorded_to is None else {"unrecorded_to": self._unrecorded_to()}
