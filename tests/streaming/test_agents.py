"""`/agents`: named agents found by name and id, a bounded number of them, and a sentence for what cannot be."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from recorder.models import Market
from recorder.store.agent_rows import save_agents
from recorder.store.agents_file import NamedAgent
from runtime.http_errors import HttpError
from streaming.http import parameters
from streaming.http.agents import agents

pytestmark = pytest.mark.django_db(transaction=True)

STORE = "a1" * 16


@pytest.fixture(autouse=True)
def relay(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stub:
        symbol, store_id = "IG-USD", STORE

    async def found(request: Any) -> Any:
        return Stub

    monkeypatch.setattr(parameters, "relay", found)


@pytest.fixture
def market() -> Market:
    market = Market.objects.create(symbol="IG-USD")
    save_agents(market, [NamedAgent(i, f"0x{i * 7:04X} <b>", 3 * i) for i in range(2500)])
    return market


def ask(**query: str) -> HttpResponse:
    tag = query.pop("tag", None)
    headers = {} if tag is None else {"If-None-Match": tag}
    answer: HttpResponse = asyncio.run(agents(RequestFactory().get("/agents", query, headers=headers)))
    return answer


def ids(**query: str) -> list[int]:
    return [agent["id"] for agent in json.loads(ask(**query).content)["agents"]]


def test_agents_are_found_by_a_part_of_the_name_and_by_id(market: Market) -> None:
    body = json.loads(ask(q="0XB <").content)
    assert body == {"agents": [], "more": False}
    assert json.loads(ask(q="x004d").content)["agents"] == [{"id": 11, "name": "0x004D <b>", "first_t": 33}]
    assert ids(ids="7,3,3,99999") == [3, 7]
    assert ids(q="004", ids="11,12") == [11]
    assert len(ids()) == 100
    assert ids(q="x", limit="2") == [0, 1]
    assert len(ids(limit="5000")) == 1000
    assert [json.loads(ask(limit=n).content)["more"] for n in ("1000",)] == [True]
    assert len(ids(ids=",".join(map(str, range(700))))) == 700


def test_a_client_that_has_the_list_is_told_so_until_a_name_is_added(market: Market) -> None:
    first = ask(q="x")
    assert first["Market-Camera-Store"] == STORE
    assert ask(q="x", tag=first["ETag"]).status_code == 304
    save_agents(market, [NamedAgent(i, f"0x{i * 7:04X} <b>", 3 * i) for i in range(2501)])
    assert ask(q="x", tag=first["ETag"]).status_code == 200


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"q": "x" * 129}, "q must be at most 128 characters, got 129"),
        ({"ids": ""}, "ids must be ids of agents, separated by commas, got ''"),
        ({"ids": "1,-2"}, "ids must be ids of agents, separated by commas, got '1,-2'"),
        ({"ids": "9" * 17}, "ids must be ids of agents"),
        ({"ids": ",".join(map(str, range(1001)))}, "ids must be at most 1,000, got 1,001"),
        ({"limit": "0"}, "limit must be from 1 to 1000, got 0"),
    ],
)
def test_what_cannot_be_is_told(query: dict[str, str], told: str) -> None:
    with pytest.raises(HttpError) as caught:
        ask(**query)
    assert caught.value.message.startswith(told)
