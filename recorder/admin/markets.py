"""The admin's pages for markets."""

from __future__ import annotations

from collections import defaultdict
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet, Sum
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.html import format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from recorder.admin.recorded import RecordedAdmin
from recorder.manifest.totals import Total, totals
from recorder.models import Market
from runtime.admin_columns import NOTHING, links, time

Totals = dict[str, Total]


@admin.register(Market)
class MarketAdmin(RecordedAdmin):
    """Markets, with how much of each is on disk and who writes it."""

    list_display = [
        "symbol",
        "ticks",
        "frames",
        "metrics",
        "size_on_disk",
        "segments_on_disk",
        "removed",
        "writer",
        time("created_at", _("since (UTC)")),
        "links",
    ]
    list_select_related = ["lease"]
    readonly_fields = ["on_disk", "writer", "links"]
    search_fields = ["symbol"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Market]:
        markets: QuerySet[Market] = super().get_queryset(request)
        return markets.annotate(
            kept_count=Sum("inventories__segments") - Sum("inventories__cold_segments"),
            kept_bytes=Sum("inventories__bytes") - Sum("inventories__cold_bytes"),
            removed_count=Sum("inventories__removed"),
        )

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """The list, with the totals of all its markets: two queries, however many there are."""
        changelist = super().get_changelist_instance(request)
        kept: dict[str, Totals] = defaultdict(dict)
        for total in totals():
            kept[total.symbol][total.kind] = total
        for market in changelist.result_list:
            market.totals = kept[market.symbol]
        return changelist

    @admin.display(description=_("ticks"))
    def ticks(self, market: Any) -> str:
        return _lines(market, "ticks")

    @admin.display(description=_("frames"))
    def frames(self, market: Any) -> str:
        return _lines(market, "frames")

    @admin.display(description=_("metrics"))
    def metrics(self, market: Any) -> str:
        return _lines(market, "metrics")

    @admin.display(description=_("on disk"), ordering="kept_bytes")
    def size_on_disk(self, market: Any) -> str:
        return filesizeformat(sum(total.bytes for total in _totals(market).values()))

    @admin.display(description=_("segments"), ordering="kept_count")
    def segments_on_disk(self, market: Any) -> str:
        return f"{sum(total.segments for total in _totals(market).values()):,}"

    @admin.display(description=_("removed"), ordering="removed_count")
    def removed(self, market: Any) -> str:
        return f"{sum(total.removed for total in _totals(market).values()):,}"

    @admin.display(description=_("on disk"))
    def on_disk(self, market: Any) -> SafeString | str:
        """A line a kind."""
        lines = ((_in_full(total),) for total in _totals(market).values())
        return format_html_join(mark_safe("<br>"), "{}", lines) or NOTHING

    @admin.display(description=_("writer"), ordering="lease__holder")
    def writer(self, market: Market) -> str:
        """Which process writes the market, while one does."""
        lease = getattr(market, "lease", None)
        return lease.holder if lease is not None and lease.token else NOTHING

    @admin.display(description=_("links"))
    def links(self, market: Market) -> SafeString:
        symbol = urlencode({"symbol": market.symbol})
        return links((_("live"), f"/live/?{symbol}"), (_("replay"), f"/replay/?{symbol}"))


def _totals(market: Any) -> Totals:
    """What is on disk of each kind: given with the list, else one query for the whole page."""
    if not hasattr(market, "totals"):
        market.totals = {total.kind: total for total in totals(market.symbol)}
    found: Totals = market.totals
    return found


def _lines(market: Any, kind: str) -> str:
    total = _totals(market).get(kind)
    return NOTHING if total is None else f"{total.lines:,}"


def _in_full(total: Total) -> str:
    words = ngettext(
        "{kind}: {lines} lines, {size} in {segments} segment ({removed} removed)",
        "{kind}: {lines} lines, {size} in {segments} segments ({removed} removed)",
        total.segments,
    )
    facts = {"lines": f"{total.lines:,}", "segments": f"{total.segments:,}", "removed": f"{total.removed:,}"}
    return words.format(kind=gettext(total.kind), size=filesizeformat(total.bytes), **facts)
