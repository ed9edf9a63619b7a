"""Recorded bars for the tests of backtests, and a client with a token."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from tests.backtests.asking import MARKET
from tests.backtests.series import SYMBOL, seconds
from tests.processes import Site


@pytest.fixture(scope="session")
def two_minutes(tmp_path_factory: pytest.TempPathFactory, migrated_database: Path) -> Site:
    """A site with two minutes of market time on tape and in bars; copy it, do not use it."""
    site = Site(tmp_path_factory.mktemp("two_minutes"), migrated_database)
    made = site.run("runmarket", "--ticks", "1200", "--speed", "0", **MARKET)
    assert made.returncode == 0, made.stderr
    return site


@pytest.fixture
def recorded(transactional_db: None) -> None:
    """Ten minutes of bars, of a second and of a minute, that begin at START."""
    from bars.making.ohlcv import Merger
    from bars.stored import Closing, save
    from recorder.models import Market

    market = Market.objects.create(symbol=SYMBOL)
    fine = seconds(600)
    merger, minutes = Merger("1m"), []
    for bar in fine:
        merger.take(bar)
        if (minute := merger.close_before(bar.close_ms)) is not None:
            minutes.append(minute)
    save(market, [Closing(fine[-1].last_t, [*fine, *minutes], None, fine[-1].open_ms)])


@pytest.fixture
def made(recorded: None) -> Callable[..., Any]:
    """Makes rows over the recorded bars: `made(status="running")`."""
    from backtests.models import Backtest
    from tests.backtests.series import MINUTE, START

    usual = {"strategy": "buy_and_hold", "symbol": SYMBOL, "resolution": "1m", "cash": 1000.0, "fee": 0.0}
    span = {"from_ms": START, "to_ms": START + 10 * MINUTE}

    return lambda **fields: Backtest.objects.create(**{**usual, **span, **fields})


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What went over the bus."""
    from components import system_bus

    heard: list[dict[str, Any]] = []
    monkeypatch.setattr(system_bus, "publish", heard.append)
    return heard


@pytest.fixture
def call(recorded: None, published: list[Any], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Asks as a client with a token: `call("POST", body)`, `call("GET", path="/bt_1")`; no child is ever started."""
    from access.tokens import issue

    _, token = issue("tests")
    client = Client()

    def ask(method: str, body: Any = None, path: str = "", token: str | None = token) -> Any:
        text = body if isinstance(body, str | bytes) or body is None else json.dumps(body)
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return client.generic(
            method, f"/api/v1/backtests{path}", text or "", content_type="application/json", headers=headers
        )

    return ask
