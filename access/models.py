"""The issued tokens, of which only a prefix and a hash are stored, and the audit."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from access.audit import ACTIONS
from access.scopes import DEFAULT, permits, scope_text
from access.secret import HASH_CHARACTERS, PREFIX_CHARACTERS

LONGEST_NAME = 100

#: The state of a token that lets in.
VALID = "valid"

_DEFAULT_SCOPES = scope_text(DEFAULT)


class TokenQuerySet(models.QuerySet["Token"]):
    def valid(self, now: datetime) -> TokenQuerySet:
        """The tokens that are valid at this time."""
        owned = Q(owner=None) | Q(owner__is_active=True)
        return self.filter(owned, Q(expires_at=None) | Q(expires_at__gt=now), revoked_at=None)


class Token(models.Model):
    """A right to use what is not public, until it expires, is revoked or its owner inactive: see `access.tokens`."""

    name = models.CharField(max_length=LONGEST_NAME, help_text="What or who uses it.")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, related_name="+")
    prefix = models.CharField(max_length=PREFIX_CHARACTERS, unique=True, editable=False)
    hash = models.CharField(max_length=HASH_CHARACTERS, editable=False)
    # The database has the default too: a process of the version before issues tokens beside this one in an upgrade.
    scopes = models.CharField(max_length=40, default=_DEFAULT_SCOPES, db_default=_DEFAULT_SCOPES)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Empty: it does not expire.")
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = TokenQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.name} (mc_{self.prefix}_…)"

    def permits(self, scope: str) -> bool:
        """Whether it has this scope."""
        return permits(self.scopes, scope)

    @property
    def state(self) -> str:
        """The state in words: valid, expired, revoked, or that its owner may not come in any more."""
        if self.revoked_at is not None:
            return "revoked"
        if self.owner is not None and not self.owner.is_active:
            return "owner inactive"
        return "expired" if self.expires_at is not None and self.expires_at <= timezone.now() else VALID


class AuditEntry(models.Model):
    """How often something was done on a day with a token, or at signing in, from an address (an IPv6 one: its /64)."""

    day = models.DateField()
    action = models.CharField(max_length=20, choices=[(action, action) for action in ACTIONS])
    who = models.CharField("token or account", max_length=200)
    address = models.CharField(max_length=50)
    times = models.PositiveBigIntegerField()
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()

    class Meta:
        ordering = ["-day", "-last_at", "-pk"]
        verbose_name_plural = "audit"
        constraints = [
            models.UniqueConstraint(fields=["day", "action", "who", "address"], name="one_audit_entry_of_each_kind")
        ]
        indexes = [models.Index(fields=["-day", "-last_at", "-id"], name="audit_newest")]

    def __str__(self) -> str:
        return f"{self.action}: {self.who}, {self.day}"
