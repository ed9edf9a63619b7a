"""The list of segments reads few rows, however many there are: by what the database plans, and by what it counts."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from monitoring.rows import look
from recorder.admin import front_recorded, lists
from recorder.cold import copying
from recorder.cold.bucket import open_bucket
from recorder.digests import making
from recorder.digests.lost_chunks import segments_of
from recorder.digests.making import due, segments_to_do
from recorder.digests.unsummed import waiting
from recorder.models import Market, Segment

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "sqlite", reason="reads the plans of SQLite"),
]

LIST = reverse("admin:recorder_segment_changelist")
STATES = {
    "on disk": "segment_on_disk",
    "cold": "segment_in_bucket_alone",
    "pending": "segment_pending",
    "pinned": "segment_pinned",
    "removed": "segment_gone",
    "missing": "segment_missing",
}


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
    return plans_of(lambda: client.get(f"{LIST}?{urlencode(query)}"))


def plans_of(ask: Callable[[], Any]) -> list[str]:
    """The same of whatever asks; with the parameters as they are given, for with them in its text a query may be
    planned otherwise.
    """
    asked: list[tuple[str, Any]] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        asked.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        ask()
    on_segments = [one for one in asked if 'FROM "recorder_segment"' in one[0]]
    assert on_segments
    steps = []
    with connection.cursor() as cursor:
        for sql, params in on_segments:
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}", params)
            steps += [f"{row[3]} <- {sql}" for row in cursor.fetchall()]
    return steps


def assert_few_are_read(steps: list[str]) -> None:
    # Of rows that are alike in the first part of an order, the right part of it sorts a few.
    slow = [step for step in steps if step.startswith(("SCAN recorder_segment", "USE TEMP B-TREE FOR ORDER BY"))]
    assert not slow, "\n".join(slow)


@pytest.mark.parametrize("state", STATES)
def test_each_filter_reads_in_the_order_of_an_index_that_has_no_others(admin_client: Client, state: str) -> None:
    steps = plans(admin_client, state=state)
    assert_few_are_read(steps)
    found = {name for step in steps for name in re.findall(r"recorder_segment USING (?:COVERING )?INDEX (\w+)", step)}
    assert found == {STATES[state]}


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


@pytest.mark.parametrize(
    "ask",
    [
        front_recorded._tell_digests,
        look,
        due,
        lambda: segments_to_do(Market.objects.get(), anew=False),
        lambda: waiting("IG-USD", "frames", 0, 1000),
    ],
    ids=["front page", "metrics", "due", "to do", "waiting"],
)
def test_segments_without_a_digest_are_looked_for_among_none_but_these(ask: Callable[[], Any]) -> None:
    steps = [step for step in plans_of(ask) if '"digest" = ' in step]
    on_segments = [step for step in steps if re.match(r"(SEARCH|SCAN) (recorder_segment|U0|V0) (?!.*_market_1 )", step)]
    assert on_segments
    assert [step for step in on_segments if "INDEX segment_undigested" not in step] == []


def test_so_are_those_that_wait_for_a_copy() -> None:
    steps = [step for step in plans_of(copying.due) if step.startswith(("SEARCH", "SCAN"))]
    assert [step for step in steps if "INDEX segment_uncopied" not in step] == []


def test_digests_that_wait_for_a_copy_are_looked_for_among_none_but_these(tmp_path: Path) -> None:
    run = copying.Copying(Market.objects.get(), tmp_path, open_bucket(f"file://{tmp_path}"), 0)
    steps = plans_of(lambda: run._copy_digests(lambda: False))
    assert [step for step in steps if "INDEX segment_digest_uncopied" not in step or "TEMP B-TREE" in step] == []


def test_whether_digests_are_of_another_version_is_read_at_the_ends_of_an_index() -> None:
    steps = plans_of(lambda: making._outdate(Market.objects.get(), "metrics"))
    assert_few_are_read(steps)
    slow = [step for step in steps if "INDEX segment_digest_version" not in step or "ORDER BY" not in step]
    assert slow == []


@pytest.mark.parametrize("state", ["kept", "gone"])
def test_segments_of_a_lost_chunk_are_looked_for_around_it_alone(state: str) -> None:
    (rows,) = segments_of(Market.objects.get(), "metrics", [(6, 1)])
    steps = plans_of(lambda: list(getattr(rows, state)().order_by("start_t", "name")))
    assert_few_are_read(steps)
    searches = [step for step in steps if step.startswith("SEARCH")]
    assert [step for step in searches if not re.search(r"INDEX segment_digest\w+ \(.*start_t", step)] == []


def test_lost_segments_with_a_digest_are_not_looked_for_among_removed_ones() -> None:
    steps = plans_of(lambda: making._left(Market.objects.get(), "metrics", keep_removed=True))
    assert [step for step in steps if "INDEX segment_digest_lost" not in step and "TEMP B-TREE" not in step] == []
