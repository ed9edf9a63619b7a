"""The admin issues a token, shows it once, and revokes it."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from access.models import Token
from access.tokens import check, issue

pytestmark = pytest.mark.django_db


def page(name: str, *args: Any) -> str:
    return reverse(f"admin:access_token_{name}", args=args)


def shown_in(html: bytes) -> list[str]:
    return re.findall(r"mc_[0-9a-f]{12}_[A-Za-z0-9_-]{43}", html.decode())


def test_a_token_is_shown_once_at_its_creation(admin_client: Client) -> None:
    answer = admin_client.post(page("add"), {"name": "robot", "scopes": ["read"], "owner": ""})
    assert answer.status_code == 200
    (text,) = shown_in(answer.content)
    assert "no-store" in answer["Cache-Control"]
    assert text not in str(answer.cookies)
    row = check(text).token
    assert row is not None
    assert (row.name, row.scopes) == ("robot", "read")
    for address in (page("changelist"), page("change", row.pk), page("history", row.pk), reverse("admin:index")):
        later = admin_client.get(address)
        assert later.status_code == 200
        assert shown_in(later.content) == []
        assert row.hash.encode() not in later.content


def test_whoever_issues_it_owns_it_unless_they_say_otherwise(admin_client: Client, admin_user: Any) -> None:
    form = admin_client.get(page("add")).context["adminform"].form
    assert form.initial["owner"] == admin_user.pk


def test_at_least_one_scope_is_chosen_of_those_there_are(admin_client: Client) -> None:
    assert admin_client.get(page("add")).context["adminform"].form["scopes"].value() == ("read", "backtest")
    for scopes in ([], ["everything"]):
        answer = admin_client.post(page("add"), {"name": "robot", "scopes": scopes})
        assert "scopes" in answer.context["adminform"].form.errors
    assert not Token.objects.exists()


def test_the_expiry_can_be_given(admin_client: Client) -> None:
    soon = timezone.now() + timedelta(days=2)
    fields = {
        "name": "robot",
        "scopes": ["read", "backtest"],
        "expires_at_0": f"{soon:%Y-%m-%d}",
        "expires_at_1": f"{soon:%H:%M:%S}",
    }
    assert admin_client.post(page("add"), fields).status_code == 200
    assert Token.objects.get().expires_at == soon.replace(microsecond=0)


def test_what_was_issued_does_not_change_and_is_not_deleted(admin_client: Client) -> None:
    row, text = issue("robot")
    admin_client.post(page("change", row.pk), {"name": "other", "expires_at_0": "2020-01-01", "expires_at_1": "00:00"})
    assert admin_client.post(page("delete", row.pk), {"post": "yes"}).status_code == 403
    row.refresh_from_db()
    assert (row.name, row.expires_at) == ("robot", None)
    assert check(text).token is not None


def test_tokens_are_revoked_from_the_list(admin_client: Client) -> None:
    row, text = issue("robot")
    admin_client.post(page("changelist"), {"action": "revoke", "_selected_action": [row.pk], "confirmed": "yes"})
    assert check(text).token is None
    assert "revoked" in admin_client.get(page("changelist")).content.decode()
