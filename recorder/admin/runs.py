"""The admin's pages for runs."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _

from recorder.admin.recorded import RecordedAdmin, replay_address
from recorder.models import Run, Segment, SegmentQuerySet
from runtime.admin_columns import NOTHING, links, number, time

#: After every t: where the run that is the last of its market would end.
LARGEST_T = 2**63 - 1

#: A source may be a path or an address; its page has the whole of it.
_SOURCE_CHARACTERS = 48

#: The sources that make their ticks from a seed.
_SEEDED = ("simulator", "orderbook")


@admin.register(Run)
class RunAdmin(RecordedAdmin):
    """Runs, newest first, with the source and settings that made them."""

    list_display = [
        "market",
        number("first_t"),
        "length",
        "origin",
        "seed",
        "interval",
        time("created_at", _("begun (UTC)")),
        time("ended_at", _("ended (UTC)")),
        "replay",
    ]
    list_filter = ["market", "created_at"]
    list_select_related = ["market"]
    ordering = ["-created_at", "-id"]
    readonly_fields = ["length", "seed", "replay", "made_under"]
    exclude = ["settings"]
    search_fields = ["source"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Run]:
        return with_ends(super().get_queryset(request))

    @admin.display(description=_("length, in ticks"))
    def length(self, run: Any) -> str:
        return length_of(run)

    @admin.display(description=_("source"), ordering="source")
    def origin(self, run: Run) -> str:
        return Truncator(run.source).chars(_SOURCE_CHARACTERS)

    @admin.display(description=_("seed"))
    def seed(self, run: Run) -> str:
        return seed_of(run)

    @admin.display(description=_("tick"), ordering="tick_interval")
    def interval(self, run: Run) -> str:
        return f"{run.tick_interval:g} s"

    @admin.display(description=_("replay"))
    def replay(self, run: Run) -> SafeString:
        return links((_("replay"), replay_address(run.market.symbol, _first_frame_t(run))))

    @admin.display(description=_("settings"))
    def made_under(self, run: Run) -> SafeString:
        return format_html("<pre>{}</pre>", json.dumps(run.settings, indent=2, ensure_ascii=False))


def with_ends(runs: QuerySet[Run]) -> QuerySet[Run]:
    """The runs, each with its last recorded t: that of the newest segment before the next run of its market."""
    later = Run.objects.filter(market=OuterRef("market"), first_t__gte=OuterRef("first_t"))
    # One that made no tick begins with the same t as the next.
    later = later.exclude(first_t=OuterRef("first_t"), id__lte=OuterRef("id"))
    next_t = later.order_by("first_t", "id").values("first_t")[:1]
    runs = runs.annotate(next_t=Coalesce(Subquery(next_t), LARGEST_T))
    return runs.annotate(last_kept=_last_t(Segment.objects.kept()), last_gone=_last_t(Segment.objects.gone()))


def length_of(run: Any) -> str:
    """The ticks of one of `with_ends` from the first to the last that was recorded, those of gaps included."""
    last_t = max((t for t in (run.last_kept, run.last_gone) if t is not None), default=run.first_t - 1)
    return f"{last_t - run.first_t + 1:,}" + ("+" if run.ended_at is None else "")


def seed_of(run: Run) -> str:
    """The seed of a run whose source has one."""
    return str(run.settings.get("seed", NOTHING)) if run.source in _SEEDED else NOTHING


def _last_t(segments: SegmentQuerySet) -> Subquery:
    """The last t of a run in some of the segments: of the newest that begins within it."""
    held = segments.filter(market=OuterRef("market"), kind="ticks", start_t__gte=OuterRef("first_t"))
    return Subquery(held.filter(start_t__lt=OuterRef("next_t")).order_by("-start_t").values("end_t")[:1])


def _first_frame_t(run: Run) -> int:
    """The t at which a window was full for the first time and a frame was due (`camera.window`)."""
    window, stride = (int(run.settings.get(name, 1)) for name in ("cam_w", "cam_stride"))
    return -(-max(window, run.first_t + window - 1) // stride) * stride
