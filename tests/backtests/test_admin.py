"""The admin's pages: the equity curve without script or style, cancelling, and nothing that could be changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

from django.test import Client
from django.urls import reverse

from backtests.engine.curve import equity_svg
from backtests.models import Backtest
from backtests.running import run_backtest

Made = Callable[..., Backtest]
LIST = "admin:backtests_backtest_changelist"


def page(backtest: Backtest) -> str:
    return reverse("admin:backtests_backtest_change", args=[backtest.pk])


def test_a_curve_lies_within_its_picture() -> None:
    svg = ElementTree.fromstring(equity_svg([(0, 100.0), (50, 40.0), (100, 160.0)], 100.0))
    line = svg.find("{*}polyline")
    assert line is not None
    points = [tuple(map(float, point.split(","))) for point in line.attrib["points"].split()]
    assert points == [(90.0, 113.0), (420.0, 216.0), (750.0, 10.0)]
    assert {element.text for element in svg.findall("{*}text")} >= {"160.00", "40.00"}


def test_a_curve_that_never_moves_is_a_line() -> None:
    assert equity_svg([(5, 100.0), (5, 100.0)], 100.0).count("90.0,10.0") == 2


def test_the_page_shows_the_curve_and_needs_neither_script_nor_style(admin_client: Client, made: Made) -> None:
    backtest = made()
    run_backtest.run(backtest.backtest_id, lambda _: None)
    answer = admin_client.get(page(backtest))
    html = answer.content.decode()
    svg = html[html.index("<svg xmlns") : html.index("</svg>", html.index("<svg xmlns"))]
    assert "<polyline" in svg
    assert "style=" not in svg
    assert "<script" not in svg
    assert "max drawdown" in html


def test_one_without_a_result_is_shown_too(admin_client: Client, made: Made) -> None:
    html = admin_client.get(page(made(status="failed", error="it <broke>"))).content.decode()
    assert "it &lt;broke&gt;" in html
    assert "<polyline" not in html


def test_a_result_over_bars_of_no_time_is_shown_too(admin_client: Client, made: Made) -> None:
    names = ("return", "max_drawdown", "sharpe", "exposure", "bars", "trades_count", "refused_count", "fees")
    equity = [[1_700_000_000_000_000, 1000.0], [1_700_000_000_000_001_000, 1001.0]]
    backtest = made(status="done", result={**dict.fromkeys(names, 0), "equity": equity})
    html = admin_client.get(page(backtest)).content.decode()
    assert ">1700000000000000 ms<" in html
    assert "<polyline" in html


def test_the_list_tells_the_return(admin_client: Client, made: Made) -> None:
    made(status="done", result={"return": 0.0712, "equity": [[0, 1.0]]})
    made(status="queued")
    html = admin_client.get(reverse(LIST)).content.decode()
    assert "+7.12%" in html
    assert admin_client.get(reverse(LIST) + "?status__exact=queued&q=bt_").status_code == 200


def test_several_are_cancelled_at_once(admin_client: Client, made: Made, published: list[Any]) -> None:
    rows = [made(), made(status="running"), made(status="done")]
    data = {"action": "cancel", "_selected_action": [row.pk for row in rows], "confirmed": "yes"}
    html = admin_client.post(reverse(LIST), data, follow=True).content.decode()
    assert "2 cancelled" in html
    assert [row.status for row in Backtest.objects.order_by("pk")] == ["cancelled", "cancelled", "done"]
    assert [one["backtest_id"] for one in published] == [rows[0].backtest_id]


def test_nothing_is_added_or_changed_by_hand(admin_client: Client, made: Made) -> None:
    assert admin_client.get(reverse("admin:backtests_backtest_add")).status_code == 403
    backtest = made()
    admin_client.post(page(backtest), {"status": "done", "cash": "7"})
    assert Backtest.objects.values_list("status", "cash").get() == ("queued", 1000.0)
