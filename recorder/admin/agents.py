"""The admin's pages for named agents."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from recorder.admin.lists import AN_ID, BoundedPaginator, MarketFilter
from recorder.admin.recorded import RecordedAdmin
from recorder.models import Agent
from runtime.admin_columns import number


@admin.register(Agent)
class AgentAdmin(RecordedAdmin):
    """Named agents: found by a part of a name, or by id."""

    list_display = [number("agent_id"), "name", number("first_t", sorts=False)]
    list_filter = [MarketFilter]
    ordering = ["agent_id"]
    paginator = BoundedPaginator
    show_full_result_count = False
    search_fields = ["name"]
    search_help_text = _("a part of a name, or an id")

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[QuerySet[Agent], bool]:
        term = search_term.strip()
        by_id = Q(agent_id=int(term)) if AN_ID.fullmatch(term) else Q()
        return queryset.filter(by_id | Q(folded__contains=term.casefold())), False
