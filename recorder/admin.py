"""The admin's pages for markets, runs and segments: read-only except for pins, because rows must agree with files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.db.models import Q, QuerySet, Sum
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.html import format_html
from django.utils.safestring import SafeString

from recorder.admin_lists import AN_ID, BoundedPaginator, ChoiceFilter, MarketFilter, found_by
from recorder.manifest.totals import Total, totals
from recorder.models import Agent, Market, Run, Segment, SegmentQuerySet
from recorder.segment.layout import KINDS
from recorder.store.store_paths import directory_of
from recorder.verify.verification import faults_of

#: The most segments that the admin verifies at once: the page waits while each is read whole. `manage.py verify` reads
#: all.
_MOST_VERIFIED = 100


class RecordedAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Rows cannot be added or deleted by hand, and only the fields in `editable` can be changed."""

    editable: tuple[str, ...] = ()

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return bool(self.editable) and super().has_change_permission(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: object = None) -> list[str]:
        fields = [field.name for field in self.model._meta.fields if field.name not in self.editable]
        return [*fields, *self.readonly_fields]


@admin.register(Market)
class MarketAdmin(RecordedAdmin):
    """Markets, with how much of each is on disk."""

    list_display = ["symbol", "created_at", "segments_on_disk", "size_on_disk", "ticks", "frames", "metrics"]
    readonly_fields = ["ticks", "frames", "metrics"]
    search_fields = ["symbol"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Market]:
        markets: QuerySet[Market] = super().get_queryset(request)
        return markets.annotate(kept_count=Sum("inventories__segments"), kept_bytes=Sum("inventories__bytes"))

    @admin.display(description="segments on disk", ordering="kept_count")
    def segments_on_disk(self, market: Any) -> int:
        return sum(total.segments for total in _totals(market).values())

    @admin.display(description="size on disk", ordering="kept_bytes")
    def size_on_disk(self, market: Any) -> str:
        return filesizeformat(sum(total.bytes for total in _totals(market).values()))

    @admin.display
    def ticks(self, market: Any) -> str:
        return _kept(market, "ticks")

    @admin.display
    def frames(self, market: Any) -> str:
        return _kept(market, "frames")

    @admin.display
    def metrics(self, market: Any) -> str:
        return _kept(market, "metrics")


def _totals(market: Any) -> dict[str, Total]:
    """What is on disk of each kind; one query for all columns."""
    if not hasattr(market, "totals"):
        market.totals = {total.kind: total for total in totals(market.symbol)}
    found: dict[str, Total] = market.totals
    return found


def _kept(market: Any, kind: str) -> str:
    total = _totals(market).get(kind)
    if total is None:
        return "–"
    size = filesizeformat(total.bytes)
    return f"{size}, {total.lines:,} lines, {total.segments:,} segments ({total.removed:,} removed)"


@admin.register(Run)
class RunAdmin(RecordedAdmin):
    """Runs, with the source and settings that made them."""

    list_display = ["market", "first_t", "source", "tick_interval", "created_at", "ended_at"]
    list_filter = ["market", "created_at"]
    list_select_related = ["market"]
    search_fields = ["source"]


@admin.register(Agent)
class AgentAdmin(RecordedAdmin):
    """Named agents: found by a part of a name, or by id."""

    list_display = ["agent_id", "name", "market", "first_t"]
    list_filter = [MarketFilter]
    list_select_related = ["market"]
    ordering = ["agent_id"]
    paginator = BoundedPaginator
    show_full_result_count = False
    search_fields = ["name"]
    search_help_text = "a part of a name, or an id"

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[QuerySet[Agent], bool]:
        term = search_term.strip()
        by_id = Q(agent_id=int(term)) if AN_ID.fullmatch(term) else Q()
        return queryset.filter(by_id | Q(folded__contains=term.casefold())), False


