"""`manage.py createtoken`."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from access.models import Token
from access.tokens import check

pytestmark = pytest.mark.django_db


def create(*arguments: str) -> tuple[str, str]:
    out, told = StringIO(), StringIO()
    call_command("createtoken", *arguments, stdout=out, stderr=told)
    return out.getvalue(), told.getvalue()


def test_the_token_and_nothing_else_is_printed() -> None:
    out, told = create("robot")
    row = check(out.removesuffix("\n")).token
    assert row is not None
    assert (row.name, row.expires_at) == ("robot", None)
    assert "does not expire" in told
    assert out.strip() not in told


@pytest.mark.parametrize(
    ("arguments", "scopes"),
    [
        ([], "read backtest"),
        (["--scope", "read"], "read"),
        (["--scope", "admin", "--scope", "read", "--scope", "read"], "read admin"),
    ],
)
def test_it_permits_what_was_said(arguments: list[str], scopes: str) -> None:
    _, told = create("robot", *arguments)
    assert Token.objects.get().scopes == scopes
    assert f"permits {scopes.replace(' ', ', ')}" in told


def test_a_scope_there_is_not_is_refused() -> None:
    with pytest.raises(CommandError, match="invalid choice: 'write'"):
        create("robot", "--scope", "write")
    assert not Token.objects.exists()


def test_it_expires_after_the_days_given() -> None:
    create("robot", "--days", "2")
    expires_at = Token.objects.get().expires_at
    assert expires_at is not None
    assert abs(expires_at - timezone.now() - timedelta(days=2)) < timedelta(minutes=5)


@pytest.mark.parametrize("days", ["0", "-1", "nan", "inf", "1e9"])
def test_days_that_make_no_sense_are_refused(days: str) -> None:
    with pytest.raises(CommandError, match="--days must be above 0"):
        create("robot", f"--days={days}")
    assert not Token.objects.exists()


@pytest.mark.parametrize("name", ["", "  ", "x" * 101])
def test_a_name_is_needed(name: str) -> None:
    with pytest.raises(CommandError, match="1 to 100 characters"):
        create(name)
