"""`/api/v1/alerts` and the admin's page."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError
from django.db.models import QuerySet
from django.test import Client
from django.urls import reverse

from access.tokens import issue
from alerts import alert_store, rules
from alerts.models import Alert

pytestmark = pytest.mark.django_db(transaction=True)


def ask(query: str = "", token: str | None = None) -> Any:
    headers = {"authorization": f"Bearer {token or issue('robot')[1]}"}
    return Client(headers=headers).get(f"/api/v1/alerts{query}")


@pytest.fixture
def alerts() -> None:
    for seconds in range(5):
        alert_store.raise_once(rules.disk(90, 80, f"/store{seconds}", False), 1000.5 + seconds)
    alert_store.clear_once("disk:/store4", 2000.25)


def test_without_a_token_there_is_none(alerts: None) -> None:
    answer = ask(token="nonsense")
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "authentication_failed")
    assert ask(f"?token={issue('robot')[1]}", token="nonsense").status_code == 401, "over HTTP only in the header"


def test_alerts_need_the_scope_read() -> None:
    answer = ask(token=issue("robot", scopes=["backtest"])[1])
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "insufficient_scope")


@pytest.mark.usefixtures("alerts")
def test_alerts_are_listed_newest_first_in_the_form_of_the_contract() -> None:
    found = ask().json()["alerts"]
    assert [one["timestamp"] for one in found] == [1004.5, 1003.5, 1002.5, 1001.5, 1000.5]
    assert found[0] == {
        "id": Alert.objects.get(key="disk:/store4").pk,
        "level": "warning",
        "message": "磁盘使用率 90.0% 超过 80%（/store4）",
        "timestamp": 1004.5,
        "source": "recorder",
        "cleared_at": 2000.25,
    }


@pytest.mark.usefixtures("alerts")
def test_the_active_ones_and_so_many_can_be_asked_for() -> None:
    assert [one["timestamp"] for one in ask("?active=1&limit=2").json()["alerts"]] == [1003.5, 1002.5]
    assert len(ask("?active=0").json()["alerts"]) == 5


@pytest.mark.usefixtures("alerts")
def test_a_connection_that_has_broken_is_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[None] = []
    fetch = QuerySet._fetch_all  # type: ignore[attr-defined]

    def fetch_all(rows: Any) -> None:
        if rows.model is Alert and not asked:
            asked.append(None)
            raise OperationalError("server closed the connection unexpectedly")
        fetch(rows)

    monkeypatch.setattr(QuerySet, "_fetch_all", fetch_all)
    answer = ask()
    assert (answer.status_code, len(answer.json()["alerts"]), asked) == (200, 5, [None])


@pytest.mark.parametrize("query", ["?active=yes", "?limit=0", "?limit=1001", "?limit=x", "?active="])
def test_a_bad_parameter_is_said(query: str) -> None:
    answer = ask(query)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_parameter")


@pytest.mark.usefixtures("alerts")
def test_the_admin_shows_alerts_and_changes_none(admin_client: Client) -> None:
    row = Alert.objects.first()
    assert row is not None
    listed = admin_client.get(reverse("admin:subscribe_alert_changelist"))
    assert "磁盘使用率" in listed.content.decode()
    page = reverse("admin:subscribe_alert_change", args=[row.pk])
    assert admin_client.get(page).status_code == 200
    assert admin_client.post(page, {"message": "x"}).status_code == 403
    assert admin_client.get(reverse("admin:subscribe_alert_add")).status_code == 403
