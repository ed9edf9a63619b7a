"""The admin's pages for bars: read-only."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from bars.making.resolutions import STORED
from bars.models import Bar, Gap
from recorder.admin.lists import BoundedPaginator, ChoiceFilter, MarketFilter
from recorder.admin.recorded import RecordedAdmin, replay_address
from runtime.admin_columns import links, milliseconds, number, price


class ResolutionFilter(ChoiceFilter):
    title = _("resolution")
    parameter_name = "resolution"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(resolution, resolution) for resolution in reversed(STORED)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Bar]) -> QuerySet[Bar]:
        return queryset.filter(resolution=self.chosen)


@admin.register(Bar)
class BarAdmin(RecordedAdmin):
    """Bars of a second, a minute, an hour and a day, newest first. A list is of one market and one resolution."""

    list_display = [
        milliseconds("open_ms", _("open time (UTC)")),
        price("open"),
        price("high"),
        price("low"),
        price("close"),
        number("volume", sorts=False),
        number("matches", sorts=False),
        "ticks",
        "replay",
    ]
    list_filter = [MarketFilter, ResolutionFilter]
    list_select_related = ["market"]
    ordering = ["-open_ms"]
    paginator = BoundedPaginator
    show_full_result_count = False

    @admin.display(description=_("ticks"))
    def ticks(self, bar: Bar) -> str:
        return f"{bar.first_t:,} – {bar.last_t:,}"

    @admin.display(description=_("replay"))
    def replay(self, bar: Bar) -> SafeString:
        return links((_("replay"), replay_address(bar.market.symbol, bar.last_t)))


@admin.register(Gap)
class GapAdmin(RecordedAdmin):
    """Ranges of ticks that no bar includes."""

    list_display = [
        milliseconds("at_ms", _("before (UTC)")),
        number("from_t", _("first t missing")),
        number("to_t", _("last t missing"), sorts=False),
        "length",
        "replay",
    ]
    list_filter = [MarketFilter]
    list_select_related = ["market"]
    ordering = ["-from_t"]
    paginator = BoundedPaginator
    show_full_result_count = False

    @admin.display(description=_("length, in ticks"))
    def length(self, gap: Gap) -> str:
        return f"{gap.to_t - gap.from_t + 1:,}"

    @admin.display(description=_("replay"))
    def replay(self, gap: Gap) -> SafeString:
        return links((_("replay"), replay_address(gap.market.symbol, gap.from_t)))
