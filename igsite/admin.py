"""The admin's log: who did what to what. Everybody's, read-only."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from recorder.admin.lists import BoundedPaginator
from runtime.admin_columns import NOTHING, time
from runtime.admin_front import QUIET, Block, Cell, Told, ago, front_page
from runtime.admin_read_only import ReadOnlyAdmin

_MOST_ON_FRONT_PAGE = 5


@admin.register(LogEntry)
class LogAdmin(ReadOnlyAdmin):
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

    @admin.display(description=_("what"))
    def what(self, entry: LogEntry) -> str:
        return _what(entry)

    @admin.display(description=_("kind"))
    def kind(self, entry: LogEntry) -> str:
        return NOTHING if entry.content_type is None else entry.content_type.name

    @admin.display(description=_("to what"))
    def object_link(self, entry: LogEntry) -> SafeString | str:
        address = None if entry.is_deletion() else entry.get_admin_url()
        return format_html('<a href="{}">{}</a>', address, entry.object_repr) if address else entry.object_repr


def _what(entry: LogEntry) -> str:
    """What was done, in a word where the entry has no sentence of its own."""
    message = entry.get_change_message()
    return gettext(message) if entry.is_change() and message else str(entry.get_action_flag_display())


def _tell() -> Told:
    now = timezone.now()
    found = list(LogEntry.objects.select_related("user").order_by("-action_time", "-id")[:_MOST_ON_FRONT_PAGE])
    if not found:
        return Told(Cell(gettext("Nothing was done here yet"), QUIET))
    rows = [
        [
            Cell(entry.user.get_username()),
            Cell(_what(entry)),
            Cell(entry.object_repr),
            Cell(gettext("{time} ago").format(time=ago(entry.action_time, now)), QUIET),
        ]
        for entry in found
    ]
    last = gettext("The last was done {time} ago").format(time=ago(found[0].action_time, now))
    return Told(Cell(last, QUIET), (gettext("who"), gettext("what"), gettext("to what"), gettext("when")), rows)


front_page.add(Block(90, "log", _("Done in the admin"), LogEntry, _tell))
