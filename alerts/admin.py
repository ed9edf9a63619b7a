"""The admin's page for alerts: read-only, because only the system knows its state."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest

from alerts.models import Alert
from runtime.admin_columns import time


@admin.register(Alert)
class AlertAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Alerts, newest first."""

    list_display = [
        time("timestamp", "raised (UTC)"),
        "level",
        "source",
        "message",
        time("cleared_at", "cleared (UTC)"),
    ]
    list_filter = ["level", ("cleared_at", admin.EmptyFieldListFilter), "timestamp"]
    search_fields = ["message", "source", "key"]
    date_hierarchy = "timestamp"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False
