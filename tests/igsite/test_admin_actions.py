"""Actions of the admin ask first, do once, and leave in the log who did what to what."""

from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any, NamedTuple

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.contrib.messages import get_messages
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone

from access.models import Token
from access.tokens import issue
from alerts.models import Alert
from backtests.models import Backtest
from components import system_bus
from recorder.models import Market, Segment
from runtime import admin_actions
from tests.igsite.permissions import permit

pytestmark = pytest.mark.django_db


def segment(**facts: Any) -> Segment:
    market, _ = Market.objects.get_or_create(symbol="IG-USD")
    n = 10 * Segment.objects.count()
    return Segment.objects.create(
        **{"market": market, "kind": "ticks", "name": f"segment_20260124_120000_{n}.jsonl.zst", "start_t": n},
        **{"end_t": n + 9, "lines": 10, "bytes": 3_000_000, "text_bytes": 1, "created_at": timezone.now()},
        **{"pending": False, **facts},
    )


def alert() -> Alert:
    return Alert.objects.create(level="critical", message="silent", source="s", key="k", timestamp=timezone.now())


def backtest() -> Backtest:
    facts = {"symbol": "IG-USD", "resolution": "1m", "from_ms": 0, "to_ms": 1, "cash": 1, "fee": 0}
    return Backtest.objects.create(strategy="ma_cross", **facts)


class Case(NamedTuple):
    """An action, a row that it changes, what its page says beside the name, and how the row is afterwards."""

    action: str
    make: Callable[[], Any]
    said: str
    field: str
    done: str


CASES = [
    Case("pin", segment, "2.9\xa0MB", "pinned", "pinned"),
    Case("unpin", lambda: segment(pinned=True), "2.9\xa0MB", "pinned", "unpinned"),
    Case("revoke", lambda: issue("robot")[0], "never valid again", "revoked_at", "revoked"),
    Case("acknowledge", alert, "who sees to them", "acknowledged_at", "acknowledged"),
    Case("cancel", backtest, "without a result", "status", "cancelled"),
]
each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.action)


def list_of(row: Any) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_changelist")


