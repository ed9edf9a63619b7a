"""Issuing, checking and revoking tokens."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db.models import QuerySet
from django.utils import timezone

from access.audit import UNKNOWN
from access.models import VALID, Token
from access.scopes import DEFAULT, scope_text
from access.secret import hash_of, matches, new_token, prefix_of

#: A use is stored at most this often, so that not every request costs a write.
USE_SECONDS = 60.0


def issue(
    name: str, *, owner: Any = None, expires_at: datetime | None = None, scopes: Iterable[str] = DEFAULT
) -> tuple[Token, str]:
    """A new token: its row, and its text, which cannot be recovered later. Raises django.db.Error."""
    text = new_token()
    row = Token(name=name, owner=owner, expires_at=expires_at, scopes=scope_text(scopes))
    keep(row, text)
    return row, text


def keep(row: Token, text: str) -> None:
    """Save a row as the one of this text. Raises django.db.Error."""
    prefix = prefix_of(text)
    assert prefix is not None, "only texts of new_token() are kept"
    row.prefix, row.hash = prefix, hash_of(text)
    row.save()


class Checked(NamedTuple):
    """The valid token of a text, if it is one; and `who`, for the audit: the token whose prefix it has, or unknown."""

    token: Token | None
    who: str


def check(text: str | None) -> Checked:
    """Check a text that a client presented as a token. Only reads. Raises django.db.Error."""
    prefix = prefix_of(text) if text is not None else None
    if text is None or prefix is None:
        return Checked(None, UNKNOWN)  # a random text does not reach the database
    row = Token.objects.select_related("owner").filter(prefix=prefix).first()
    if row is None:
        return Checked(None, UNKNOWN)
    if row.state != VALID or not matches(text, row.hash):
        return Checked(None, str(row))
    return Checked(row, str(row))


def still_valid(pks: Collection[int]) -> set[int]:
    """The tokens among these that are still valid. Only reads. Raises django.db.Error."""
    return set(Token.objects.valid(timezone.now()).filter(pk__in=pks).values_list("pk", flat=True))


def store_uses(uses: Mapping[int, datetime]) -> None:
    """Store when tokens were last used, by their keys. Raises django.db.Error."""
    for pk, stored in Token.objects.filter(pk__in=uses).order_by("pk").values_list("pk", "last_used_at"):
        if stored is None or uses[pk] - stored >= timedelta(seconds=USE_SECONDS):
            Token.objects.filter(pk=pk).update(last_used_at=uses[pk])


def revoke(tokens: QuerySet[Token]) -> int:
    """Revoke the tokens that are not revoked; returns how many. Open connections close within seconds."""
    return tokens.filter(revoked_at=None).update(revoked_at=timezone.now())
