"""Alerts are told once when a cause appears and once when it clears, by one process or several, database or not."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from django.db import OperationalError

from alerts import alert_store, rules
from alerts.alert_manager import AlertManager
from alerts.models import Alert
from alerts.rules import Finding
from api_socket.hub import SubscriberHub
from api_socket.protocol import Topic
from tests.api_socket.listening import Listener, settled
from tests.processes import PATIENCE_SECONDS

pytestmark = pytest.mark.django_db(transaction=True)


def database(reachable: bool) -> Finding:
    return rules.database(reachable)


def disk(percent: float) -> Finding:
    return rules.disk(percent, 80, "/store", False)


WRONG, WELL = disk(90), disk(10)


class Processes:
    """Web processes, each with a manager and one client, on one bus."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.managers: list[AlertManager] = []
        self.clients: list[Listener] = []

    def start(self) -> AlertManager:
        hub, client = SubscriberHub(10, 10), Listener()
        hub.subscribe(client, Topic("alerts"))
        manager = AlertManager(hub.tell, self._publish, clock=lambda: self.now)
        self.managers.append(manager)
        self.clients.append(client)
        return manager

    def _publish(self, message: dict[str, Any]) -> None:
        for manager in self.managers:
            manager.take(json.loads(json.dumps(message)))

    async def find(self, *findings: Finding) -> None:
        """All processes see the same, one after the other."""
        for manager in self.managers:
            await manager.consider(findings)
            self.now += 1
        await settled()

    @property
    def heard(self) -> list[list[str]]:
        return [[message["data"]["level"] for message in client.messages] for client in self.clients]


def with_processes(count: int, test: Callable[[Processes], Awaitable[None]]) -> None:
    async def run() -> None:
        processes = Processes()
        for _ in range(count):
            processes.start()
        await test(processes)

    asyncio.run(run())


