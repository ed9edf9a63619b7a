"""The issued tokens; only a prefix and a hash of each are stored."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from access.secret import HASH_CHARACTERS, PREFIX_CHARACTERS

LONGEST_NAME = 100


class TokenQuerySet(models.QuerySet["Token"]):
    def valid(self, now: datetime) -> TokenQuerySet:
        """The tokens that are valid at this time."""
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=now), revoked_at=None)


class Token(models.Model):
    """A right to use what is not public, until it expires or is revoked. `access.tokens` issues and checks them."""

    name = models.CharField(max_length=LONGEST_NAME, help_text="What or who uses it.")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, related_name="+")
    prefix = models.CharField(max_length=PREFIX_CHARACTERS, unique=True, editable=False)
    hash = models.CharField(max_length=HASH_CHARACTERS, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Empty: it does not expire.")
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = TokenQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.name} (mc_{self.prefix}_…)"

    @property
    def state(self) -> str:
        """The state in one word: valid, expired or revoked."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= timezone.now() else "valid"
