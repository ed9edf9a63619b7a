"""The admin's pages on backtests: to look, to cancel and to delete."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Count, F, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from backtests.bar import iso
from backtests.engine.curve import equity_svg
from backtests.models import FAILED, QUEUED, RUNNING, Backtest
from backtests.running.dispatch import cancel
from runtime.admin_actions import Deed, asking
from runtime.admin_columns import NOTHING, time
from runtime.admin_front import BAD, GOOD, QUIET, WARN, Block, Cell, Told, ago, front_page

_FIGURES = ("return", "max_drawdown", "sharpe", "exposure", "bars", "trades_count", "refused_count", "fees")

_CANCEL = asking(
    Deed(
        name="cancel",
        description=_("Cancel"),
        permission="change",
        consequence=_("They end without a result. A cancelled backtest cannot be continued."),
        done="cancelled",
        may=lambda backtest: backtest.status in (QUEUED, RUNNING),
        change=lambda _request, backtest: cancel(backtest),
    )
)


@admin.register(Backtest)
class BacktestAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Backtests are started over the API and by command; the admin shows their results."""

    list_display = [
        "backtest_id",
        "strategy",
        "symbol",
        "resolution",
        "status",
        "done",
        "total_return",
        time("created_at", _("created (UTC)")),
    ]
    list_filter = ["status", "strategy", "symbol", "resolution", "created_at"]
    search_fields = ["backtest_id"]
    show_full_result_count = False
    actions = [_CANCEL]
    fields = [
        ("backtest_id", "owner"),
        ("strategy", "params"),
        ("symbol", "resolution"),
        ("begin", "end"),
        ("cash", "fee"),
        ("status", "done", "error"),
        "worker",
        ("created_at", "started_at", "ended_at"),
        "figures",
        "equity",
    ]
    readonly_fields = [
        "backtest_id",
        "owner",
        "strategy",
        "params",
        "symbol",
        "resolution",
        "begin",
        "end",
        "cash",
        "fee",
        "status",
        "done",
        "error",
        "worker",
        "created_at",
        "started_at",
        "ended_at",
        "figures",
        "equity",
    ]

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Backtest]:
        found: QuerySet[Backtest] = super().get_queryset(request)
        # A list of a hundred would else read a hundred curves.
        listed = request.resolver_match is not None and str(request.resolver_match.url_name).endswith("changelist")
        return found.annotate(listed_return=F("result__return")).defer("result") if listed else found

    @admin.display(description=_("progress"), ordering="progress")
    def done(self, backtest: Backtest) -> str:
        return f"{backtest.progress:.0%}"

    @admin.display(description=_("return"))
    def total_return(self, backtest: Any) -> str:
        return NOTHING if backtest.listed_return is None else f"{backtest.listed_return:+.2%}"

    @admin.display(description=_("from"), ordering="from_ms")
    def begin(self, backtest: Backtest) -> str:
        return iso(backtest.from_ms)

    @admin.display(description=_("to"), ordering="to_ms")
    def end(self, backtest: Backtest) -> str:
        return iso(backtest.to_ms)

    @admin.display(description=_("figures"))
    def figures(self, backtest: Backtest) -> str:
        if not backtest.result:
            return NOTHING
        return "; ".join(f"{gettext(name.replace('_', ' '))} {backtest.result[name]}" for name in _FIGURES)

    @admin.display(description=_("equity"))
    def equity(self, backtest: Backtest) -> SafeString | str:
        if not backtest.result:
            return NOTHING
        trades = gettext("all trades: {address}").format(address=f"/api/v1/backtests/{backtest.backtest_id}")
        return format_html("{}<br>{}", equity_svg(backtest.result["equity"], backtest.cash), trades)


#: Failures that are told on the front page: of backtests that were asked for within this time.
_LATELY = timedelta(days=1)
_MOST_ON_FRONT_PAGE = 5
_TONES = {QUEUED: QUIET, RUNNING: GOOD, FAILED: BAD}


def _tell() -> Told:
    """Those that wait, run, or failed lately; both conditions have an index."""
    now = timezone.now()
    chosen = Q(status__in=[QUEUED, RUNNING]) | Q(status=FAILED, created_at__gte=now - _LATELY)
    found = Backtest.objects.filter(chosen).defer("result")
    counts = dict(found.order_by().values_list("status").annotate(count=Count("pk")))
    if not counts:
        return Told(Cell(gettext("None runs or waits, and none failed in 24 h"), QUIET))
    text = gettext("{running} running, {queued} queued, {failed} failed in 24 h")
    told = text.format(**{name: counts.get(name, 0) for name in (RUNNING, QUEUED, FAILED)})
    tone = WARN if counts.get(FAILED) else GOOD
    rows = [_row(one, ago(one.created_at, now)) for one in found[:_MOST_ON_FRONT_PAGE]]
    heads = (gettext("strategy"), gettext("market"), gettext("status"), gettext("asked for"))
    return Told(Cell(told, tone), heads, rows)


def _row(one: Backtest, since: str) -> list[Cell]:
    page = reverse("admin:backtests_backtest_change", args=[one.pk])
    status = f"{gettext(one.status)} {one.progress:.0%}" if one.status == RUNNING else gettext(one.status)
    return [
        Cell(one.strategy, address=page),
        Cell(f"{one.symbol} {one.resolution}"),
        Cell(status, _TONES.get(one.status, "")),
        Cell(gettext("{time} ago").format(time=since), QUIET),
    ]


front_page.add(Block(60, "backtests", _("Backtests"), Backtest, _tell))
