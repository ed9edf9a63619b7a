"""The audit: every use of a token and every sign-in is counted, in bounds, and outlasts an outage of the database."""

from __future__ import annotations

import asyncio
import logging
import threading
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.db import OperationalError, connection
from django.db.models import QuerySet
from django.http import HttpRequest, JsonResponse
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from access import audit_rows, login, recording
from access.attempts import Attempts
from access.audit import CONNECT, REFUSED, UNKNOWN, Audit, Count, Entry
from access.http import token_required
from access.models import AuditEntry
from access.tasks import forget_audit
from access.tokens import issue, revoke
from runtime.http_errors import HttpError
from runtime.pools import Busy
from tests.processes import PATIENCE_SECONDS

NOON = datetime(2026, 1, 24, 12, tzinfo=UTC)
DAY = date(2026, 1, 24)


@pytest.fixture(autouse=True)
def audit(monkeypatch: pytest.MonkeyPatch) -> Audit:
    """The audit of this test alone."""
    own = Audit()
    monkeypatch.setattr(recording, "audit", own)
    monkeypatch.setattr(recording, "_uses", {})
    monkeypatch.setattr(login, "attempts", Attempts())
    return own


def later(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def noted(audit: Audit) -> list[tuple[str, str, int]]:
    """(action, who, times) of what waits, taken out of it."""
    return [(entry.action, entry.who, count.times) for entry, count in audit.take().items()]


def test_what_is_the_same_is_counted_and_a_day_begins_anew() -> None:
    audit = Audit()
    for seconds in (5.0, 0.0, 9.0, 86_400.0):
        audit.note(CONNECT, "robot", "192.0.2.1", later(seconds))
    assert audit.take() == {
        Entry(DAY, CONNECT, "robot", "192.0.2.1"): Count(3, later(0), later(9)),
        Entry(date(2026, 1, 25), CONNECT, "robot", "192.0.2.1"): Count(1, later(86_400), later(86_400)),
    }
    assert audit.take() == {}


def test_a_flood_of_addresses_costs_no_more_memory_and_no_count() -> None:
    audit = Audit(most_waiting=10)
    for number in range(1_000):
        audit.note(REFUSED, UNKNOWN, number, NOON)
    assert audit.uses == 1_000
    taken = audit.take()
    assert taken.pop(Entry(DAY, REFUSED, UNKNOWN, "many")).times == 990
    assert len(taken) == 10


@pytest.mark.django_db
def test_counts_add_up_in_one_row_of_each_kind() -> None:
    entry = Entry(DAY, CONNECT, "robot", "192.0.2.1")
    audit_rows.write({entry: Count(2, later(0), later(1)), entry._replace(who="other"): Count(1, NOON, NOON)})
    audit_rows.write({entry: Count(3, later(5), later(6))})
    row = AuditEntry.objects.get(who="robot")
    assert (row.day, row.action, row.times, row.first_at, row.last_at) == (DAY, CONNECT, 5, later(0), later(6))
    assert AuditEntry.objects.count() == 2


@pytest.mark.django_db
def test_all_processes_write_rows_in_one_order() -> None:
    entries = [Entry(DAY, CONNECT, who, address) for who in ("b", "a") for address in ("192.0.2.2", "192.0.2.1")]
    audit_rows.write({entry: Count(1, NOON, NOON) for entry in entries})
    written = AuditEntry.objects.order_by("pk").values_list("who", "address")
    assert list(written) == [(entry.who, entry.address) for entry in sorted(entries)]


@pytest.mark.django_db
def test_a_day_has_at_most_so_many_rows_and_the_oldest_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_rows, "MOST_ROWS_A_DAY", 3)
    now = timezone.now()
    old = now - timedelta(days=audit_rows.KEEP_DAYS + 1)
    for moment in (now, old):
        for number in range(10):
            pair = (Entry(moment.date(), REFUSED, UNKNOWN, f"192.0.2.{n}") for n in (number, number + 100))
            audit_rows.write({entry: Count(1, moment, moment) for entry in pair})
    rows = AuditEntry.objects.filter(day=now.date())
    assert sum(row.times for row in rows) == 20
    assert rows.count() == 5
    assert forget_audit() == 5
    assert AuditEntry.objects.count() == 5


