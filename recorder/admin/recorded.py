"""What the pages of all rows have in common that only the system writes."""

from __future__ import annotations

from functools import cache
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db import models
from django.http import HttpRequest
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from recorder.admin.lists import ChoiceFilter
from runtime.admin_columns import flag, milliseconds, number, seconds, size
from runtime.admin_read_only import ReadOnlyAdmin


class RecordedAdmin(ReadOnlyAdmin):
    """Rows cannot be added or deleted by hand, and only the fields in `editable` can be changed."""

    editable: tuple[str, ...] = ()

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return bool(self.editable) and admin.ModelAdmin.has_change_permission(self, request, obj)

    def get_fields(self, request: HttpRequest, obj: object = None) -> list[Any]:
        fields = [field for field in self.model._meta.fields if field.name not in (self.exclude or ())]
        shown = [field.name if field.name in self.editable else _shown(field) for field in fields]
        return [*shown, *self.readonly_fields]

    def get_readonly_fields(self, request: HttpRequest, obj: object = None) -> list[Any]:
        return [field for field in self.get_fields(request, obj) if field not in self.editable]

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """The list, under a title that says of which market and what else it is."""
        changelist = super().get_changelist_instance(request)
        choices = (one.shown for one in changelist.filter_specs if isinstance(one, ChoiceFilter))
        chosen = gettext(", ").join(filter(None, choices))
        kinds = capfirst(str(self.opts.verbose_name_plural))
        changelist.title = gettext("{names}: {facts}").format(names=kinds, facts=chosen) if chosen else kinds
        return changelist


@cache  # the same each time: Django looks for one that it was given among those that it is given
def _shown(field: models.Field[Any, Any]) -> Any:
    """How a page shows a field: numbers, times and flags readable, anything else as Django does."""
    name = field.name
    if isinstance(field, models.BooleanField):
        return flag(name, _("yes"), _("no"))
    if field.choices or not isinstance(field, models.IntegerField | models.FloatField) or field.primary_key:
        return name
    for end, column in (("_ms", milliseconds), ("_ts", seconds)):
        if name.endswith(end):
            return column(name, f"{name.removesuffix(end)} (UTC)".replace("_", " "))
    return size(name) if name.endswith("bytes") else number(name)


def replay_address(symbol: str, t: int) -> str:
    """The replay page of a market at a t."""
    return f"/replay/?{urlencode({'symbol': symbol, 't': t})}"
