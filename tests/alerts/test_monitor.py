"""The monitor: side tasks have alerts that end with them, and no check keeps another from being made."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from django.utils import timezone

from alerts import alert_store, monitor, rules
from alerts.alert_manager import AlertManager
from alerts.models import Alert
from alerts.monitor import Monitor
from api_socket.hub import SubscriberHub
from api_socket.protocol import Topic
from recorder.cold import status
from recorder.cold.state_row import ColdState
from recorder.cold.status import Status
from recorder.models import Market
from recorder.retention_policy import DiskUse
from runtime import supervision
from runtime.supervision import Supervisor, Trouble
from streaming.relay.relays import relays
from tests.api_socket.listening import Listener, settled

pytestmark = pytest.mark.django_db(transaction=True)

ME, DEAD = "web-host-1", "web-host-2"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Bench:
    """A monitor with its manager, a client of alerts, and a supervisor whose clock is in hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clock = Clock()
        self.supervisor = Supervisor(self.clock)
        monkeypatch.setattr(monitor, "supervisor", self.supervisor)
        hub, self.client = SubscriberHub(10, 10), Listener()
        hub.subscribe(self.client, Topic("alerts"))
        self.alerts = AlertManager(hub.tell, lambda message: None)
        self.known = {ME}
        self.monitor = Monitor(self.alerts, ME, lambda: self.known)

    async def heard(self) -> list[tuple[str, str]]:
        await settled()
        return [(message["data"]["level"], message["data"]["message"]) for message in self.client.messages]


@pytest.fixture
def with_bench(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Bench], Awaitable[None]]], None]:
    def run(test: Callable[[Bench], Awaitable[None]]) -> None:
        async def with_it() -> None:
            await test(Bench(monkeypatch))

        asyncio.run(with_it())

    return run


async def rows() -> list[tuple[str, str, bool]]:
    found = await asyncio.to_thread(lambda: list(Alert.objects.order_by("pk")))
    return [(row.key, row.level, row.cleared_at is not None) for row in found]


def test_a_side_task_has_one_alert_from_its_failure_until_it_has_been_healthy_for_a_while(with_bench: Any) -> None:
    async def test(bench: Bench) -> None:
        await bench.monitor.check_tasks()
        assert await bench.heard() == []
        for _ in range(4):
            bench.supervisor.failed("check of the memory", OSError(24, "Too many open files"))
            await bench.monitor.check_tasks()
            bench.clock.now += 5
        assert await bench.heard() == [
            (
                "warning",
                "后台任务 check of the memory 出错，正在重试: OSError: [Errno 24] Too many open files（web-host-1）",
            )
        ]
        bench.clock.now += supervision.HEALTHY_SECONDS
        for _ in range(2):
            await bench.monitor.check_tasks()
        assert (await bench.heard())[1:] == [("info", "后台任务 check of the memory 恢复正常（web-host-1）")]
        assert await rows() == [("task:web-host-1:check of the memory", "warning", True)]

    with_bench(test)


def test_each_task_is_a_cause_of_its_own(with_bench: Any) -> None:
    async def test(bench: Bench) -> None:
        for name in ("one", "two"):
            bench.supervisor.failed(name, ValueError("no number"))
        await bench.monitor.check_tasks()
        assert await rows() == [(f"task:web-host-1:{name}", "warning", False) for name in ("one", "two")]

    with_bench(test)


