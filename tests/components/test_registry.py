"""The registry of the system's parts."""

from __future__ import annotations

import json
from typing import Any

from components.registry import FORGET_SECONDS, LOST_SECONDS, REPORT_SECONDS, ComponentRegistry
from streaming.protocol import messages_in


def report(status: str = "running", agent_id: str = "recorder", **more: Any) -> dict[str, Any]:
    return {"agent_id": agent_id, "data": {"status": status, "cpu_usage": 1.5}, **more}


def test_clients_are_told_at_first_on_change_and_every_half_minute() -> None:
    registry = ComponentRegistry(30)
    reports = [(i * REPORT_SECONDS, "degraded" if 3 <= i < 5 else "running") for i in range(20)]
    told = [now for now, status in reports if registry.take(report(status), now) is not None]
    assert told == [0, 9, 15, 45]


def test_a_part_that_falls_silent_is_lost_once_with_its_last_figures() -> None:
    registry = ComponentRegistry(30)
    registry.take(report(), 0)
    registry.take(report(agent_id="camera"), 10)
    assert registry.find_lost(LOST_SECONDS) == []
    (lost,) = registry.find_lost(LOST_SECONDS + 0.1)
    assert (lost.agent_id, lost.data) == ("recorder", {"status": "lost", "cpu_usage": 1.5})
    assert registry.find_lost(LOST_SECONDS + 1) == []


def test_time_in_which_this_process_stood_still_is_no_silence_of_others() -> None:
    registry = ComponentRegistry(30)
    registry.find_lost(0)
    registry.take(report(), 5)
    registry.take(report(agent_id="camera"), 6)
    assert registry.find_lost(600) == []
    registry.take(report(), 601)  # it had waited to be read
    lost = {one.agent_id: now for now in range(601, 700) for one in registry.find_lost(now)}
    assert sorted(lost) == ["camera", "recorder"]
    assert 600 < lost["camera"] <= 600 + LOST_SECONDS + 1
    assert lost["recorder"] == 601 + LOST_SECONDS + 1


def test_one_that_comes_back_is_told_at_once() -> None:
    registry = ComponentRegistry(30)
    registry.take(report(), 0)
    registry.find_lost(60)
    back = registry.take(report(), 61)
    assert back is not None
    assert back.data["status"] == "running"


def test_one_that_ended_in_good_order_is_not_lost() -> None:
    registry = ComponentRegistry(30)
    registry.take(report("stopped"), 0)
    assert registry.find_lost(60) == []


def test_the_long_gone_are_forgotten() -> None:
    registry = ComponentRegistry(30)
    registry.take(report("stopped"), 0)
    registry.take(report(agent_id="web"), FORGET_SECONDS)
    registry.find_lost(FORGET_SECONDS + 1)
    assert [one.agent_id for one in registry.of(None)] == ["web"]


def test_of_a_symbol_are_its_own_parts_and_those_of_no_symbol() -> None:
    registry = ComponentRegistry(30)
    for agent_id, symbol in (("recorder", "A"), ("recorder@B", "B"), ("web", None)):
        registry.take(report(agent_id=agent_id, symbol=symbol), 0)
    assert [one.agent_id for one in registry.of("A")] == ["recorder", "web"]
    assert len(registry.of(None)) == 3


def test_the_message_is_that_of_the_contract() -> None:
    agent = ComponentRegistry(30).take(report(symbol="A"), 0)
    assert agent is not None
    ((payload, _),) = messages_in(agent.wire())
    message = json.loads(payload)
    assert message.items() >= {"type": "agent_status", "agent_id": "recorder"}.items()
    assert message["data"] == {"status": "running", "cpu_usage": 1.5}
