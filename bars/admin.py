"""The admin's pages for bars: read-only."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from bars.making.resolutions import STORED
from bars.models import Bar, Gap
from recorder.admin import RecordedAdmin
from recorder.admin_lists import BoundedPaginator, ChoiceFilter, MarketFilter


class ResolutionFilter(ChoiceFilter):
    title = parameter_name = "resolution"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(resolution, resolution) for resolution in reversed(STORED)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Bar]) -> QuerySet[Bar]:
        return queryset.filter(resolution=self.chosen)


@admin.register(Bar)
class BarAdmin(RecordedAdmin):
    """Bars of a second, a minute, an hour and a day, newest first."""

    list_display = ["opened", "market", "resolution", "open", "high", "low", "close", "volume", "matches", "ticks"]
    list_filter = [MarketFilter, ResolutionFilter]
    list_select_related = ["market"]
    ordering = ["-open_ms"]
    paginator = BoundedPaginator
    show_full_result_count = False
    readonly_fields = ["opened"]

    @admin.display(description="open time (UTC)")
    def opened(self, bar: Bar) -> str:
        return time_text(bar.open_ms)

    @admin.display
    def ticks(self, bar: Bar) -> str:
        return f"{bar.first_t}–{bar.last_t}"


@admin.register(Gap)
class GapAdmin(RecordedAdmin):
    """Ranges of ticks that no bar includes."""

    list_display = ["at", "market", "from_t", "to_t"]
    list_filter = [MarketFilter]
    list_select_related = ["market"]
    ordering = ["-from_t"]
    paginator = BoundedPaginator
    show_full_result_count = False
    readonly_fields = ["at"]

    @admin.display(description="before (UTC)")
    def at(self, gap: Gap) -> str:
        return time_text(gap.at_ms)


def time_text(ms: int) -> str:
    """A time in readable form; unchanged if it is no valid date."""
    try:
        return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M:%S}"
    except (ValueError, OverflowError, OSError):
        return f"{ms} ms"
