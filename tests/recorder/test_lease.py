"""The lease of a market: taken by one, kept by renewing, taken over from who is dead, given back at the end."""

from __future__ import annotations

import threading
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.db import OperationalError, connection
from django.db.models.functions import Now

from recorder.models import Lease, Market
from recorder.store import lease as lease_module
from recorder.store.lease import MarketLease
from recorder.store.lock import MarketHeld
from tests.processes import PATIENCE_SECONDS, wait_until

pytestmark = pytest.mark.django_db(transaction=True)


#: After so long a holder counts as dead in these tests: none dies while a test goes on.
DEAD_SECONDS = 3600.0


@pytest.fixture(autouse=True)
def _lasting(monkeypatch):
    monkeypatch.setattr(lease_module, "DEAD_SECONDS", DEAD_SECONDS)
    monkeypatch.setattr(lease_module, "_PAUSE_SECONDS", DEAD_SECONDS / 2)


@pytest.fixture
def market():
    return Market.objects.create(symbol="IG-USD")


@pytest.fixture
def take(market):
    """Takes the market's lease as some host; what is not released is at the end of the test."""
    leases = []

    def take(host, *, store="/store", on_lost=lambda lost: None, renew_seconds=3600.0, **more):
        leases.append(
            MarketLease(
                market,
                holder=f"process 7 on {host}",
                host=host,
                store=store,
                on_lost=on_lost,
                renew_seconds=renew_seconds,
                **more,
            )
        )
        return leases[-1]

    yield take
    for lease in leases:
        lease.release()


def last_renewed(seconds_ago):
    Lease.objects.update(renewed_at=Now() - timedelta(seconds=seconds_ago))


def age():
    return Lease.objects.annotate(now=Now()).get().now - Lease.objects.get().renewed_at


def test_another_host_is_told_who_holds_the_market(take):
    take("a")
    with pytest.raises(MarketHeld, match=r"^the market IG-USD is held by process 7 on a, which renewed its lease \d"):
        take("b")


def test_another_store_on_the_same_host_is_another_writer(take):
    take("a")
    with pytest.raises(MarketHeld):
        take("a", store="/elsewhere")


def test_the_same_store_on_the_same_host_is_taken_at_once(take):
    """Whoever held it is dead: the lock of the store was given anew."""
    take("a")
    take("a")


def test_some_time_after_the_last_renewal_the_holder_counts_as_dead(take):
    take("a")
    last_renewed(DEAD_SECONDS - 600)
    with pytest.raises(MarketHeld, match=r"renewed its lease 3\d\d\d\.\d s ago"):
        take("b")
    last_renewed(DEAD_SECONDS + 0.1)
    take("b")
    assert Lease.objects.get().host == "b"


def test_a_lease_from_the_future_locks_nobody_out(take):
    """As after a power cut by which the clock of the host lost hours."""
    take("a")
    last_renewed(-DEAD_SECONDS + 600)
    with pytest.raises(MarketHeld):
        take("b")
    last_renewed(-3 * 3600)
    take("b")
    assert Lease.objects.get().host == "b"


def test_after_a_reboot_the_store_on_the_same_host_is_taken_at_once(take, monkeypatch):
    take("a 1111")
    take("a 2222")
    with pytest.raises(MarketHeld):
        take("ab 3333")
    with pytest.raises(MarketHeld):
        take("a 3333", store="/elsewhere")
    # Where a server keeps the database, two hosts may have one name.
    monkeypatch.setattr(lease_module, "connection", SimpleNamespace(vendor="postgresql"))
    with pytest.raises(MarketHeld):
        take("a 3333")


def test_a_lease_that_is_given_back_is_free_at_once(take):
    take("a").release()
    assert Lease.objects.get().token == ""
    assert str(Lease.objects.get()) == "IG-USD: free"
    take("b")
    assert str(Lease.objects.get()) == "IG-USD: process 7 on b"


