"""The admin's log: who did what to what. Everybody's, read-only."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from recorder.admin.lists import BoundedPaginator
from runtime.admin_columns import NOTHING, time


@admin.register(LogEntry)
class LogAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Entries, newest first. As they cannot be deleted, users who have some cannot either: they are deactivated."""

    list_display = [time("action_time", _("when (UTC)")), "user", "what", "kind", "object_link"]
    list_display_links = None
    list_filter = ["action_flag", ("user", admin.RelatedOnlyFieldListFilter)]
    list_select_related = ["user", "content_type"]
    ordering = ["-action_time", "-id"]
    paginator = BoundedPaginator
    show_full_result_count = False
    search_fields = ["object_repr", "change_message", "user__username"]
    search_help_text = _("a part of a name, of what was done, or of a user")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    @admin.display(description=_("what"))
    def what(self, entry: LogEntry) -> str:
        word = entry.get_action_flag_display()
        message = entry.get_change_message()
        return message if entry.is_change() and message else word

    @admin.display(description=_("kind"))
    def kind(self, entry: LogEntry) -> str:
        return NOTHING if entry.content_type is None else entry.content_type.name

    @admin.display(description=_("to what"))
    def object_link(self, entry: LogEntry) -> SafeString | str:
        address = None if entry.is_deletion() else entry.get_admin_url()
        return format_html('<a href="{}">{}</a>', address, entry.object_repr) if address else entry.object_repr