class Fields(HTMLParser):
    """The hidden fields of the form that asks, as a browser would send them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: dict[str, list[str]] = {}
        self.feed(html[html.index('class="asked"', html.index("<form")) :])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if tag == "input" and told.get("type") == "hidden":
            self.found.setdefault(str(told["name"]), []).append(str(told["value"]))


def ask(client: Client, case: Case, *rows: Any) -> tuple[str, dict[str, list[str]]]:
    """The page that asks, and what its button sends."""
    answer = client.post(list_of(rows[0]), {"action": case.action, "_selected_action": [row.pk for row in rows]})
    assert answer.status_code == 200
    html = answer.content.decode()
    return html, Fields(html).found


def said(client: Client, row: Any, fields: dict[str, list[str]]) -> list[str]:
    answer = client.post(list_of(row), fields)
    assert answer.status_code == 302
    return [str(one) for one in get_messages(answer.wsgi_request)]


@each_case
def test_an_action_asks_first_and_says_what_happens_to_what(admin_client: Client, case: Case) -> None:
    row = case.make()
    before = getattr(row, case.field)
    html, _ = ask(admin_client, case, row)
    assert str(row).replace('"', "&quot;") in html
    assert case.said in html
    row.refresh_from_db()
    assert getattr(row, case.field) == before
    assert not LogEntry.objects.exists()


@each_case
def test_it_is_done_once_and_the_log_says_by_whom(admin_client: Client, admin_user: Any, case: Case) -> None:
    row = case.make()
    before = getattr(row, case.field)
    _, fields = ask(admin_client, case, row)
    assert said(admin_client, row, fields) == [f"1 {case.done}."]
    row.refresh_from_db()
    after = getattr(row, case.field)
    assert after != before
    *_, again = said(admin_client, row, fields)
    row.refresh_from_db()
    assert getattr(row, case.field) == after
    assert again in (f"0 {case.done}. 1 needed nothing.", f"0 {case.done}.")
    (entry,) = LogEntry.objects.all()
    assert (entry.user, entry.change_message, entry.object_id) == (admin_user, case.done, str(row.pk))
    log = admin_client.get(reverse("admin:admin_logentry_changelist")).content.decode()
    assert f'<td class="field-what">{case.done}</td>' in log
    assert f'<td class="field-user nowrap">{admin_user}</td>' in log


@each_case
def test_who_may_only_look_has_no_action(client: Client, case: Case) -> None:
    row = case.make()
    before = getattr(row, case.field)
    user = User.objects.create_user("guest", is_staff=True)
    permit(user, f"view_{row._meta.model_name}")
    client.force_login(user)
    assert f'value="{case.action}"' not in client.get(list_of(row)).content.decode()
    fields = {"action": case.action, "_selected_action": [row.pk], "confirmed": "yes"}
    client.post(list_of(row), fields)
    row.refresh_from_db()
    assert getattr(row, case.field) == before
    assert not LogEntry.objects.exists()


def test_no_action_of_the_admin_forgets_to_ask() -> None:
    request = RequestFactory().get("/")
    request.user = User.objects.create_superuser("root")
    silent = {
        str(name)
        for page in admin.site._registry.values()
        for name, (action, *_) in dict(page.get_actions(request)).items()
        if action.__module__ != admin_actions.__name__
    }
    # Django's own asks too and has its own entries in the log; `verify` reads alone.
    assert silent == {"delete_selected", "verify"}


def test_a_cancelled_backtest_is_told_when_it_is_in_the_database(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("no log")

    told: list[Any] = []
    monkeypatch.setattr(system_bus, "publish", told.append)
    row = backtest()
    _, fields = ask(admin_client, CASES[-1], row)
    with django_capture_on_commit_callbacks(execute=True), monkeypatch.context() as patch:
        patch.setattr(admin_actions, "note", fail)
        assert admin_client.post(list_of(row), fields).status_code == 503
    assert told == []
    with django_capture_on_commit_callbacks(execute=True):
        assert said(admin_client, row, fields) == ["1 cancelled."]
        assert told == []
    assert [message["backtest_id"] for message in told] == [row.backtest_id]


def test_what_needs_nothing_is_told_and_stays(admin_client: Client) -> None:
    rows = [segment(), segment(pinned=True), segment(removed_at=timezone.now())]
    html, fields = ask(admin_client, CASES[0], *rows[:2])
    assert "This concerns 1 row of 2.9\xa0MB:" in html
    assert "1 other that was chosen does not need it" in html
    assert fields["_selected_action"] == [str(rows[0].pk)]
    gone = admin_client.post(
        list_of(rows[2]) + "?state=removed",
        {"action": "pin", "_selected_action": [rows[2].pk], "confirmed": "yes"},
    )
    assert [str(one) for one in get_messages(gone.wsgi_request)] == ["0 pinned. 1 needed nothing."]


def test_a_page_names_some_and_counts_the_rest(admin_client: Client) -> None:
    rows = [segment() for _ in range(25)]
    html, fields = ask(admin_client, CASES[0], *rows)
    assert html.count("<li>IG-USD: ticks/segment_") == 20
    assert "and 5 more" in html
    assert len(fields["_selected_action"]) == 25


def test_more_than_a_form_holds_is_refused(admin_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin_actions, "MOST_AT_ONCE", 2)
    _, _, row = segment(), segment(), segment()
    told = said(admin_client, row, {"action": ["pin"], "_selected_action": ["1"], "select_across": ["1"]})
    assert told == ["More than 2 rows are more than one action takes: nothing was done."]
    assert not Segment.objects.filter(pinned=True).exists()


def test_a_user_who_is_in_the_log_cannot_be_deleted(admin_client: Client, admin_user: Any) -> None:
    other = User.objects.create_user("other", is_staff=True)
    LogEntry.objects.log_actions(other.pk, [segment()], 2, "pinned")
    address = reverse("admin:auth_user_delete", args=[other.pk])
    assert admin_client.post(address, {"post": "yes"}).status_code == 403
    assert User.objects.filter(pk=other.pk).exists()


def test_the_log_is_only_read(admin_client: Client) -> None:
    row, _ = issue("robot")
    LogEntry.objects.log_actions(User.objects.get().pk, [row], 2, "revoked")
    entry = LogEntry.objects.get()
    names = f"admin:{entry._meta.app_label}_logentry"
    assert admin_client.get(reverse(f"{names}_add")).status_code == 403
    assert admin_client.post(reverse(f"{names}_delete", args=[entry.pk]), {"post": "yes"}).status_code == 403
    html = admin_client.get(reverse(f"{names}_changelist")).content.decode()
    assert f'href="{reverse("admin:access_token_change", args=[row.pk])}"' in html
    assert Token.objects.filter(pk=row.pk).exists()
