"""Web processes tell each other of attempts to log in."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from access import login
from access.attempts import Attempts
from api_socket.service import Service
from components import system_bus


def test_attempts_of_other_processes_are_counted_and_ones_own_are_not_again(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[dict[str, Any]] = []
    monkeypatch.setattr(system_bus, "publish", heard.append)
    monkeypatch.setattr(login, "attempts", Attempts())

    async def run() -> None:
        service = Service()
        service._tell_login(login.Attempt("192.0.2.1", "x", succeeded=False))
        (message,) = heard
        for _ in range(20):
            service.take(message)
        assert login.attempts.begin("192.0.2.1", "x", 0.0) is None
        for _ in range(20):
            service.take({**message, "process": "web of another host"})
        assert login.attempts.begin("192.0.2.1", "x", 0.0) is not None

    asyncio.run(run())
