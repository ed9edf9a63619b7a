"""The admin's pages for segments: find, download, replay, verify and pin them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.contrib.admin.views.main import SEARCH_VAR, ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from recorder.admin.lists import BEGINNING, BoundedPaginator, ChoiceFilter, MarketFilter, found_by
from recorder.admin.price_lines import price_lines
from recorder.admin.recorded import RecordedAdmin, replay_address
from recorder.models import Segment, SegmentQuerySet
from recorder.segment.layout import KINDS, SUFFIX
from recorder.store.store_paths import directory_of
from recorder.verify.verification import faults_of
from runtime.admin_actions import Deed, asking, note
from runtime.admin_columns import NOTHING, flag, links, number, size

#: The most segments that the admin verifies at once: the page waits while each is read whole. `manage.py verify` reads
#: all.
_MOST_VERIFIED = 100


def _set_pinned(row: Segment, pinned: bool) -> bool:
    return bool(Segment.objects.kept().filter(pk=row.pk, pinned=not pinned).update(pinned=pinned))


def _is_kept(row: Segment) -> bool:
    return row.removed_at is None and not row.missing


def _name(row: Segment) -> str:
    return f"{row.market.symbol}: {row.path}"


_PINNING = [
    asking(
        Deed(
            name="pin",
            description=_("Pin: keep in every clean-up"),
            permission="change",
            consequence=_("No clean-up removes them from the disk, however full it is, until they are unpinned."),
            done="pinned",
            may=lambda row: _is_kept(row) and not row.pinned,
            change=lambda _request, row: _set_pinned(row, True),
            named=_name,
            size=lambda row: row.bytes,
        )
    ),
    asking(
        Deed(
            name="unpin",
            description=_("Unpin: let clean-ups remove them again"),
            permission="change",
            consequence=_("Clean-ups remove them from the disk when their turn comes, which may be at once."),
            done="unpinned",
            may=lambda row: _is_kept(row) and row.pinned,
            change=lambda _request, row: _set_pinned(row, False),
            named=_name,
            size=lambda row: row.bytes,
        )
    ),
]


class KindFilter(ChoiceFilter):
    title = _("kind")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(kind, gettext(kind)) for kind in KINDS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Segment]) -> QuerySet[Segment]:
        return queryset.filter(kind=self.chosen)


class StateFilter(ChoiceFilter):
    title = _("state")
    parameter_name = "state"
    _rows: dict[str, Callable[[SegmentQuerySet], SegmentQuerySet]] = {
        "on disk": lambda rows: rows.on_disk(),
        "cold": lambda rows: rows.in_bucket_alone(),
        "pending": lambda rows: rows.filter(pending=True),
        "pinned": lambda rows: rows.filter(pinned=True),
        "removed": lambda rows: rows.gone().filter(removed_at__isnull=False),
        "missing": lambda rows: rows.filter(missing=True),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(state, gettext(state)) for state in self._rows]

    def queryset(self, request: HttpRequest, queryset: Any) -> SegmentQuerySet:
        chosen = self._rows.get(self.chosen or "")
        return queryset.none() if chosen is None else chosen(queryset)


@admin.register(Segment)
class SegmentAdmin(RecordedAdmin):
    """Segments, newest first: find, download, replay and pin them. A list is of one market and kind, as chosen."""

    editable = ("pinned",)
    readonly_fields = ["points", "links"]
    exclude = ["seek_points"]
    list_display = [
        "file_name",
        number("start_t", _("first t")),
        number("end_t", _("last t"), sorts=False),
        number("lines", sorts=False),
        size("bytes", _("size"), sorts=False),
        number("gaps", sorts=False),
        "price",
        "state",
        flag("pinned", _("pinned"), sorts=False),
        "links",
    ]
    list_filter = [MarketFilter, KindFilter, StateFilter]
    list_select_related = ["market"]
    paginator = BoundedPaginator
    show_full_result_count = False
    search_fields = ["name"]
    search_help_text = _("a t, or how a name begins: segment_20260124_12")
    actions = ["verify", *_PINNING]

    def get_ordering(self, request: HttpRequest) -> list[Any]:
        """Names that begin alike come in the order of their index: by t the database would sort all of them."""
        by_name = BEGINNING.fullmatch(request.GET.get(SEARCH_VAR, "").strip())
        return ["-name"] if by_name else ["-start_t"]

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[SegmentQuerySet, bool]:
        return found_by(queryset, search_term.strip()), False

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """The list, each row with the line of its price."""
        changelist = super().get_changelist_instance(request)
        rows = list(changelist.result_list)
        if rows:
            lines = price_lines(rows[0].market, [(row.start_t, max(row.start_t, row.end_t)) for row in rows])
            for row, line in zip(rows, lines, strict=True):
                row.price_line = line
        changelist.result_list = rows
        return changelist

    @admin.display(description=_("price"))
    def price(self, segment: Any) -> SafeString | str:
        line: SafeString | str = segment.price_line
        return line

    @admin.display(description=_("segment"), ordering="name")
    def file_name(self, segment: Segment) -> str:
        """Without the end that all have alike."""
        return segment.name.removesuffix(SUFFIX)

    @admin.display(description=_("state"))
    def state(self, segment: Segment) -> str:
        return gettext(segment.state)

    @admin.display(description=_("seek points"))
    def points(self, segment: Segment) -> str:
        return f"{len(segment.seek_points):,}"

    @admin.display(description=_("links"))
    def links(self, segment: Segment) -> SafeString | str:
        if not _is_kept(segment):
            return NOTHING
        symbol = segment.market.symbol
        file = f"/segment/{segment.kind}/{segment.file}?{urlencode({'symbol': symbol})}"
        return links((_("download"), file), (_("replay"), replay_address(symbol, segment.start_t)))

    @admin.action(permissions=["view"], description=_("Verify: read the files and hold them against their rows"))
    def verify(self, request: HttpRequest, segments: SegmentQuerySet) -> None:
        found = list(segments.finished().on_disk().select_related("market")[: _MOST_VERIFIED + 1])
        if len(found) > _MOST_VERIFIED:
            text = gettext("more than {most} at once take too long here; `manage.py verify` verifies them all")
            self.message_user(request, text.format(most=_MOST_VERIFIED), messages.WARNING)
            return
        note(request, found, "verified", _name)
        faults = [f"{row.path}: {what}" for row in found for what in faults_of(row, directory_of(row.market.symbol))]
        for fault in faults:
            self.message_user(request, fault, messages.ERROR)
        text = _verified(len(found), len(faults), segments.count() - len(found))
        self.message_user(request, text, messages.WARNING if faults else messages.SUCCESS)


def _verified(rows: int, faults: int, left: int) -> str:
    """What verifying some rows has found; those `left` have no finished file to read."""
    found = ngettext("{rows} verified, {count} fault", "{rows} verified, {count} faults", faults)
    told = found.format(rows=rows, count=faults)
    rest = ngettext("{count} is no finished file", "{count} are not finished files", left)
    return f"{told}; {rest.format(count=left)}" if left else told
