"""Alerts are told once when a cause appears and once when it clears, by one process or several, database or not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from django.db import OperationalError

from subscribe import ledger, rules
from subscribe.desk import AlertDesk
from subscribe.hub import Hub
from subscribe.models import Alert
from subscribe.protocol import Topic
from subscribe.rules import Finding
from tests.subscribe.listening import Listener, settled

pytestmark = pytest.mark.django_db(transaction=True)


def database(reachable: bool) -> Finding:
    return rules.database(reachable)


def disk(percent: float) -> Finding:
    return rules.disk(percent, 80, "/store", False)


WRONG, WELL = disk(90), disk(10)


class Processes:
    """Web processes, each with a desk and one client, on one bus."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.desks: list[AlertDesk] = []
        self.clients: list[Listener] = []

    def start(self) -> AlertDesk:
        hub, client = Hub(10, 10), Listener()
        hub.subscribe(client, Topic("alerts"))
        desk = AlertDesk(hub, self._publish, clock=lambda: self.now)
        self.desks.append(desk)
        self.clients.append(client)
        return desk

    def _publish(self, message: dict[str, Any]) -> None:
        for desk in self.desks:
            desk.take(json.loads(json.dumps(message)))

    async def find(self, *findings: Finding) -> None:
        """All processes see the same, one after the other."""
        for desk in self.desks:
            await desk.consider(findings)
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
    names = ("raise_once", "clear_once", "write_late", "write_happenings", "look")
    real = {name: getattr(ledger, name) for name in names}

    def away(*_: Any) -> None:
        raise OperationalError("no database")

    def set_away(is_away: bool) -> None:
        for name in names:
            monkeypatch.setattr(ledger, name, away if is_away else real[name])

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
        processes.desks.clear()
        processes.clients.clear()
        processes.start()
        await processes.find(WELL)
        assert processes.heard == [["info"]]
        assert await rows_now() == [(WRONG.key, True)]

    with_processes(1, test)


def test_while_the_database_is_away_everything_is_told_once_all_the_same(outage: Callable[[bool], None]) -> None:
    async def test(processes: Processes) -> None:
        await processes.find(database(True), WELL)
        outage(True)
        assert [await desk.write() for desk in processes.desks] == [False, False]
        await processes.find(database(False), WRONG)
        assert processes.heard == [["critical", "warning"]] * 2
        await processes.find(database(False), WELL)
        assert processes.heard == [["critical", "warning", "info"]] * 2
        outage(False)
        assert [await desk.write() for desk in processes.desks] == [True, True]
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
        for desk in processes.desks:
            assert await desk.write()
            await desk.consider([database(True)])
            processes.now += 1
        await settled()
        assert processes.heard == [["critical", "info"]] * 3
        assert await rows_now() == [("database", True)]

    with_processes(3, test)


def test_what_clears_while_it_is_being_written_down_is_cleared_there_too(
    outage: Callable[[bool], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(processes: Processes) -> None:
        (desk,) = processes.desks
        outage(True)
        await processes.find(database(False), WRONG)
        outage(False)
        loop, write_late = asyncio.get_running_loop(), ledger.write_late

        def clears_meanwhile(entry: ledger.Entry) -> None:
            write_late(entry)
            if entry.finding == WRONG and desk.was_wrong(WRONG.key):
                asyncio.run_coroutine_threadsafe(desk.consider([WELL]), loop).result(10)

        monkeypatch.setattr(ledger, "write_late", clears_meanwhile)
        assert await desk.write()
        assert await desk.write()
        assert (WRONG.key, True) in await rows_now()

    with_processes(1, test)


def test_what_was_raised_before_an_outage_clears_in_it_and_is_written_down_after(
    outage: Callable[[bool], None],
) -> None:
    async def test(processes: Processes) -> None:
        await processes.find(WRONG)
        outage(True)
        await processes.find(WELL)
        assert processes.heard == [["warning", "info"]] * 2
        outage(False)
        for desk in processes.desks:
            assert await desk.write()
        assert await rows_now() == [(WRONG.key, True)]

    with_processes(2, test)


def test_happenings_are_told_once_and_written_down_once() -> None:
    events = {"bursts": [{"t0": 5, "t1": 7, "kind": "match", "score": 4.5}], "shocks": []}

    async def test(processes: Processes) -> None:
        for desk in processes.desks:
            for _ in range(2):
                desk.happened(rules.happenings("IG-USD", 1000.5, events))
            assert await desk.write()
            assert await desk.write()
        await settled()
        assert processes.heard == [["info"], ["info"]]
        assert processes.clients[0].messages[0]["data"]["timestamp"] == 1000.5
        assert await rows_now() == [("burst:IG-USD:5", True)]

    with_processes(2, test)


def test_a_market_begun_anew_tells_of_the_same_t_again() -> None:
    events = {"bursts": [{"t0": 5, "t1": 7, "kind": "match", "score": 4.5}], "shocks": []}

    async def test(processes: Processes) -> None:
        for ts in (1000.5, 1000.5, 2000.5):
            processes.desks[0].happened(rules.happenings("IG-USD", ts, events))
        assert await processes.desks[0].write()
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


def test_an_alert_on_a_market_does_not_reach_who_wants_another() -> None:
    async def run() -> None:
        hub, client = Hub(10, 10), Listener()
        hub.subscribe(client, Topic("alerts", "OTHER"))
        desk = AlertDesk(hub, lambda message: None)
        await desk.consider([rules.pipeline("IG-USD", False, True)])
        await settled()
        assert client.messages == []
        await desk.consider([WRONG])
        await settled()
        assert len(client.messages) == 1

    asyncio.run(run())


def test_a_change_that_could_not_be_told_is_told_when_it_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(processes: Processes) -> None:
        (desk,) = processes.desks

        def broken(*_: Any) -> None:
            raise RuntimeError("can't start new thread")

        with monkeypatch.context() as patched:
            patched.setattr(ledger, "raise_once", broken)
            for _ in range(2):
                with pytest.raises(RuntimeError):
                    await desk.consider([WRONG])
        assert not desk.was_wrong(WRONG.key)
        await processes.find(WRONG)
        with monkeypatch.context() as patched:
            patched.setattr(ledger, "clear_once", broken)
            with pytest.raises(RuntimeError):
                await desk.consider([WELL])
        assert desk.was_wrong(WRONG.key)
        await processes.find(WELL)
        assert processes.heard == [["warning", "info"]]
        assert await rows_now() == [(WRONG.key, True)]

    with_processes(1, test)
