"""Actions of the admin that ask first: a page says what will happen to what, and the log keeps who did it to which."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from runtime.admin_words import Words

#: Rows that one action takes. The page names each of them in a field of its form, and Django takes 1,000 fields.
MOST_AT_ONCE = 500

#: Names that the page lists in full.
_MOST_NAMED = 20

Action = Callable[[Any, HttpRequest, Any], TemplateResponse | None]


@dataclass(frozen=True, slots=True)
class Deed:
    """One action on chosen rows.

    `may` says whether a row is one that it changes, and `change` changes it unless that was done meanwhile, and returns
    whether it did. `consequence` is the sentence of the page, `done` the word of the log: "pinned". `permission` is
    that of Django's `has_…_permission`.
    """

    name: str
    description: Words
    permission: str
    consequence: Words
    done: str
    may: Callable[[Any], bool]
    change: Callable[[HttpRequest, Any], bool]
    named: Callable[[Any], str] = str
    size: Callable[[Any], int] | None = None


def asking(deed: Deed) -> Action:
    """The deed as an action for `ModelAdmin.actions`."""

    def action(page: Any, request: HttpRequest, chosen: QuerySet[Any]) -> TemplateResponse | None:
        rows = list(chosen[: MOST_AT_ONCE + 1])
        if len(rows) > MOST_AT_ONCE:
            text = _("More than {most} rows are more than one action takes: nothing was done.")
            page.message_user(request, text.format(most=MOST_AT_ONCE), messages.ERROR)
            return None
        if "confirmed" not in request.POST:
            return _ask(deed, page, request, rows)
        _do(deed, page, request, rows)
        return None

    action.__name__ = deed.name
    return admin.action(action, permissions=[deed.permission], description=deed.description)  # type: ignore[arg-type]


def _ask(deed: Deed, page: Any, request: HttpRequest, rows: Sequence[Any]) -> TemplateResponse:
    """The page that says what will happen."""
    to_change = [row for row in rows if deed.may(row)]
    context = {
        **page.admin_site.each_context(request),
        "title": deed.description,
        "opts": page.opts,
        "deed": deed,
        "rows": to_change,
        "names": [deed.named(row) for row in to_change[:_MOST_NAMED]],
        "more": max(0, len(to_change) - _MOST_NAMED),
        "left": len(rows) - len(to_change),
        "bytes": None if deed.size is None else sum(map(deed.size, to_change)),
        "checkbox": ACTION_CHECKBOX_NAME,
        "back": request.get_full_path(),
    }
    return TemplateResponse(request, "admin/ask.html", context)


def _do(deed: Deed, page: Any, request: HttpRequest, rows: Sequence[Any]) -> None:
    """Change the rows and note it, both or neither; a second time finds nothing to change."""
    with transaction.atomic():
        changed = [row for row in rows if deed.change(request, row)]
        note(request, changed, deed.done, deed.named)
    left = len(rows) - len(changed)
    done = ngettext("{count} {done}.", "{count} {done}.", len(changed)).format(count=len(changed), done=_(deed.done))
    rest = ngettext("{count} needed nothing.", "{count} needed nothing.", left).format(count=left) if left else ""
    level = messages.SUCCESS if changed else messages.WARNING
    page.message_user(request, f"{done} {rest}".strip(), level)


def note(request: HttpRequest, rows: Sequence[Any], done: str, named: Callable[[Any], str] = str) -> None:
    """Write into the admin's log that the user of this request did something to these rows. Raises django.db.Error."""
    facts = {"user_id": request.user.pk, "action_flag": CHANGE, "change_message": done}
    kinds = ContentType.objects
    LogEntry.objects.bulk_create(
        LogEntry(content_type=kinds.get_for_model(row), object_id=row.pk, object_repr=named(row)[:200], **facts)
        for row in rows
    )