@pytest.mark.django_db
def test_the_log_has_a_line_for_each_but_never_many(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    entries = (Entry(DAY, REFUSED, f"robot\n{number}", f"192.0.2.{number}") for number in range(50))
    audit_rows.write({entry: Count(2, NOON, NOON) for entry in entries})
    assert len(caplog.messages) == 21
    assert caplog.messages[0] == "refused: robot?0, from 192.0.2.0, 2 times"
    assert caplog.messages[-1] == "and 60 more uses of tokens and sign-ins, which the admin lists"


@pytest.mark.django_db(transaction=True)
def test_an_outage_of_the_database_loses_nothing_and_is_said_once(
    audit: Audit, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(counts: Any) -> None:
        raise OperationalError("no database")

    async def rounds(write: Any, times: int) -> None:
        monkeypatch.setattr(audit_rows, "write", write)
        for _ in range(times):
            audit.note(CONNECT, "robot", "192.0.2.1", NOON)
            await recording.write()

    there = audit_rows.write
    asyncio.run(rounds(away, 3))
    assert audit.uses == 3
    asyncio.run(recording.write_last())
    asyncio.run(rounds(there, 1))
    assert (audit.uses, AuditEntry.objects.get().times) == (0, 4)
    assert [text.partition(",")[0] for text in caplog.messages if "audit" in text] == [
        "the audit cannot be written",
        "the audit lacks 3 uses of tokens and sign-ins",
        "the audit is written again",
    ]


@pytest.mark.parametrize("hangs", [True, False])
def test_what_is_being_written_when_the_process_ends_is_awaited_or_said_to_be_lost(
    hangs: bool, audit: Audit, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    answer = threading.Event()
    monkeypatch.setattr(audit_rows, "write", lambda counts: answer.wait(PATIENCE_SECONDS))
    monkeypatch.setattr(recording, "_LAST_SECONDS", 0.2 if hangs else PATIENCE_SECONDS)

    async def stop() -> None:
        audit.note(CONNECT, "robot", "192.0.2.1", NOON)
        audit.note(CONNECT, "robot", "192.0.2.1", NOON)
        writing = asyncio.create_task(recording.write())
        await asyncio.sleep(0)
        if not hangs:
            asyncio.get_running_loop().call_later(0.2, answer.set)
        await recording.write_last()
        assert audit.uses == (2 if hangs else 0)
        answer.set()
        await writing
        assert audit.uses == 0

    asyncio.run(stop())
    lost = ["the audit lacks 2 uses of tokens and sign-ins, since the database is unavailable"]
    assert caplog.messages == (lost if hangs else [])


@token_required
async def view(request: HttpRequest) -> JsonResponse:
    return JsonResponse({})


def ask(text: str, method: str = "GET") -> None:
    headers = {"Authorization": f"Bearer {text}"}
    try:
        asyncio.run(view(RequestFactory().generic(method, "/x", headers=headers)))  # type: ignore[arg-type]
    except HttpError as error:
        assert error.status in (401, 403)


@pytest.mark.django_db(transaction=True)
def test_each_use_of_a_token_is_counted_by_what_became_of_it(audit: Audit) -> None:
    reader, reads = issue("reader", scopes=["read"])
    robot, text = issue("robot", scopes=["backtest"])
    ask(reads)
    ask(reads)
    ask(reads, "POST")
    ask(text, "POST")
    ask(text, "DELETE")
    assert noted(audit) == [
        ("request", str(reader), 2),
        ("scope refused", str(reader), 1),
        ("start backtest", str(robot), 1),
        ("cancel backtest", str(robot), 1),
    ]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("outcome", "begun", "told"),
    [
        (asyncio.CancelledError(), True, "start backtest"),
        (asyncio.CancelledError(), False, "request"),
        (Busy("the database", 64), False, "request"),
        (KeyError(), True, "request"),
    ],
)
def test_who_leaves_before_the_answer_may_have_started_a_backtest(
    audit: Audit, outcome: BaseException, begun: bool, told: str
) -> None:
    async def starting(request: HttpRequest) -> JsonResponse:
        request.has_begun = begun  # type: ignore[attr-defined]
        raise outcome

    robot, text = issue("robot", scopes=["backtest"])
    request = RequestFactory().post("/x", headers={"Authorization": f"Bearer {text}"})
    with pytest.raises(type(outcome)):
        asyncio.run(token_required(starting)(request))  # type: ignore[arg-type]
    assert noted(audit) == [(told, str(robot), 1)]


@pytest.mark.django_db(transaction=True)
def test_a_database_that_takes_no_writes_keeps_no_token_out_and_is_told_of_its_use_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def read_only(*_: Any, **__: Any) -> None:
        raise OperationalError("attempt to write a readonly database")

    robot, text = issue("robot")
    with monkeypatch.context() as patch:
        patch.setattr(audit_rows, "write", read_only)
        patch.setattr(QuerySet, "update", read_only)
        ask(text)
        asyncio.run(recording.write())
    robot.refresh_from_db()
    assert robot.last_used_at is None
    asyncio.run(recording.write())
    robot.refresh_from_db()
    assert robot.last_used_at is not None
    assert not recording._uses


@pytest.mark.django_db(transaction=True)
def test_a_refused_token_is_named_if_its_prefix_is_known_and_no_secret_is_kept(audit: Audit) -> None:
    robot, text = issue("robot")
    ask("nonsense")
    ask("mc_0123456789ab_" + "A" * 43)
    ask(f"mc_{robot.prefix}_" + "A" * 43)
    revoke(type(robot).objects.all())
    ask(text)
    assert noted(audit) == [("refused", UNKNOWN, 2), ("refused", str(robot), 2)]
    assert text[16:] not in str(robot)


@pytest.fixture
def signs_in(admin_user: Any) -> Any:
    """Signs in as a browser would: `signs_in(name, password)`."""
    return lambda name, password: Client().post("/admin/login/", {"username": name, "password": password})


@pytest.mark.django_db
def test_each_sign_in_is_counted_and_a_password_typed_as_a_name_is_not_kept(audit: Audit, signs_in: Any) -> None:
    assert signs_in("admin", "password").status_code == 302
    signs_in("admin", "wrong")
    for _ in range(11):
        signs_in("my secret", "wrong")
    assert noted(audit) == [
        ("sign in", "admin", 1),
        ("sign-in refused", "admin", 1),
        ("sign-in refused", UNKNOWN, 9),
        ("sign-in throttled", UNKNOWN, 2),
    ]


@pytest.mark.django_db
def test_the_admin_lists_it_and_changes_nothing(admin_client: Client) -> None:
    audit_rows.write({Entry(DAY, REFUSED, "robot (mc_0123456789ab_…)", "2001:db8::/64"): Count(1234, NOON, later(9))})
    html = admin_client.get(reverse("admin:access_auditentry_changelist")).content.decode()
    assert "robot (mc_0123456789ab_…)" in html
    assert "1,234" in html
    row = AuditEntry.objects.get()
    page = reverse("admin:access_auditentry_change", args=[row.pk])
    assert admin_client.get(page).status_code == 200
    assert admin_client.post(page, {"times": 1}).status_code == 403
    assert admin_client.post(reverse("admin:access_auditentry_delete", args=[row.pk]), {}).status_code == 403
    assert admin_client.get(reverse("admin:access_auditentry_add")).status_code == 403


@pytest.mark.django_db
def test_sessions_that_have_expired_go_with_the_audit() -> None:
    now = timezone.now()
    ends = {"over": now - timedelta(seconds=1), "open": now + timedelta(days=1)}
    Session.objects.bulk_create(Session(session_key=key, session_data="", expire_date=end) for key, end in ends.items())
    forget_audit()
    assert [session.session_key for session in Session.objects.all()] == ["open"]


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["access_auditentry", "backtests_backtest"])
def test_a_list_of_many_rows_is_counted_once_and_no_date_is_cut(admin_client: Client, name: str) -> None:
    with CaptureQueriesContext(connection) as asked:
        assert admin_client.get(reverse(f"admin:{name}_changelist")).status_code == 200
    of_rows = [query["sql"].lower() for query in asked if f'from "{name}"' in query["sql"].lower()]
    assert sum("count(*)" in query for query in of_rows) == 1
    assert not [query for query in of_rows if "trunc" in query or "min(" in query]
