"""The subscribe socket as services: two web processes, a pipeline and a worker, with Redis between them."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.api_socket.client import Client, new_token
from tests.processes import ROOT, Live, Process, Site, environment

pytestmark = pytest.mark.redis

PARTS = {"simulator", "camera", "recorder"}


@dataclass
class Services:
    """All processes of one installation."""

    site: Site
    env: dict[str, Any]
    pipeline: Process
    webs: list[Live]
    worker: Process
    token: str


@pytest.fixture(scope="module")
def services(
    tmp_path_factory: pytest.TempPathFactory, migrated_database: Path, redis_server: str
) -> Iterator[Services]:
    site = Site(tmp_path_factory.mktemp("services"), migrated_database)
    env = {"REDIS_URL": redis_server, "IG_CAM_W": 20}
    worker = Process(
        [sys.executable, "-m", "celery", "-A", "igsite.celery", "worker", "--concurrency", "1"],
        environment(site.store, site.database, **env),
        site.directory / "worker.log",
        cwd=ROOT,
    )
    site.processes.append(worker)
    pipeline = site.start("runmarket", **env)
    webs = [site.serve("serve", ready=False, **env) for _ in range(2)]
    for web in webs:
        web.wait_until_it_answers()
    yield Services(site, env, pipeline, webs, worker, new_token(site))
    site.end()
    for process in site.processes:
        assert "Traceback" not in process.log(), process.name


@pytest.fixture
def clients(services: Services) -> Iterator[list[Client]]:
    """A client at each web process."""
    with Client(services.webs[0], services.token) as one, Client(services.webs[1], services.token) as two:
        yield [one, two]


def agents_until(client: Client, wanted: set[str], status: str = "running") -> set[str]:
    """The parts that report this status, until these kinds are among them."""
    return agents_in(client.hear_while(lambda heard: not wanted <= kinds_in(heard, status)), status)


def agents_in(heard: list[dict[str, Any]], status: str) -> set[str]:
    reports = [message for message in heard if message["type"] == "agent_status"]
    return {report["agent_id"] for report in reports if report["data"]["status"] == status}


def kinds_in(heard: list[dict[str, Any]], status: str) -> set[str]:
    return {agent_id.split("-")[0] for agent_id in agents_in(heard, status)}


def silence_told(heard: list[dict[str, Any]]) -> list[str]:
    alerts = [message["data"]["message"] for message in heard if message["type"] == "alerts"]
    return [alert for alert in alerts if "流水线" in alert]


def test_prices_and_the_state_of_every_part_reach_the_clients_of_every_process(
    services: Services, clients: list[Client]
) -> None:
    for client in clients:
        client.subscribe("market_data", symbol="IG-USD")
        client.first("market_data", symbol="IG-USD")
        client.say({"type": "unsubscribe", "channel": "market_data", "symbol": "IG-USD"})
        client.subscribe("agent_status")
        heard = agents_until(client, {*PARTS, "web", "worker"})
        while sum(agent_id.startswith("web-") for agent_id in heard) < 2:
            heard.add(client.first("agent_status")["agent_id"])
        assert f"-{services.worker.process.pid}" in next(one for one in heard if one.startswith("worker-"))


def test_what_a_process_without_a_loop_publishes_reaches_all(services: Services, clients: list[Client]) -> None:
    progress = {"progress": 0.65, "current_date": "2022-06-15", "total_days": 1095, "completed_days": 711}
    for client in clients:
        client.subscribe("backtest_progress")
    message = {"channel": "backtest_progress", "backtest_id": "bt_123456", "data": progress}
    text = json.dumps(json.dumps(message))
    code = f"import json; from components.system_bus import publish; publish(json.loads({text}))"
    made = services.site.run("shell", "-c", code, **services.env)
    assert made.returncode == 0, made.stderr
    for client in clients:
        assert client.hear() == {"type": "backtest_progress", "backtest_id": "bt_123456", "data": progress}


def test_a_market_that_begins_later_reaches_those_who_want_all(services: Services, clients: list[Client]) -> None:
    for client in clients:
        client.subscribe("market_data")
    late = services.site.start("runmarket", "--symbol", "LATE", **services.env)
    try:
        for client in clients:
            client.first("market_data", symbol="LATE")
            client.subscribe("agent_status", symbol="LATE")
            client.first("agent_status", agent_id="simulator@LATE", status="running")
        assert late.stop() == 0
        for client in clients:
            client.first("agent_status", agent_id="simulator@LATE", status="stopped")
    finally:
        late.stop()


def test_a_recorder_that_cannot_write_is_told_once_and_once_that_it_can(
    services: Services, clients: list[Client]
) -> None:
    for client in clients:
        client.subscribe("alerts")
        client.subscribe("agent_status")
    ticks, aside = services.site.store / "ticks", services.site.store / "aside"
    ticks.rename(aside)
    ticks.touch()
    try:
        for client in clients:
            heard = client.hear_until("alerts", level="critical", source="recorder")
            assert "无法写入" in heard[-1]["data"]["message"]
            if not any(message.get("data", {}).get("status") == "not_recording" for message in heard):
                client.first("agent_status", agent_id="recorder", status="not_recording")
    finally:
        ticks.unlink()
        aside.rename(ticks)
    for client in clients:
        heard = client.hear_until("alerts", level="info", source="recorder")
        alerts = [message for message in heard if message["type"] == "alerts"]
        assert len([one for one in alerts if one["data"]["source"] == "recorder"]) == 1
        assert "恢复写入" in heard[-1]["data"]["message"]


def test_parts_that_fall_silent_are_lost_and_the_silence_is_an_alert(services: Services, clients: list[Client]) -> None:
    for client in clients:
        client.subscribe("alerts")
        client.subscribe("agent_status")
    services.worker.kill()
    services.pipeline.process.send_signal(signal.SIGSTOP)
    try:
        lost = {*PARTS, "worker"}
        heard = [
            client.hear_while(lambda heard: not (lost <= kinds_in(heard, "lost") and silence_told(heard)))
            for client in clients
        ]
    finally:
        services.pipeline.process.send_signal(signal.SIGCONT)
    for client, before in zip(clients, heard, strict=True):
        after = client.hear_until("alerts", level="info", source="simulator")
        assert silence_told([*before, *after]) == ["行情流水线 IG-USD 已静默", "行情流水线 IG-USD 恢复正常"]
    for client in clients:
        client.say({"type": "unsubscribe", "channel": "agent_status"})
        client.subscribe("agent_status")
        agents_until(client, PARTS)
    listed = services.webs[0].ask("/api/v1/alerts", headers={"Authorization": f"Bearer {services.token}"}).json()
    silences = [one for one in listed["alerts"] if "已静默" in one["message"]]
    assert [one["cleared_at"] is not None for one in silences] == [True]


def test_no_token_reaches_any_log(services: Services) -> None:
    with Client(services.webs[0], None, query=f"?token={services.token}") as client:
        assert client.asked({"type": "ping"})["type"] == "pong"
    assert not [one.name for one in services.site.processes if services.token[16:] in one.log()]
