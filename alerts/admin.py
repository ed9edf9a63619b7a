"""The admin's page for alerts: read-only, because only the system knows its state."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest

from alerts.models import Alert


@admin.register(Alert)
class AlertAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["timestamp", "level", "source", "message", "cleared_at"]
    list_filter = ["level", ("cleared_at", admin.EmptyFieldListFilter), "timestamp"]
    search_fields = ["message", "source", "key"]
    date_hierarchy = "timestamp"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False
