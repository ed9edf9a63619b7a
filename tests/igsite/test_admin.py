"""The admin says whose it is, and opens its lists with as many queries for many rows as for few."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from access.audit import CONNECT, Count, Entry
from access.audit_rows import write
from access.tokens import issue
from alerts.models import Alert
from backtests.models import Backtest
from bars.models import Bar, Gap
from recorder.models import Agent, Inventory, Lease, Market, Run, Segment

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 1, 24, 12, tzinfo=UTC)


def test_it_bears_the_name_of_the_site(client: Client, admin_client: Client) -> None:
    for html in (
        client.get(reverse("admin:login")).content.decode(),
        admin_client.get(reverse("admin:index")).content.decode(),
    ):
        assert "Market Camera" in html
        assert "Django" not in html
        assert '<link rel="icon" href="/static/streaming/icon.svg"' in html


def test_the_site_is_the_live_page(admin_client: Client) -> None:
    assert '<a href="/live/">' in admin_client.get(reverse("admin:index")).content.decode()


def test_times_have_seconds(admin_client: Client) -> None:
    run = Run.objects.create(
        market=Market.objects.create(symbol="IG-USD"), first_t=0, start_ts=0, tick_interval=0.1, source="simulator"
    )
    Run.objects.update(created_at=NOON + timedelta(seconds=7))
    assert (
        "2026-01-24 12:00:07" in admin_client.get(reverse("admin:recorder_run_change", args=[run.pk])).content.decode()
    )


def fill(number: int, owner: Any) -> None:
    """One more row of everything."""
    market = Market.objects.create(symbol=f"M{number}")
    home, _ = Market.objects.get_or_create(symbol="IG-USD")
    Lease.objects.create(market=market, token="x", holder=f"process {number}")
    Inventory.objects.create(market=market, kind="ticks", segments=1, bytes=1, lines=1)
    run = Run.objects.create(market=home, first_t=10 * number, start_ts=0, tick_interval=0.1, source="simulator")
    Segment.objects.create(
        **{"market": home, "run": run, "kind": "ticks", "name": f"segment_20260124_12000{number}_{number}.jsonl.zst"},
        **{"start_t": 10 * number, "end_t": 10 * number + 9, "lines": 10, "bytes": 1, "text_bytes": 1},
        **{"created_at": NOON, "pending": False},
    )
    Agent.objects.create(market=home, agent_id=number, name=f"a{number}", folded=f"a{number}", first_t=0)
    Gap.objects.create(market=home, at_ms=number, from_t=number, to_t=number)
    prices = dict.fromkeys(("open", "high", "low", "close", "volume"), 1.0)
    Bar.objects.create(
        **{"market": home, "resolution": "1s", "open_ms": 1000 * number, **prices, "matches": 1},
        **{"first_t": number, "last_t": number, "next_ms": 1000 * number + 1000},
    )
    Alert.objects.create(level="info", message="m", source="s", key=f"k{number}", timestamp=NOON)
    token, _ = issue(f"token {number}", owner=owner)
    LogEntry.objects.log_actions(owner.pk, [token], CHANGE, "revoked")
    User.objects.create_user(f"user {number}")
    Group.objects.create(name=f"group {number}")
    write({Entry(NOON.date(), CONNECT, f"token {number}", "192.0.2.1"): Count(1, NOON, NOON)})
    Backtest.objects.create(strategy="ma_cross", symbol="IG-USD", resolution="1m", from_ms=0, to_ms=1, cash=1, fee=0)


def queries(client: Client) -> dict[str, int]:
    """How many queries each page needs that shows many rows."""
    pages = {"": reverse("admin:index")}
    for model in admin.site._registry:
        label = f"{model._meta.app_label}_{model._meta.model_name}"
        pages[label] = reverse(f"admin:{label}_changelist") + ("?resolution=1s" if model is Bar else "")
    return {label: queries_of(client, address) for label, address in pages.items()}


def queries_of(client: Client, address: str) -> int:
    client.get(address)
    with CaptureQueriesContext(connection) as asked:
        assert client.get(address).status_code == 200
    return len(asked)


def test_many_rows_need_as_many_queries_as_few(admin_client: Client, admin_user: Any) -> None:
    for number in range(5):
        fill(number, admin_user)
    few = queries(admin_client)
    for number in range(5, 50):
        fill(number, admin_user)
    many = queries(admin_client)
    # The clean-up chooses among the oldest segments of each market and kind: one query for each.
    assert many.pop("") <= few.pop("") + 45
    assert many == few
