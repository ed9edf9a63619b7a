"""The list of segments reads few rows, however many there are: by what the database plans, and by what it counts."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from recorder.admin import lists
from recorder.models import Market, Segment

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "sqlite", reason="reads the plans of SQLite"),
]

LIST = reverse("admin:recorder_segment_changelist")
STATES = ("on disk", "cold", "pending", "pinned", "removed", "missing")


@pytest.fixture(autouse=True)
def rows() -> None:
    """More segments than are counted, on pages of two."""
    market = Market.objects.create(symbol="IG-USD")
    Segment.objects.bulk_create(
        Segment(
            **{"market": market, "kind": "ticks", "name": f"segment_20260124_120000_{10 * n}.jsonl.zst"},
            **{"start_t": 10 * n, "end_t": 10 * n + 9, "lines": 10, "bytes": 1, "text_bytes": 1},
            **{"created_at": timezone.now(), "pending": False},
        )
        for n in range(10)
    )


@pytest.fixture(autouse=True)
def few_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin.site.get_model_admin(Segment), "list_per_page", 2)
    monkeypatch.setattr(lists, "MOST_COUNTED", 6)


def plans(client: Client, **query: Any) -> list[str]:
    """The steps of the plans of all queries on segments, each with its query."""
    with CaptureQueriesContext(connection) as asked:
        assert client.get(f"{LIST}?{urlencode(query)}").status_code == 200
    texts = [one["sql"] for one in asked if 'FROM "recorder_segment"' in one["sql"]]
    assert texts
    steps = []
    with connection.cursor() as cursor:
        for text in texts:
            cursor.execute(f"EXPLAIN QUERY PLAN {text}")
            steps += [f"{row[3]} <- {text}" for row in cursor.fetchall()]
    return steps


def assert_few_are_read(steps: list[str]) -> None:
    # Of rows that are alike in the first part of an order, the right part of it sorts a few.
    slow = [step for step in steps if step.startswith(("SCAN recorder_segment", "USE TEMP B-TREE FOR ORDER BY"))]
    assert not slow, "\n".join(slow)


@pytest.mark.parametrize("state", STATES)
def test_each_filter_reads_in_the_order_of_an_index(admin_client: Client, state: str) -> None:
    assert_few_are_read(plans(admin_client, state=state))


@pytest.mark.parametrize(
    "query",
    [{"p": 3}, {"q": 45}, {"q": "segment_20260124"}, {"q": "segment_20260124_120000_30.jsonl.zst"}, {"o": "2"}],
    ids=["last page", "t", "beginning", "name", "oldest first"],
)
def test_so_do_the_last_page_searches_and_the_other_order(admin_client: Client, query: dict[str, Any]) -> None:
    assert_few_are_read(plans(admin_client, **query))


def test_no_column_sorts_that_has_no_index(admin_client: Client) -> None:
    for column in range(1, len(admin.site.get_model_admin(Segment).list_display) + 1):
        assert_few_are_read(plans(admin_client, o=f"-{column}"))


def test_no_page_lies_behind_what_is_counted_and_the_list_says_that_there_is_more(admin_client: Client) -> None:
    html = admin_client.get(LIST).content.decode()
    assert "More than 6 rows: a search, a filter or the other order finds the rest." in html
    assert 'href="?p=3"' in html
    assert 'href="?p=4"' not in html
    oldest = admin_client.get(f"{LIST}?o=2").context["cl"].result_list
    assert [row.start_t for row in oldest] == [0, 10]
