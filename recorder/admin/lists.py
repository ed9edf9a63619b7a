"""Admin lists that open as fast after a year: each is of one market and kind, and counts a bounded number of rows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from recorder.errors import BadName
from recorder.models import Market, SegmentQuerySet
from recorder.segment.layout import parse_name

#: Rows counted at most; nobody turns more pages than these have.
MOST_COUNTED = 10_000

#: What may be an id or a t.
AN_ID = re.compile(r"[0-9]{1,18}", re.ASCII)
#: How names of segments begin, as far as somebody types them.
BEGINNING = re.compile(r"segment_[0-9][0-9_]*", re.ASCII)


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts at most `MOST_COUNTED` rows, and so the last page is never far behind the first.

    A database counts rows, and skips those before a page, by reading each of them: with 600,000 segments that takes
    longer than everything else. Pages by key would have no numbers to jump to. What lies behind the last page is found
    by a search, a filter, or the other order.
    """

    @cached_property
    def count(self) -> int:
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment]
        return rows[:MOST_COUNTED].count()

    @property
    def is_cut(self) -> bool:
        """Whether there may be more rows than it counted."""
        return self.count >= MOST_COUNTED


class ChoiceFilter(admin.SimpleListFilter):
    """A filter that always has a choice, so that the rows come in the order of an index."""

    def default(self) -> str | None:
        """The choice at first."""
        return next((str(lookup) for lookup, _ in self.lookup_choices), None)

    @property
    def chosen(self) -> str | None:
        return self.value() or self.default()

    @property
    def shown(self) -> str:
        """The choice in the words of its link."""
        return next((str(title) for lookup, title in self.lookup_choices if str(lookup) == self.chosen), "")

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        for lookup, title in self.lookup_choices:
            query = changelist.get_query_string({str(self.parameter_name): lookup})
            yield {"selected": str(lookup) == self.chosen, "query_string": query, "display": title}


class MarketFilter(ChoiceFilter):
    title = _("market")
    parameter_name = "market"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(symbol, symbol) for symbol in Market.objects.values_list("symbol", flat=True)]

    def default(self) -> str | None:
        home = settings.CONFIG.symbol
        return home if (home, home) in self.lookup_choices else super().default()

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        market = Market.objects.filter(symbol=self.chosen or "").first()
        return queryset.filter(market=market) if market else queryset.none()


def found_by(rows: SegmentQuerySet, term: str) -> SegmentQuerySet:
    """Segments of one market and kind that hold a t, or whose names begin with the text."""
    if not term:
        return rows
    if AN_ID.fullmatch(term):
        t = int(term)
        last_before = rows.filter(start_t__lte=t).order_by("-start_t").values_list("pk", flat=True)[:1]
        return rows.filter(pk__in=list(last_before), end_t__gte=t)
    try:
        return rows.filter(name=parse_name(term).lasting)
    except BadName:
        return _beginning_with(rows, term) if BEGINNING.fullmatch(term) else rows.none()


def _beginning_with(rows: SegmentQuerySet, text: str) -> SegmentQuerySet:
    """Filters by a range, which has an index.

    The end of the range is a name too, because databases differ in how they sort other characters.
    """
    rows, common = rows.filter(name__gte=text), text.rstrip("9_")
    return rows.filter(name__lt=common[:-1] + str(int(common[-1]) + 1)) if common[-1].isdecimal() else rows