def test_of_two_that_find_it_dead_one_gets_it(market, take):
    take("a")
    last_renewed(2 * DEAD_SECONDS)
    ready, results = threading.Barrier(4), []

    def try_it(host):
        ready.wait()
        try:
            results.append(take(host))
        except MarketHeld as held:
            results.append(held)
        finally:
            connection.close()

    threads = [threading.Thread(target=try_it, args=(host,)) for host in "bcde"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(isinstance(result, MarketLease) for result in results) == 1
    assert sum(isinstance(result, MarketHeld) for result in results) == 3


def test_it_is_renewed_again_and_again(take):
    take("a", renew_seconds=0.01)
    for _ in range(2):
        last_renewed(5)
        wait_until(lambda: age() < timedelta(seconds=4), "a renewal")


def test_who_lost_it_hears_who_took_it_and_renews_no_more(take):
    lost = []
    first = take("a", on_lost=lost.append, renew_seconds=0.01)
    Lease.objects.update(token="another", holder="process 9 on b")
    wait_until(lambda: lost, "the news")
    first._thread.join()
    assert [str(one) for one in lost] == ["the lease of IG-USD is lost: process 9 on b has taken it"]
    first.release()
    assert Lease.objects.get().token == "another", "what is another's is not given back"


def test_a_database_made_anew_is_no_rival(take):
    lost = []
    take("a", on_lost=lost.append, renew_seconds=0.01)
    Lease.objects.all().delete()
    wait_until(lambda: Lease.objects.filter(host="a").exists(), "the lease in the new database")
    assert lost == []


def test_an_outage_of_the_database_loses_no_lease(take, monkeypatch):
    lost, tried = [], []
    real = MarketLease._renew

    def renew(self):
        tried.append(1)
        if len(tried) < 4:
            raise OperationalError("the server is away")
        real(self)

    monkeypatch.setattr(MarketLease, "_renew", renew)
    take("a", on_lost=lost.append, renew_seconds=0.01)
    last_renewed(60)
    wait_until(lambda: age() < timedelta(seconds=5), "a renewal after the outage")
    assert lost == []


@pytest.mark.parametrize("error", [RuntimeError("can't start new thread"), OSError(24, "Too many open files")])
def test_whatever_a_renewal_fails_of_is_told_and_loses_no_lease(take, monkeypatch, error):
    lost, told = [], []
    real = MarketLease._renew

    def renew(self):
        if len(told) < 3:
            raise error
        real(self)

    monkeypatch.setattr(MarketLease, "_renew", renew)
    take("a", on_lost=lost.append, on_failure=lambda *what: told.append(what), renew_seconds=0.01)
    last_renewed(60)
    wait_until(lambda: age() < timedelta(seconds=5), "a renewal")
    assert told == [("lease of IG-USD", error)] * 3
    assert lost == []


def test_who_lost_the_lease_while_renewals_failed_stops_all_the_same(take, monkeypatch):
    lost = []
    with monkeypatch.context() as patched:
        patched.setattr(MarketLease, "_renew", lambda self: 1 / 0)
        take("a", on_lost=lost.append, renew_seconds=0.01)
        last_renewed(2 * DEAD_SECONDS)
        take("b")
    wait_until(lambda: lost, "the news")
    assert str(lost[0]) == "the lease of IG-USD is lost: process 7 on b has taken it"


def test_who_was_suspended_hears_of_another_holder_before_it_goes_on(take, monkeypatch):
    """Its own thread comes first here, and the one that renews the lease behind it."""
    asked, slept_seconds, writer, real = threading.Event(), [0.0], threading.current_thread(), MarketLease._renew

    def clock():
        if threading.current_thread() is writer and slept_seconds[0]:
            asked.set()
        return slept_seconds[0]

    def renew(self):
        assert asked.wait(PATIENCE_SECONDS)
        real(self)

    monkeypatch.setattr(lease_module, "_ANSWER_SECONDS", PATIENCE_SECONDS)
    with monkeypatch.context() as patched:
        patched.setattr(MarketLease, "_renew", renew)
        first = take("a", renew_seconds=0.01, clock=clock)
        assert first.is_held()
        Lease.objects.update(token="another", holder="process 9 on b")
        slept_seconds[0] = 2 * DEAD_SECONDS
        assert not first.is_held()
    assert str(first.lost) == "the lease of IG-USD is lost: process 9 on b has taken it"


def test_who_runs_waits_for_no_renewal_however_long_the_database_is_away(take):
    waited = []

    class Watched(threading.Condition):
        def wait_for(self, predicate, timeout=None):
            waited.append(timeout)
            return predicate()

    now = [0.0]
    lease = take("a", clock=lambda: now[0])
    lease._renewed = Watched()
    for _ in range(100):
        now[0] += DEAD_SECONDS / 20
        assert lease.is_held()
    assert waited == []
    now[0] += 2 * DEAD_SECONDS
    assert lease.is_held(), "nobody knows better"
    assert len(waited) == 1


def test_what_was_streamed_and_not_recorded_is_left_to_the_next_holder(take):
    first = take("a", renew_seconds=0.01)
    assert first.left_unrecorded_to is None
    first.note_unrecorded(lambda: 41)
    wait_until(lambda: Lease.objects.get().unrecorded_to == 41, "the row")
    first.release()
    second = take("b", renew_seconds=0.01)
    assert second.left_unrecorded_to == 41
    second.note_unrecorded(lambda: None)
    wait_until(lambda: Lease.objects.get().unrecorded_to is None, "the row")


def test_a_holder_that_knows_nothing_yet_hands_on_what_was_left(take):
    first = take("a")
    first.note_unrecorded(lambda: 41)
    first.release()
    take("b").release()
    assert take("c").left_unrecorded_to == 41


def test_renewals_come_often_enough(monkeypatch):
    monkeypatch.undo()
    assert lease_module.RENEW_SECONDS * 10 <= lease_module.DEAD_SECONDS == 10
