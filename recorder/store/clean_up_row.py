"""The row that tells when the clean-up of a store ended last, for the admin."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import models

#: A host that cleaned up nothing for so long is gone: containers have a new name with each start.
_KEPT = timedelta(days=1)


class LastCleanUp(models.Model):
    """When a host ended the last clean-up of a store, and what that removed from the disk."""

    host = models.CharField(max_length=255)
    store = models.TextField()
    ended_at = models.DateTimeField()
    removed = models.BigIntegerField(default=0)
    freed_bytes = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["host", "store"], name="clean_up_once_a_host")]

    def __str__(self) -> str:
        return f"{self.store} on {self.host}: {self.ended_at}"


def note_clean_up(host: str, store: str, ended_at: datetime, removed: int, freed_bytes: int) -> None:
    """A clean-up ended. Raises django.db.Error."""
    facts = {"ended_at": ended_at, "removed": removed, "freed_bytes": freed_bytes}
    LastCleanUp.objects.update_or_create(host=host[:255], store=store, defaults=facts)
    LastCleanUp.objects.filter(ended_at__lt=ended_at - _KEPT).delete()
