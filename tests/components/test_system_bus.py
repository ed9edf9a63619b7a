"""The bus, where the loop that it published on has nothing to do with it any more."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings

from components.system_bus import Bus


def test_a_task_that_reports_while_the_process_ends_is_told_that_nothing_is_sent(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def report() -> None:
        Bus().publish({"channel": "agent_status"})

    nobody = replace(settings.CONFIG, redis_url="redis://127.0.0.1:1/0")
    with override_settings(CONFIG=nobody), caplog.at_level(logging.INFO, "components.system_bus"):
        asyncio.run(report())
    assert caplog.messages == ["this process ends, a message of agent_status is not sent any more"]


def test_an_outage_of_the_layer_is_told_once_and_so_is_its_end(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[dict[str, Any]] = []

    class Layer:
        is_away = True

        async def group_send(self, _: str, message: dict[str, Any]) -> None:
            if self.is_away:
                raise OSError("refused")
            sent.append(message)

    layer, bus = Layer(), Bus()
    monkeypatch.setattr("components.system_bus.get_channel_layer", lambda: layer)
    with override_settings(CONFIG=replace(settings.CONFIG, redis_url="redis://127.0.0.1:1/0")):
        for channel in ("agent_status", "side_tasks", "agent_status"):
            bus.publish({"channel": channel})
        layer.is_away = False
        for _ in range(2):
            bus.publish({"channel": "agent_status"})
    assert len(sent) == 2
    assert caplog.messages == [
        "the channel layer is unavailable, a message of agent_status is lost, and maybe more: refused",
        "the channel layer is back",
    ]
