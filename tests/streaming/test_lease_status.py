"""What the rows tell of a market that was not heard: above all how long that may be so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings

from pipeline.ownership import MarketOwnership
from recorder.models import Lease, Market, Run
from recorder.store.lease import MarketLease
from streaming.relay.health import health_of, silence_allowed
from streaming.relay.lease_monitor import LeaseMonitor
from streaming.relay.lease_status import standing_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Callable[[float], None]]:
    """Makes a market that is held and makes a tick every so many seconds."""
    holdings: list[MarketOwnership] = []

    def hold(tick_seconds: float) -> None:
        market = Market.objects.create(symbol="IG-USD")
        holdings.append(MarketOwnership(tmp_path, "IG-USD", "a host"))
        holdings[0].take_lease(market, silence_allowed(tick_seconds), lambda lost: None)

    yield hold
    for ownership in holdings:
        ownership.let_go()


def health_after(seconds: float) -> tuple[bool, dict[str, Any]]:
    """What a web process says that began so many seconds ago and heard nothing."""

    async def ask() -> tuple[bool, dict[str, Any]]:
        loop = asyncio.get_running_loop()
        now = loop.time()
        loop.time = lambda: now  # type: ignore[method-assign]  # however long the database takes
        lease_monitor = LeaseMonitor("IG-USD", now - seconds)
        return health_of(None, None, await lease_monitor.claim())

    return asyncio.run(ask())


def test_a_web_process_that_heard_nothing_yet_allows_a_slow_market_its_silence(held: Callable[[float], None]) -> None:
    held(100.0)
    assert standing_of("IG-USD").silence_seconds == 300
    for seconds in (1.0, 12.0, 299.0):
        well, body = health_after(seconds)
        assert (well, body["ok"], body["meta"]["running"]) == (True, True, True)
    well, body = health_after(301.0)
    assert (well, body["ok"], body["meta"]["running"]) == (False, False, True)
    assert body["detail"] == "nothing was heard for 301 s"


def test_a_market_of_usual_pace_is_silent_after_ten_seconds(held: Callable[[float], None]) -> None:
    held(0.1)
    assert health_after(9.0)[0]
    assert not health_after(12.0)[0]


def test_a_holder_of_the_version_before_is_judged_by_its_run_and_the_speed_set_here(
    held: Callable[[float], None], settings: LazySettings
) -> None:
    held(100.0)
    Lease.objects.update(silence_seconds=None)
    assert standing_of("IG-USD").silence_seconds == 10
    Run.objects.create(market=Market.objects.get(), first_t=0, start_ts=1.0, tick_interval=5.0, settings={})
    for speed, seconds in ((1.0, 15.0), (0.1, 150.0), (50.0, 10.0), (0.0, 10.0)):
        settings.CONFIG = replace(settings.CONFIG, speed=speed)
        assert standing_of("IG-USD").silence_seconds == seconds


def test_who_takes_the_market_over_tells_of_its_own_pace(held: Callable[[float], None], tmp_path: Path) -> None:
    held(100.0)
    market = Market.objects.get()
    lease = MarketLease(
        market, holder="me", host="a host", store=str(tmp_path), on_lost=lambda lost: None, silence_seconds=20.0
    )
    assert standing_of("IG-USD").silence_seconds == 20
    lease.release()
