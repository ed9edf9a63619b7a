"""The admin's page for alerts: nothing of them is changed by hand but who sees to them."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Count
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.text import Truncator
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from alerts.models import LEVELS, Alert
from runtime.admin_actions import Deed, asking
from runtime.admin_columns import NOTHING, time
from runtime.admin_front import BAD, GOOD, QUIET, WARN, Block, Cell, Told, ago, front_page, worst
from runtime.admin_read_only import ReadOnlyAdmin

_MOST_ON_FRONT_PAGE = 6
_MESSAGE_CHARACTERS = 120
_TONES = dict(zip(LEVELS, (QUIET, WARN, BAD), strict=True))


def _is_open(alert: Alert) -> bool:
    return alert.cleared_at is None and alert.acknowledged_at is None


def _acknowledge(request: HttpRequest, alert: Alert) -> bool:
    told = {"acknowledged_at": timezone.now(), "acknowledged_by": request.user.get_username()}
    return bool(Alert.objects.filter(pk=alert.pk, cleared_at=None, acknowledged_at=None).update(**told))


_ACKNOWLEDGE = asking(
    Deed(
        name="acknowledge",
        description=_("Acknowledge: say that you see to them"),
        permission="acknowledge",
        consequence=_("They stay open until their cause has ended; all pages here say who sees to them."),
        done="acknowledged",
        may=_is_open,
        change=_acknowledge,
    )
)


@admin.register(Alert)
class AlertAdmin(ReadOnlyAdmin):
    """Alerts, newest first."""

    list_display = [
        time("timestamp", _("raised (UTC)")),
        "level",
        "source",
        "message",
        time("cleared_at", _("cleared (UTC)")),
        "seen_by",
    ]
    actions = [_ACKNOWLEDGE]
    list_filter = ["level", ("cleared_at", admin.EmptyFieldListFilter), "timestamp"]
    search_fields = ["message", "source", "key"]
    date_hierarchy = "timestamp"

    def has_acknowledge_permission(self, request: HttpRequest) -> bool:
        """The right to change alerts means no more than this."""
        return request.user.has_perm("subscribe.change_alert")

    @admin.display(description=_("seen by"))
    def seen_by(self, alert: Alert) -> str:
        return alert.acknowledged_by or NOTHING


def _tell() -> Told:
    """The alerts that are open, newest first."""
    still_open, now = Alert.objects.filter(cleared_at=None), timezone.now()
    levels = dict(still_open.order_by().values_list("level").annotate(count=Count("pk")))
    if not levels:
        return Told(Cell(gettext("None is open"), GOOD))
    count = sum(levels.values())
    headline = Cell(ngettext("{count} is open", "{count} are open", count).format(count=count), _worst(levels))
    heads = (gettext("level"), gettext("what"), gettext("since"), gettext("seen by"))
    rows = [
        [
            Cell(gettext(one.level), _TONES.get(one.level, "")),
            Cell(Truncator(one.message).chars(_MESSAGE_CHARACTERS), address=_page_of(one)),
            Cell(ago(one.timestamp, now), is_number=True),
            Cell(one.acknowledged_by or NOTHING, QUIET),
        ]
        for one in still_open[:_MOST_ON_FRONT_PAGE]
    ]
    return Told(headline, heads, rows)


def _worst(levels: dict[str, int]) -> str:
    return worst(_TONES.get(level, "") for level in levels)


def _page_of(alert: Alert) -> str:
    return reverse("admin:subscribe_alert_change", args=[alert.pk])


front_page.add(Block(20, "alerts", _("Open alerts"), Alert, _tell, "?cleared_at__isempty=1"))