def test_alerts_of_a_process_that_is_gone_are_cleared_and_of_no_other(
    with_bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(monitor, "_LEFT_BEHIND_SECONDS", 0.0)

    async def test(bench: Bench) -> None:
        other = Monitor(bench.alerts, DEAD, lambda: {ME, DEAD})
        bench.supervisor.failed("backtests", ValueError("no number"))
        await other.check_tasks()
        await bench.monitor.check_tasks()
        bench.known = {ME, DEAD}
        await bench.monitor.check_left_behind()
        assert [cleared for *_, cleared in await rows()] == [False, False]
        bench.known = set()
        await bench.monitor.check_left_behind()
        assert [cleared for *_, cleared in await rows()] == [False, False], "the bus is away"
        bench.known = {ME}
        await bench.monitor.check_left_behind()
        assert await rows() == [
            (f"task:{DEAD}:backtests", "warning", True),
            (f"task:{ME}:backtests", "warning", False),
        ]
        assert (await bench.heard())[-1] == ("info", f"后台任务 backtests 已随进程结束（{DEAD}）")

    with_bench(test)


def test_what_failed_before_a_process_was_started_anew_under_its_name_is_cleared(
    with_bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(monitor, "_LEFT_BEHIND_SECONDS", 0.0)

    async def test(bench: Bench) -> None:
        failing = [Trouble(name, "ValueError", True) for name in ("checkpoint", "report of camera")]
        await bench.monitor.consider_tasks("simulator", failing)
        bench.known = {ME, "simulator"}
        await bench.monitor.check_left_behind()
        assert [cleared for *_, cleared in await rows()] == [False, False]
        await bench.monitor.consider_tasks("simulator", failing[1:])
        await bench.monitor.check_left_behind()
        assert await rows() == [
            ("task:simulator:checkpoint", "warning", True),
            ("task:simulator:report of camera", "warning", False),
        ]

    with_bench(test)


def test_a_machine_judges_its_own_disk_and_what_one_left_is_cleared(
    with_bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(monitor, "_LEFT_BEHIND_SECONDS", 0.0)

    async def test(bench: Bench) -> None:
        async def looks(host: str, name: str, used: int) -> None:
            monkeypatch.setattr("socket.gethostname", lambda: host)
            monkeypatch.setattr(monitor, "disk_use", lambda root: DiskUse(100, used, 100 - used))
            await Monitor(bench.alerts, name, lambda: bench.known).check_disk()

        store, before = monitor.settings.CONFIG.store_dir, rules.disk(99, 80, "/a/store", False)
        await bench.alerts.consider([before])
        for used, other in ((99, 20), (100, 20)):
            await looks("market", "web-market-9", used)
            await looks("host", ME, other)
        keys = [before.key, f"disk:market:{store}"]
        assert await rows() == [(keys[0], "warning", False), (keys[1], "warning", False)]
        bench.known = {ME, "web-market-9", "simulator"}
        await bench.monitor.check_left_behind()
        assert await rows() == [(keys[0], "warning", True), (keys[1], "warning", False)], "no host is its folder"
        bench.known = {ME, "web-market-too-9", "worker-market-7", "simulator"}
        await bench.monitor.check_left_behind()
        assert await rows() == [(key, "warning", True) for key in keys]
        assert (await bench.heard())[-1] == ("info", f"不再检查磁盘（market:{store}）")

    with_bench(test)


def test_a_process_that_ends_leaves_no_alert_about_its_tasks(with_bench: Any) -> None:
    async def test(bench: Bench) -> None:
        bench.supervisor.failed("backtests", ValueError("no number"))
        await bench.monitor.check_tasks()
        await bench.monitor.clear_tasks()
        assert await rows() == [(f"task:{ME}:backtests", "warning", True)]

    with_bench(test)


def test_a_database_that_is_away_lists_nothing(with_bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db import OperationalError

    def away(beginning: str) -> list[str]:
        raise OperationalError("no database")

    async def test(bench: Bench) -> None:
        monkeypatch.setattr(alert_store, "active_keys", away)
        assert await bench.alerts.active("task:") == []

    with_bench(test)


def test_a_market_that_cannot_be_judged_keeps_no_other_from_being_judged(
    with_bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Market:
        status: dict[str, Any] | None = None

        def __init__(self, symbol: str, error: Exception | None) -> None:
            self.symbol, self._error = symbol, error

        async def health(self, *, at_leisure: bool) -> tuple[bool, dict[str, Any]]:
            if self._error is not None:
                raise self._error
            return False, {"meta": {"running": True}}

    async def test(bench: Bench) -> None:
        markets = [Market("A", ValueError("no number")), Market("B", None)]
        monkeypatch.setattr(relays, "all", lambda: markets)
        await bench.monitor.check_markets()
        assert await rows() == [("silent:B", "critical", False)]
        assert [one.name for one in bench.supervisor.troubles()] == ["check of A"]

    with_bench(test)


def test_who_has_not_heard_a_market_yet_ends_no_alert_about_its_silence(
    with_bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Market:
        symbol, status = "A", None
        says: tuple[bool, bool] = (False, True)

        async def health(self, *, at_leisure: bool) -> tuple[bool, dict[str, Any]]:
            return self.says[0], {"meta": {"running": self.says[1]}}

    async def test(bench: Bench) -> None:
        market = Market()
        monkeypatch.setattr(relays, "all", lambda: [market])
        await bench.monitor.check_markets()
        for well, running, cleared in ((True, True, False), (False, False, False), (True, False, True)):
            market.says = (well, running)
            await Monitor(AlertManager(lambda *_: None, bench.alerts.take), DEAD, lambda: bench.known).check_markets()
            assert await rows() == [("silent:A", "critical", cleared)], "it holds the lease, nobody knows, it has ended"

    with_bench(test)


def test_a_cold_store_that_takes_nothing_has_an_alert_until_it_does_or_nobody_copies(with_bench: Any) -> None:
    async def test(bench: Bench) -> None:
        def tell(reason: str) -> None:
            market, _ = Market.objects.get_or_create(symbol="IG-USD")
            ColdState.objects.update_or_create(market=market, defaults={"reason": reason, "since": timezone.now()})

        for reason in ("", "it answered 403", "it answered 403", "", "it answered 503"):
            await asyncio.to_thread(tell, reason)
            await bench.monitor.check_cold_store()
        assert status.known["IG-USD"] == Status(0, "it answered 503")
        await asyncio.to_thread(ColdState.objects.all().delete)
        await bench.monitor.check_cold_store()
        assert status.known == {}
        wrong, well = "分段无法复制到冷存储（IG-USD），保留在本地磁盘: it answered", "分段恢复复制到冷存储（IG-USD）"
        told = [("warning", f"{wrong} 403"), ("info", well), ("warning", f"{wrong} 503"), ("info", well)]
        assert await bench.heard() == told

    with_bench(test)
