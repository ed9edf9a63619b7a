"""Tokens in the database: issued, checked, used, expired, revoked."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from access.models import Token
from access.scopes import SCOPES
from access.tokens import USE_SECONDS, check, issue, revoke, still_valid, store_uses

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


def test_a_token_lets_in_whoever_has_it_and_is_not_kept() -> None:
    row, text = issue("robot")
    assert check(text).token == row
    kept = [str(value) for value in Token.objects.values_list().get()]
    assert not any(text in value or text[16:] in value for value in kept)


@pytest.mark.parametrize("text", [None, "", "mc_", "nonsense", "mc_0123456789ab_" + "A" * 43])
def test_nothing_else_lets_in(text: str | None) -> None:
    issue("robot")
    assert check(text).token is None


def test_the_prefix_alone_is_not_enough() -> None:
    row, text = issue("robot")
    assert check(f"mc_{row.prefix}_" + "A" * 43).token is None
    assert check(text).token is not None


def test_an_expired_token_lets_nobody_in() -> None:
    _, past = issue("past", expires_at=timezone.now() - HOUR)
    row, future = issue("future", expires_at=timezone.now() + HOUR)
    assert check(past).token is None
    assert check(future).token == row
    assert [token.state for token in Token.objects.order_by("pk")] == ["expired", "valid"]


def test_a_revoked_token_lets_nobody_in_any_more() -> None:
    row, text = issue("robot")
    other, _ = issue("other")
    assert revoke(Token.objects.filter(pk=row.pk)) == 1
    assert check(text).token is None
    assert still_valid([row.pk, other.pk, 10**9]) == {other.pk}
    assert revoke(Token.objects.all()) == 1, "revoked once only"


def test_the_last_use_is_stored_once_a_minute() -> None:
    row, _ = issue("robot")
    now = timezone.now()
    stored = []
    for seconds in (0, USE_SECONDS - 1, USE_SECONDS):
        store_uses({row.pk: now + timedelta(seconds=seconds), 10**9: now})
        row.refresh_from_db()
        stored.append(row.last_used_at)
    assert stored == [now, now, now + timedelta(seconds=USE_SECONDS)]


def test_a_check_only_reads() -> None:
    row, text = issue("robot")
    expired, _ = issue("past", expires_at=timezone.now() - HOUR)
    with CaptureQueriesContext(connection) as asked:
        assert check(text).token == row
        assert still_valid([row.pk, expired.pk]) == {row.pk}
    assert {query["sql"].split()[0] for query in asked.captured_queries} == {"SELECT"}


def test_a_token_issued_before_there_were_scopes_permits_what_it_did() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO access_token (name, prefix, hash, created_at) VALUES ('old', 'p', 'h', '2026-01-01')"
        )
    old = Token.objects.get()
    assert [old.permits(scope) for scope in SCOPES] == [True, True, False]


def test_admin_includes_the_other_scopes_and_no_other_scope_does() -> None:
    rows = [issue("robot", scopes=[scope])[0] for scope in SCOPES]
    assert [[row.permits(scope) for scope in SCOPES] for row in rows] == [
        [True, False, False],
        [False, True, False],
        [True, True, True],
    ]


def test_the_tokens_of_a_user_who_is_not_active_let_nobody_in() -> None:
    user = User.objects.create_user("ann")
    row, text = issue("hers", owner=user)
    user.is_active = False
    user.save()
    assert check(text).token is None
    assert still_valid([row.pk]) == set()
    assert Token.objects.get().state == "owner inactive"
    user.is_active = True
    user.save()
    assert check(text).token == row
    assert still_valid([row.pk]) == {row.pk}


def test_the_tokens_of_a_user_go_with_the_user() -> None:
    user = User.objects.create_user("ann")
    _, text = issue("hers", owner=user)
    user.delete()
    assert check(text).token is None