class KindFilter(ChoiceFilter):
    title = parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(kind, kind) for kind in KINDS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Segment]) -> QuerySet[Segment]:
        return queryset.filter(kind=self.chosen)


class StateFilter(ChoiceFilter):
    title = parameter_name = "state"
    _rows: dict[str, Callable[[SegmentQuerySet], SegmentQuerySet]] = {
        "on disk": lambda rows: rows.on_disk(),
        "pending": lambda rows: rows.filter(pending=True),
        "pinned": lambda rows: rows.filter(pinned=True),
        "removed": lambda rows: rows.gone().filter(removed_at__isnull=False),
        "missing": lambda rows: rows.filter(missing=True),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(state, state) for state in self._rows]

    def queryset(self, request: HttpRequest, queryset: Any) -> SegmentQuerySet:
        chosen = self._rows.get(self.chosen or "")
        return queryset.none() if chosen is None else chosen(queryset)


@admin.register(Segment)
class SegmentAdmin(RecordedAdmin):
    """Segments: find, download, replay and pin them."""

    editable = ("pinned",)
    readonly_fields = ["size", "text_size", "links"]
    list_display = [
        "name",
        "market",
        "kind",
        "start_t",
        "end_t",
        "lines",
        "size",
        "gaps",
        "state",
        "pinned",
        "links",
    ]
    list_filter = [MarketFilter, KindFilter, StateFilter]
    list_select_related = ["market"]
    ordering = ["-start_t"]
    paginator = BoundedPaginator
    show_full_result_count = False
    search_fields = ["name"]
    search_help_text = "a t, or how a name begins: segment_20260124_12"
    actions = ["verify", "pin", "unpin"]

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[SegmentQuerySet, bool]:
        return found_by(queryset, search_term.strip()), False

    @admin.display(ordering="bytes")
    def size(self, segment: Segment) -> str:
        return filesizeformat(segment.bytes)

    @admin.display(ordering="text_bytes")
    def text_size(self, segment: Segment) -> str:
        return filesizeformat(segment.text_bytes)

    @admin.display
    def state(self, segment: Segment) -> str:
        return segment.state

    @admin.display
    def links(self, segment: Segment) -> SafeString | str:
        if segment.removed_at is not None or segment.missing:
            return "–"
        symbol = segment.market.symbol
        return format_html(
            '<a href="/segment/{}/{}?{}">download</a> <a href="/replay/?{}">replay</a>',
            segment.kind,
            segment.file,
            urlencode({"symbol": symbol}),
            urlencode({"symbol": symbol, "t": segment.start_t}),
        )

    @admin.action(permissions=["view"], description="Verify: read the files and hold them against their rows")
    def verify(self, request: HttpRequest, segments: SegmentQuerySet) -> None:
        found = list(segments.finished().on_disk().select_related("market")[: _MOST_VERIFIED + 1])
        if len(found) > _MOST_VERIFIED:
            text = f"more than {_MOST_VERIFIED} at once take too long here; `manage.py verify` verifies them all"
            self.message_user(request, text, messages.WARNING)
            return
        faults = [f"{row.path}: {what}" for row in found for what in faults_of(row, directory_of(row.market.symbol))]
        for fault in faults:
            self.message_user(request, fault, messages.ERROR)
        left = segments.count() - len(found)
        text = f"{len(found)} verified, {len(faults)} faults" + (f"; {left} are not finished files" if left else "")
        self.message_user(request, text, messages.WARNING if faults else messages.SUCCESS)

    @admin.action(permissions=["change"], description="Pin: keep in every clean-up")
    def pin(self, request: HttpRequest, segments: QuerySet[Segment]) -> None:
        self.message_user(request, f"{segments.update(pinned=True)} pinned")

    @admin.action(permissions=["change"], description="Unpin")
    def unpin(self, request: HttpRequest, segments: QuerySet[Segment]) -> None:
        self.message_user(request, f"{segments.update(pinned=False)} unpinned")
