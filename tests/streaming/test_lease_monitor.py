"""The checkup: asks the database who runs a market that is not heard, and not more often than it must."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable

import pytest
from django.db import OperationalError

from runtime.supervision import supervisor
from streaming.relay import lease_monitor as checkup_module
from streaming.relay.lease_monitor import LeaseMonitor
from streaming.relay.lease_status import LeaseStatus


class Rows:
    """The database, with a market held by somebody."""

    def __init__(self) -> None:
        self.token, self.looks, self.away = "one", 0, False

    def read(self, symbol: str) -> LeaseStatus:
        self.looks += 1
        if self.away:
            raise OperationalError("no route to host")
        return LeaseStatus(token=self.token, holder="process 7 on a", renewed_seconds=0.5)


def checked(test: Callable[[LeaseMonitor, Rows], Awaitable[None]]) -> None:
    async def run() -> None:
        rows = Rows()
        await test(LeaseMonitor("IG-USD", asyncio.get_running_loop().time(), rows.read), rows)

    asyncio.run(run())


def test_many_questions_are_one_look() -> None:
    async def test(lease_monitor: LeaseMonitor, rows: Rows) -> None:
        claims = await asyncio.gather(*[lease_monitor.claim() for _ in range(50)])
        assert rows.looks == 1
        assert {claim is not None and claim.held for claim in claims} == {True}

    checked(test)


def test_a_market_that_is_heard_is_not_looked_up() -> None:
    async def test(lease_monitor: LeaseMonitor, rows: Rows) -> None:
        lease_monitor.look_if_unheard(0.1, 1e9)
        assert lease_monitor._looking is None
        lease_monitor.look_if_unheard(60.0, 1e9)
        assert lease_monitor._looking is not None
        await lease_monitor._looking
        assert rows.looks == 1

    checked(test)


def test_a_market_that_nobody_runs_is_looked_up_seldom_by_those_who_ask_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def test(lease_monitor: LeaseMonitor, rows: Rows) -> None:
        async def looks(silent_seconds: float | None, at: Iterable[int]) -> list[int]:
            found = []
            for now in at:
                before = rows.looks
                lease_monitor.look_if_unheard(silent_seconds, 1e9 + now)
                if lease_monitor._looking is not None:
                    await lease_monitor._looking
                if rows.looks > before:
                    lease_monitor._found_at = 1e9 + now
                    found.append(now)
            return found

        assert await looks(None, range(5)) == [0, 2, 4], "somebody does"
        rows.token = ""
        assert await looks(None, range(6, 17)) == [6, 16]

        monkeypatch.setattr(checkup_module, "_REST_SECONDS", 1e6)
        assert await looks(0.1, [17]) == []
        assert await looks(60.0, range(18, 30)) == [18], "it was heard meanwhile"
        lease_monitor._found_at = asyncio.get_running_loop().time() - 1000
        before = rows.looks
        for at_leisure, asked in ((True, 0), (False, 1)):
            claim = await lease_monitor.claim(at_leisure=at_leisure)
            assert claim is not None
            assert (claim.held, rows.looks - before) == (False, asked)

    checked(test)


def test_a_database_that_is_away_leaves_no_claim(caplog: pytest.LogCaptureFixture) -> None:
    async def test(lease_monitor: LeaseMonitor, rows: Rows) -> None:
        rows.away = True
        assert await lease_monitor.claim() is None
        assert "the database cannot be asked who runs the market: no route to host" in caplog.text

    checked(test)


def test_a_new_holder_has_its_own_time_to_be_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkup_module, "LOOK_SECONDS", 0.0)

    async def test(lease_monitor: LeaseMonitor, rows: Rows) -> None:
        lease_monitor._token_since -= 3600
        first = await lease_monitor.claim()
        rows.token = "two"
        second = await lease_monitor.claim()
        assert first is not None
        assert second is not None
        assert first.seen_seconds > 3599
        assert second.seen_seconds < 60

    checked(test)


def test_rows_that_cannot_be_read_are_told_and_looked_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "_tasks", {})

    async def test(lease_monitor: LeaseMonitor, rows: Rows) -> None:
        monkeypatch.setattr(checkup_module, "LOOK_SECONDS", 0.0)
        read, lease_monitor._read = lease_monitor._read, broken
        assert await lease_monitor.claim() is None
        assert [one.name for one in supervisor.troubles()] == ["checkup of IG-USD"]
        lease_monitor._read = read
        assert await lease_monitor.claim() is not None

    def broken(symbol: str) -> LeaseStatus:
        raise RuntimeError("can't start new thread")

    checked(test)
