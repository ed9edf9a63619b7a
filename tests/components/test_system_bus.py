"""The bus, where the loop that it published on has nothing to do with it any more."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

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