@pytest.fixture
def outage(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Takes the ledger's database away, and gives it back."""
    names = ("raise_once", "clear_once", "write_late", "write_happenings", "active")
    real = {name: getattr(alert_store, name) for name in names}

    def away(*_: Any) -> None:
        raise OperationalError("no database")

    def set_away(is_away: bool) -> None:
        for name in names:
            monkeypatch.setattr(alert_store, name, away if is_away else real[name])

    return set_away


def rows() -> list[tuple[str, bool]]:
    return [(row.key, row.cleared_at is not None) for row in Alert.objects.order_by("pk")]


async def rows_now() -> list[tuple[str, bool]]:
    return await asyncio.to_thread(rows)


def test_each_client_of_each_process_hears_once_of_a_cause_and_once_of_its_end() -> None:
    async def test(processes: Processes) -> None:
        await processes.find(WELL)
        assert processes.heard == [[], [], []]
        for _ in range(3):
            await processes.find(WRONG)
        assert processes.heard == [["warning"]] * 3
        assert await rows_now() == [(WRONG.key, False)]
        for _ in range(3):
            await processes.find(WELL)
        assert processes.heard == [["warning", "info"]] * 3
        assert await rows_now() == [(WRONG.key, True)]

    with_processes(3, test)


def test_a_cause_that_comes_again_is_told_again() -> None:
    async def test(processes: Processes) -> None:
        for _ in range(2):
            await processes.find(WRONG)
            await processes.find(WELL)
        assert processes.heard == [["warning", "info"] * 2] * 2
        assert await rows_now() == [(WRONG.key, True)] * 2

    with_processes(2, test)


def test_a_process_that_starts_later_tells_nothing_twice_and_hears_the_end() -> None:
    async def test(processes: Processes) -> None:
        await processes.find(WRONG)
        processes.start()
        await processes.find(WRONG)
        await processes.find(WELL)
        assert processes.heard == [["warning", "info"], ["info"]]

    with_processes(1, test)


def test_what_a_dead_process_left_raised_is_cleared_by_the_next() -> None:
    async def test(processes: Processes) -> None:
        await processes.find(WRONG)
        processes.managers.clear()
        processes.clients.clear()
        processes.start()
        await processes.find(WELL)
        assert processes.heard == [["info"]]
        assert await rows_now() == [(WRONG.key, True)]

    with_processes(1, test)


def test_what_is_wrong_here_is_raised_again_after_another_process_cleared_it() -> None:
    async def test(processes: Processes) -> None:
        sees, other = processes.managers
        await sees.consider([WRONG])
        await other.consider([WELL])
        assert await rows_now() == [(WRONG.key, True)]
        processes.now += 1
        for _ in range(2):
            for manager, finding in ((sees, WRONG), (other, WELL)):
                assert await manager.write()
                await manager.consider([finding])
        await settled()
        assert processes.heard == [["warning", "info", "warning"]] * 2
        assert await rows_now() == [(WRONG.key, True), (WRONG.key, False)]

    with_processes(2, test)


def test_what_was_left_is_cleared_though_it_was_left_and_cleared_before() -> None:
    async def test(processes: Processes) -> None:
        leaves, clears = processes.managers
        for _ in range(2):
            await leaves.consider([WRONG])
            await clears.clear_left([WELL])
            assert await leaves.write()
            processes.now += 1
        await settled()
        assert processes.heard == [["warning", "info"] * 2] * 2

    with_processes(2, test)


def test_while_the_database_is_away_everything_is_told_once_all_the_same(outage: Callable[[bool], None]) -> None:
    async def test(processes: Processes) -> None:
        await processes.find(database(True), WELL)
        outage(True)
        assert [await manager.write() for manager in processes.managers] == [False, False]
        await processes.find(database(False), WRONG)
        assert processes.heard == [["critical", "warning"]] * 2
        await processes.find(database(False), WELL)
        assert processes.heard == [["critical", "warning", "info"]] * 2
        outage(False)
        assert [await manager.write() for manager in processes.managers] == [True, True]
        await processes.find(database(True))
        assert processes.heard == [["critical", "warning", "info", "info"]] * 2
        assert sorted(await rows_now()) == [("database", True), (WRONG.key, True)]

    with_processes(2, test)


def test_who_writes_down_an_outage_after_another_has_cleared_it_makes_no_second_alert(
    outage: Callable[[bool], None],
) -> None:
    async def test(processes: Processes) -> None:
        outage(True)
        await processes.find(database(False))
        outage(False)
        for manager in processes.managers:
            assert await manager.write()
            await manager.consider([database(True)])
            processes.now += 1
        await settled()
        assert processes.heard == [["critical", "info"]] * 3
        assert await rows_now() == [("database", True)]

    with_processes(3, test)


def test_what_clears_while_it_is_being_written_down_is_cleared_there_too(
    outage: Callable[[bool], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(processes: Processes) -> None:
        (manager,) = processes.managers
        outage(True)
        await processes.find(database(False), WRONG)
        outage(False)
        loop, write_late = asyncio.get_running_loop(), alert_store.write_late

        def clears_meanwhile(entry: alert_store.Entry) -> None:
            write_late(entry)
            if entry.finding == WRONG and manager.was_wrong(WRONG.key):
                asyncio.run_coroutine_threadsafe(manager.consider([WELL]), loop).result(PATIENCE_SECONDS)

        monkeypatch.setattr(alert_store, "write_late", clears_meanwhile)
        assert await manager.write()
        assert await manager.write()
        assert (WRONG.key, True) in await rows_now()

    with_processes(1, test)


@pytest.mark.parametrize("leap", [0, -500], ids=["", "the clock is set back"])
def test_what_was_raised_before_an_outage_clears_in_it_and_is_written_down_after(
    outage: Callable[[bool], None], leap: int
) -> None:
    async def test(processes: Processes) -> None:
        await processes.find(WRONG)
        outage(True)
        processes.now += leap
        await processes.find(WELL)
        assert processes.heard == [["warning", "info"]] * 2
        outage(False)
        for manager in processes.managers:
            assert await manager.write()
        assert await rows_now() == [(WRONG.key, True)]

    with_processes(2, test)


def test_what_cleared_in_an_outage_is_not_raised_again_by_a_process_that_reads_before_it_is_written_down(
    outage: Callable[[bool], None],
) -> None:
    async def test(processes: Processes) -> None:
        one, other = processes.managers
        await processes.find(WRONG)
        outage(True)
        await processes.find(database(False), WELL)
        outage(False)
        await processes.find(database(True))
        assert await other.write()
        assert other.greeting(Topic("alerts")) == []
        assert await one.write()
        assert await other.write()
        processes.now += 1
        await processes.find(WRONG)
        assert processes.heard == [["warning", "critical", "info", "info", "warning"]] * 2

    with_processes(2, test)


def test_an_outage_whose_end_one_process_sees_later_is_told_once(outage: Callable[[bool], None]) -> None:
    async def test(processes: Processes) -> None:
        one, other = processes.managers
        outage(True)
        await processes.find(database(False))
        outage(False)
        await one.consider([database(True)])
        for manager in (other, other, one):
            assert await manager.write()
        assert processes.heard == [["critical", "info"]] * 2
        assert [manager.greeting(Topic("alerts")) for manager in processes.managers] == [[], []]

    with_processes(2, test)


def test_happenings_are_told_once_and_written_down_once() -> None:
    events = {"bursts": [{"t0": 5, "t1": 7, "kind": "match", "score": 4.5}], "shocks": []}

    async def test(processes: Processes) -> None:
        for manager in processes.managers:
            for _ in range(2):
                manager.happened(rules.market_events("IG-USD", 1000.5, events))
            assert await manager.write()
            assert await manager.write()
        await settled()
        assert processes.heard == [["info"], ["info"]]
        assert processes.clients[0].messages[0]["data"]["timestamp"] == 1000.5
        assert await rows_now() == [("burst:IG-USD:5", True)]

    with_processes(2, test)


def test_a_market_begun_anew_tells_of_the_same_t_again() -> None:
    events = {"bursts": [{"t0": 5, "t1": 7, "kind": "match", "score": 4.5}], "shocks": []}

    async def test(processes: Processes) -> None:
        for ts in (1000.5, 1000.5, 2000.5):
            processes.managers[0].happened(rules.market_events("IG-USD", ts, events))
        assert await processes.managers[0].write()
        await settled()
        assert [one["data"]["timestamp"] for one in processes.clients[0].messages] == [1000.5, 2000.5]
        assert await rows_now() == [("burst:IG-USD:5", True)] * 2

    with_processes(1, test)


def test_the_alert_is_that_of_the_contract() -> None:
    async def test(processes: Processes) -> None:
        await processes.find(WRONG)
        (message,) = processes.clients[0].messages
        assert message == {
            "type": "alerts",
            "data": {"level": "warning", "message": WRONG.message, "timestamp": 1000.0, "source": "recorder"},
        }

    with_processes(1, test)


async def told(manager: AlertManager, topic: Topic, *before: Topic) -> list[dict[str, Any]]:
    """What a new subscriber of a topic is told at once."""
    listener = Listener()
    for message in manager.greeting(topic, before):
        listener.tell(message)
    await settled()
    return listener.messages


async def sources(manager: AlertManager, topic: Topic, *before: Topic) -> list[str]:
    return [message["data"]["source"] for message in await told(manager, topic, *before)]


SILENT = rules.pipeline("IG-USD", False, True)
ALL = Topic("alerts")


def test_a_new_subscriber_is_told_what_is_active_as_it_was_raised() -> None:
    async def test(processes: Processes) -> None:
        await processes.find(WRONG, database(True))
        await processes.find(WRONG, SILENT)
        assert await asyncio.gather(*(manager.write() for manager in processes.managers)) == [True, True]
        for manager, client in zip(processes.managers, processes.clients, strict=True):
            assert await told(manager, ALL) == client.messages
            assert [message["data"]["timestamp"] for message in client.messages] == [1000.0, 1002.0]
            assert await told(manager, Topic("market_data")) == []
        await processes.find(WELL)
        for manager in processes.managers:
            assert await sources(manager, ALL) == ["simulator"]

    with_processes(2, test)


def test_a_subscriber_of_a_market_is_told_what_fits_and_nothing_twice() -> None:
    async def test(processes: Processes) -> None:
        (manager,) = processes.managers
        await processes.find(WRONG, SILENT)
        market, other = Topic("alerts", "IG-USD"), Topic("alerts", "OTHER")
        assert await sources(manager, market) == ["recorder", "simulator"]
        assert await sources(manager, other) == ["recorder"]
        assert await sources(manager, ALL, other) == ["simulator"]
        assert await told(manager, market, ALL) == await told(manager, ALL, ALL) == []

    with_processes(1, test)


def test_a_process_that_starts_later_knows_what_was_active_from_the_database() -> None:
    async def test(processes: Processes) -> None:
        processes.now = 1795273514.3812607
        await processes.find(SILENT, WRONG)
        await processes.find(WELL)
        late = processes.start()
        assert await told(late, ALL) == []
        assert await late.write()
        assert await told(late, ALL) == processes.clients[0].messages[:1], "to the last digit"
        assert processes.clients[1].messages == await told(late, ALL), "who came before that is told, too"
        assert await late.write()
        assert len(processes.clients[1].messages) == 1
        assert (await told(late, Topic("alerts", "IG-USD")), await told(late, Topic("alerts", "X"))) == (
            await told(late, ALL),
            [],
        )

    with_processes(1, test)


def test_what_another_process_cleared_is_active_no_more_though_its_word_was_lost() -> None:
    async def test(processes: Processes) -> None:
        await processes.find(WRONG)
        lost, processes.managers = processes.managers[1], processes.managers[:1]
        await processes.find(WELL)
        assert len(await told(lost, ALL)) == 1
        assert await lost.write()
        assert len(await told(lost, ALL)) == 1, "the word may be on its way"
        assert await lost.write()
        assert await told(lost, ALL) == []
        await settled()
        assert processes.heard == [["warning", "info"]] * 2
        assert processes.clients[1].messages[1]["data"]["message"] == f"已恢复: {WRONG.message}"
        processes.managers.append(lost)
        processes.now -= 5  # by the clock of another machine
        await processes.find(WELL)
        await processes.managers[0].consider([WRONG])
        await settled()
        assert processes.heard == [["warning", "info", "warning"]] * 2, "nothing of the end is told twice"

    with_processes(2, test)


def test_what_another_process_raised_without_a_database_is_active_until_it_is_written_down(
    outage: Callable[[bool], None],
) -> None:
    async def test(processes: Processes) -> None:
        raises, hears = processes.managers
        outage(True)
        await raises.consider([WRONG])
        outage(False)
        for _ in range(3):
            assert await hears.write()
        assert await raises.write()
        assert await hears.write()
        await settled()
        assert processes.heard == [["warning"]] * 2
        processes.managers.remove(hears)
        await processes.find(WELL)
        for _ in range(2):
            assert await hears.write()
        await settled()
        assert processes.heard == [["warning", "info"]] * 2

    with_processes(2, test)


def test_what_nobody_writes_down_is_over_after_an_hour(outage: Callable[[bool], None]) -> None:
    async def test(processes: Processes) -> None:
        raises, hears = processes.managers
        outage(True)
        await raises.consider([WRONG])
        outage(False)
        for seconds, heard in ((3600, ["warning"]), (1, ["warning", "info"])):
            processes.now += seconds
            for _ in range(2):
                assert await hears.write()
            await settled()
            assert processes.heard[1] == heard

    with_processes(2, test)


def test_without_a_database_it_is_told_what_is_known_here(outage: Callable[[bool], None]) -> None:
    async def test(processes: Processes) -> None:
        (manager,) = processes.managers
        await processes.find(SILENT)
        outage(True)
        await processes.find(database(False), WRONG)
        assert not await manager.write()
        assert len(await told(manager, ALL)) == 3
        await processes.find(WELL)
        outage(False)
        assert await manager.write()
        assert await sources(manager, ALL) == ["simulator", "database"]
        assert processes.heard == [["critical", "critical", "warning", "info"]], "nothing is told again"

    with_processes(1, test)


def test_what_changes_while_the_database_is_read_is_not_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(processes: Processes) -> None:
        (manager,) = processes.managers
        await processes.find(WRONG)
        loop, active = asyncio.get_running_loop(), alert_store.active

        def clears_meanwhile() -> dict[str, Alert]:
            found = active()
            Alert.objects.update(cleared_at="2026-01-01T00:00:00Z")
            cleared = {"origin": "another", "key": WRONG.key, "wrong": False, "sure": True, "symbol": None}
            cleared["data"] = {"timestamp": processes.now}
            loop.call_soon_threadsafe(manager.take, cleared)
            return found

        monkeypatch.setattr(alert_store, "active", clears_meanwhile)
        assert await manager.write()
        assert await told(manager, ALL) == []
        assert len(processes.clients[0].messages) == 2

    with_processes(1, test)


def test_what_is_raised_while_the_database_is_read_counts_as_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the end of a process would not clear it."""
    asked, go_on, active = threading.Event(), threading.Event(), alert_store.active

    def read_slowly() -> Any:
        found = active()
        asked.set()
        assert go_on.wait(PATIENCE_SECONDS)
        return found

    monkeypatch.setattr(alert_store, "active", read_slowly)

    async def test(processes: Processes) -> None:
        (manager,) = processes.managers
        written = asyncio.create_task(manager.write())
        await asyncio.to_thread(asked.wait, PATIENCE_SECONDS)
        raised = asyncio.create_task(manager.consider([WRONG]))
        while not manager.was_wrong(WRONG.key):
            await asyncio.sleep(0)
        go_on.set()
        await asyncio.gather(written, raised)
        assert manager.was_wrong(WRONG.key)

    with_processes(1, test)


def test_every_cause_in_a_market_is_known_by_its_key() -> None:
    status = {"running": True, "recording": False}
    for finding in (
        SILENT,
        rules.recorder("A.b-1", status),
        WRONG,
        database(False),
        rules.memory(90, 80, "a:b", False),
    ):
        assert rules.symbol_of(finding.key) == finding.symbol


def test_an_alert_on_a_market_does_not_reach_who_wants_another() -> None:
    async def run() -> None:
        hub, client = SubscriberHub(10, 10), Listener()
        hub.subscribe(client, Topic("alerts", "OTHER"))
        manager = AlertManager(hub.tell, lambda message: None)
        await manager.consider([rules.pipeline("IG-USD", False, True)])
        await settled()
        assert client.messages == []
        await manager.consider([WRONG])
        await settled()
        assert len(client.messages) == 1

    asyncio.run(run())


def test_a_change_that_could_not_be_told_is_told_when_it_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(processes: Processes) -> None:
        (manager,) = processes.managers

        def broken(*_: Any) -> None:
            raise RuntimeError("can't start new thread")

        with monkeypatch.context() as patched:
            patched.setattr(alert_store, "raise_once", broken)
            for _ in range(2):
                with pytest.raises(RuntimeError):
                    await manager.consider([WRONG])
        assert not manager.was_wrong(WRONG.key)
        await processes.find(WRONG)
        with monkeypatch.context() as patched:
            patched.setattr(alert_store, "clear_once", broken)
            with pytest.raises(RuntimeError):
                await manager.consider([WELL])
        assert manager.was_wrong(WRONG.key)
        await processes.find(WELL)
        assert processes.heard == [["warning", "info"]]
        assert await rows_now() == [(WRONG.key, True)]

    with_processes(1, test)
