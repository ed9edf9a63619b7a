"""The rows of named agents follow the register, whatever they were before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from recorder.manifest.row_writer import ManifestRowWriter
from recorder.models import Agent, Market
from recorder.store.agent_register import AgentRegister
from recorder.store.agent_rows import AgentRows, found, save_agents
from recorder.store.agents_file import NamedAgent
from runtime import db_threads
from tests.processes import wait_until

pytestmark = pytest.mark.django_db


def rows(market: Market) -> list[tuple[int, str]]:
    return list(Agent.objects.filter(market=market).order_by("agent_id").values_list("agent_id", "name"))


def agents(*names: str) -> list[NamedAgent]:
    return [NamedAgent(i, name, 10 * i) for i, name in enumerate(names)]


@pytest.mark.parametrize(
    "before", [[], ["a"], ["a", "b", "c"], ["z", "b", "c"], ["x", "y", "z"], ["d", "b"], ["a", "b", "c", "d", "e"]]
)
def test_rows_become_those_of_the_register(market: Market, before: list[str]) -> None:
    other = Market.objects.create(symbol="OTHER")
    save_agents(other, agents("other"))
    save_agents(market, agents(*before))
    save_agents(market, agents("a", "b", "c", "d"))
    assert rows(market) == [(0, "a"), (1, "b"), (2, "c"), (3, "d")]
    assert rows(other) == [(0, "other")]


def test_many_names_come_in_few_statements(market: Market, django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(60):
        save_agents(market, [NamedAgent(i, f"0x{i:040x}", i) for i in range(5000)])
    assert Agent.objects.count() == 5000


def test_others_may_write_behind_each_batch_of_many_names(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    outside, rests = len(connection.savepoint_ids), list[tuple[int, int]]()
    note = lambda seconds: rests.append((len(connection.savepoint_ids) - outside, Agent.objects.count()))  # noqa: E731
    monkeypatch.setattr(db_threads.time, "sleep", note)
    save_agents(market, [NamedAgent(i, f"0x{i:040x}", i) for i in range(2500)])
    assert rests == [(0, 1000), (0, 2000), (0, 2500)]


def test_a_search_knows_no_case_and_no_wildcards(market: Market) -> None:
    save_agents(market, agents("Ärger", "0xBEEF", "100%_sure", "beefy"))
    assert [row.name for row in found(market, part="beef")] == ["0xBEEF", "beefy"]
    assert [row.name for row in found("NOPE", part="beef")] == []
    assert [row.name for row in found(market, part="äRG")] == ["Ärger"]
    assert [row.name for row in found(market, part="%_")] == ["100%_sure"]
    assert [row.name for row in found(market, ids=[3, 0, 99], most=1)] == ["Ärger"]


@pytest.mark.django_db(transaction=True)
def test_rows_come_behind_the_file_and_outlast_an_outage(market: Market, tmp_path: Path) -> None:
    register = AgentRegister(tmp_path)
    keeper = ManifestRowWriter(
        market, None, follow=AgentRows(market, register).follow, refresh_seconds=0.01, retry_seconds=0.01
    )
    try:
        register.ids_of(["a", "b"], 5)
        register.settle()
        wait_until(lambda: rows(market) == [(0, "a"), (1, "b")], "the rows")
        with connection.schema_editor() as editor:
            editor.alter_db_table(Agent, "recorder_agent", "recorder_agent_away")
        register.ids_of(["c"], 6)
        register.settle()
        with connection.schema_editor() as editor:
            editor.alter_db_table(Agent, "recorder_agent_away", "recorder_agent")
        wait_until(lambda: rows(market)[2:] == [(2, "c")], "the row that waited")
    finally:
        assert keeper.close(10)


def test_the_admin_finds_agents_by_name_and_id(market: Market, settings: Any) -> None:
    save_agents(market, agents("<b>ann</b>", "bob", "1"))
    User.objects.create_superuser("root", password="root")
    client = Client()
    client.login(username="root", password="root")
    path = f"/admin/recorder/agent/?market={market.symbol}"
    assert client.get(path).content.count(b'class="field-name"') == 3
    page = client.get(f"{path}&q=ANN").content
    assert page.count(b'class="field-name"') == 1
    assert b"&lt;b&gt;ann&lt;/b&gt;" in page
    assert b"<b>ann" not in page
    assert client.get(f"{path}&q=1").content.count(b'class="field-name"') == 2
    assert client.get(f"{path}&q=2").content.count(b'class="field-name"') == 1
