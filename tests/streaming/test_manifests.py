"""Lists of segments: in parts, told from each other without being read, as cheap after years as on the first day."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponseBase, StreamingHttpResponse
from django.test import RequestFactory

from recorder.manifest import inventory
from recorder.manifest.lists import manifest_before, manifest_of, state_of
from recorder.manifest.row_writer import save_facts
from recorder.manifest.totals import totals
from recorder.models import Market, Segment
from recorder.segment.layout import make_name
from recorder.spans import merged
from recorder.tape.holes import holes
from runtime.http_errors import HttpError
from streaming.http import manifests, parameters
from tests.database_steps import Steps, sqlite_only
from tests.recorder.conftest import facts  # noqa: F401  (a fixture)
from tests.recorder.tape import NOON

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass
class Stub:
    """The relay of a market, as far as lists ask it."""

    symbol: str = "IG-USD"
    store_id: str | None = "a1" * 16

    async def learn_prices(self) -> list[tuple[int, float, float]]:
        return [(0, 40_000.0, 60_000.0), (70, 1.5, 4.5)]


@pytest.fixture
def relay(monkeypatch: pytest.MonkeyPatch) -> Stub:
    stub = Stub()

    async def found(request: Any) -> Stub:
        return stub

    monkeypatch.setattr(parameters, "relay", found)
    return stub


@pytest.fixture
def market() -> Market:
    return Market.objects.create(symbol="IG-USD")


def row(market: Market, start_t: int, end_t: int, kind: str = "ticks", **changes: Any) -> Segment:
    values = {
        "name": make_name(NOON + start_t / 10, start_t).lasting,
        "lines": end_t - start_t + 1,
        "bytes": 7 * start_t + 5,
        "text_bytes": 9,
        "created_at": datetime.fromtimestamp(NOON + end_t / 10, UTC),
        "pending": False,
    }
    return Segment(market=market, kind=kind, start_t=start_t, end_t=end_t, **(values | changes))


def fill(market: Market, segments: int, kind: str = "ticks", first: int = 0) -> None:
    """Finished segments of ten ticks each."""
    rows = (row(market, 10 * n, 10 * n + 9, kind) for n in range(first, first + segments))
    Segment.objects.bulk_create(rows, batch_size=5000)
    inventory.recount(market, kind)


def ask(view: Callable[..., Any], query: str = "", *more: str, **headers: str) -> tuple[HttpResponseBase, Any]:
    """The answer, and what its body says."""
    request = RequestFactory().get(
        f"/{query}", headers={name.replace("_", "-"): text for name, text in headers.items()}
    )

    async def asked() -> tuple[HttpResponseBase, bytes]:
        response = await view(request, *more)
        if isinstance(response, StreamingHttpResponse):
            return response, b"".join([piece async for piece in response])
        return response, response.content

    response, body = asyncio.run(asked())
    return response, json.loads(body) if body else None


def starts(entries: list[dict[str, Any]]) -> list[int]:
    return [entry["start_t"] for entry in entries]


def test_all_that_can_be_fetched_is_listed_the_pending_one_last(market: Market, relay: Stub) -> None:
    fill(market, 4)
    Segment.objects.filter(start_t=10).update(removed_at=datetime.now(UTC))
    Segment.objects.filter(start_t=20).update(missing=True)
    row(market, 5, 8, pending=True, name="segment_20260124_110000_5.jsonl.zst").save()
    row(market, 40, 44, "frames").save()
    response, entries = ask(manifests.manifest, "", "ticks")
    assert starts(entries) == [0, 30, 5]
    assert entries[0] == Segment.objects.get(kind="ticks", start_t=0).manifest_form()
    assert entries[-1]["path"] == "ticks/segment_20260124_110000_5_pending.jsonl.zst"
    assert response["Content-Type"] == "application/json"
    assert (response["Market-Camera-First-T"], response["Market-Camera-Store"]) == ("0", relay.store_id)
    assert ask(manifests.manifest, "", "metrics")[1] == []
    assert "Market-Camera-First-T" not in ask(manifests.manifest, "", "metrics")[0]


def test_finished_ones_of_all_kinds_come_in_the_order_of_t(market: Market, relay: Stub) -> None:
    for kind in ("ticks", "metrics", "frames"):
        fill(market, 300, kind)
    row(market, 9000, 9001, pending=True).save()
    _, entries = ask(manifests.segments, "?kind=all")
    assert [(entry["start_t"], entry["kind"]) for entry in entries] == [
        (10 * n, kind) for n in range(300) for kind in ("frames", "metrics", "ticks")
    ]
    assert starts(ask(manifests.segments, "?kind=all&after_t=2979")[1]) == [2980] * 3 + [2990] * 3
    assert starts(ask(manifests.segments, "?limit=2")[1]) == [0, 10]
    assert starts(ask(manifests.segments, "?kind=all&before_t=2981&limit=4")[1]) == [2970] + [2980] * 3


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?after_t=-1", [0, 10, 20, 30, 40, 50]),
        ("?after_t=0", [0, 10, 20, 30, 40, 50]),
        ("?after_t=9", [10, 20, 30, 40, 50]),
        ("?after_t=25", [20, 30, 40, 50]),
        ("?after_t=39", [40, 50]),
        ("?after_t=50", [50]),
        ("?after_t=9007199254740991", [50]),
        ("?limit=2", [0, 10]),
        ("?limit=5&after_t=9", [10, 20, 30, 40, 50]),
        ("?limit=4&after_t=9", [10, 20, 30, 40]),
        ("?limit=1&after_t=49", [50]),
        ("?limit=100000", [0, 10, 20, 30, 40, 50]),
        ("?before_t=-1", []),
        ("?before_t=0", []),
        ("?before_t=1", [0]),
        ("?before_t=30", [0, 10, 20]),
        ("?before_t=31&limit=2", [20, 30]),
        ("?before_t=9007199254740991&limit=2", [40, 50]),
    ],
)
def test_what_lies_before_or_behind_a_t_is_given_with_the_pending_one(
    market: Market, relay: Stub, query: str, expected: list[int]
) -> None:
    fill(market, 5)
    row(market, 50, 55, pending=True).save()
    assert starts(ask(manifests.manifest, query, "ticks")[1]) == expected


def test_whoever_goes_on_from_the_last_one_gets_each_once(market: Market, relay: Stub) -> None:
    fill(market, 25)
    row(market, 301, 300, gaps=1, lines=1).save()  # a segment that tells of a gap alone, 250 to 300
    row(market, 301, 309, name="segment_20260124_130000_301.jsonl.zst").save()
    row(market, 310, 312, pending=True).save()
    heard, after_t = [], -1
    while page := [
        one for one in ask(manifests.manifest, f"?limit=4&after_t={after_t}", "ticks")[1] if not one["pending"]
    ]:
        heard += page
        after_t = page[-1]["end_t"]
    assert heard == [one for one in ask(manifests.manifest, "", "ticks")[1] if not one["pending"]]
    assert len(heard) == 27


@pytest.mark.parametrize("query", ["after_t=-2", "after_t=x", "after_t=", "after_t=9007199254740992", "after_t=1.5",
                                   "before_t=x", "limit=0", "limit=-1", "limit=", "limit=many"])  # fmt: skip
@pytest.mark.parametrize("view", ["manifest", "segments"])
def test_what_makes_no_sense_is_refused(market: Market, relay: Stub, view: str, query: str) -> None:
    more = ("ticks",) if view == "manifest" else ()
    with pytest.raises(HttpError, match=f"^{query.split('=')[0]} must be") as refused:
        ask(getattr(manifests, view), f"?{query}", *more)
    assert (refused.value.status, refused.value.code) == (400, "bad_parameter")


@pytest.mark.parametrize("view", ["manifest", "segments"])
def test_a_list_has_one_beginning_or_one_end(market: Market, relay: Stub, view: str) -> None:
    with pytest.raises(HttpError, match="give one of them"):
        ask(getattr(manifests, view), "?after_t=1&before_t=9", *(("ticks",) if view == "manifest" else ()))


# -- holes


def test_what_no_segment_holds_is_told_whatever_took_it(market: Market, relay: Stub, now: datetime) -> None:
    fill(market, 20)
    rows = Segment.objects.of(market, "ticks")
    rows.filter(start_t__in=(0, 10)).update(removed_at=now)  # before all that is there
    rows.filter(start_t__in=(40, 50, 70)).update(removed_at=now)
    rows.filter(start_t=90).update(missing=True)
    rows.filter(start_t=190).update(removed_at=now)  # behind all that is there
    rows.filter(start_t__in=(110, 120)).delete()
    rows.filter(start_t__in=(130, 150)).update(gaps=1)  # one tells what is lost before it, one what is lost in it
    row(market, 91, 99, name="segment_20260124_130000_91.jsonl.zst").save()  # made again in part
    fill(market, 1, "frames")
    expected = [(40, 59), (70, 79), (90, 90), (110, 129)]
    assert holes("IG-USD", "ticks", 1000) == expected
    assert holes("IG-USD", "ticks", 2) == expected[-2:]
    assert holes("IG-USD", "frames", 1000) == holes("IG-EUR", "ticks", 1000) == []
    assert ask(manifests.gaps)[1] == [{"from_t": first, "to_t": last} for first, last in expected]


# -- the state of a list


def tag_of(view: Callable[..., Any] = manifests.manifest, query: str = "", *more: str) -> str:
    return str(ask(view, query, *(more or ("ticks",)))[0]["ETag"])


def test_who_has_the_list_is_told_so(market: Market, relay: Stub) -> None:
    fill(market, 3)
    response, entries = ask(manifests.manifest, "", "ticks")
    tag = response["ETag"]
    assert tag.startswith('W/"')
    assert len(entries) == 3
    for told in (tag, tag.removeprefix("W/"), f'"x", {tag}', "*"):
        again, nothing = ask(manifests.manifest, "", "ticks", if_none_match=told)
        assert (again.status_code, nothing) == (304, None)
        assert (again["ETag"], again["Market-Camera-First-T"]) == (tag, "0")
        assert again["Market-Camera-Prices"] == "0:40000.0:60000.0, 70:1.5:4.5"
    assert ask(manifests.manifest, "", "ticks", if_none_match='W/"x"')[0].status_code == 200
    whole, _ = ask(manifests.segments, "?kind=all")
    assert ask(manifests.segments, "?kind=all", if_none_match=whole["ETag"])[0].status_code == 304


@pytest.mark.usefixtures("relay")
def test_every_change_makes_another_state(market: Market, facts: Callable[..., Any], now: datetime) -> None:  # noqa: F811
    tags = [tag_of()]

    def changed(what: str) -> None:
        tags.append(tag_of())
        assert len(set(tags)) == len(tags), what

    save_facts(market, None, facts(1000))
    changed("a segment")
    save_facts(market, None, facts(2000, pending=True, end_t=2000, lines=1))
    changed("a pending one")
    save_facts(market, None, facts(2000, pending=True, end_t=2001, lines=2))
    changed("the pending one grew")
    save_facts(market, None, facts(2000, end_t=2001, lines=2))
    changed("it was sealed")
    save_facts(market, None, facts(1000, bytes=77))
    changed("its row was corrected")
    before = tag_of(manifests.manifest, "", "frames")
    save_facts(market, None, facts(1000, kind="frames"))
    assert tag_of() == tags[-1], "another kind"
    assert tag_of(manifests.manifest, "", "frames") != before


@pytest.fixture
def now() -> datetime:
    return datetime.fromtimestamp(NOON, UTC)


def test_another_recording_has_another_state(market: Market, relay: Stub) -> None:
    fill(market, 1)
    before = tag_of()
    relay.store_id = "b2" * 16
    assert tag_of() != before
    relay.store_id = None
    assert ask(manifests.manifest, "", "ticks")[1]


def test_holes_are_the_same_in_pages_of_any_length(market: Market, now: datetime, monkeypatch: Any) -> None:
    fill(market, 60)
    rows = Segment.objects.of(market, "ticks")
    there = [True] * 60
    for at in (0, 1, 4, 9, 10, 11, 12, 13, 14, 15, 16, 20, 22, 24, 26, 28, 39, 57, 59):
        rows.filter(start_t=10 * at).update(**({"missing": True} if at % 4 == 0 else {"removed_at": now}))
        there[at] = False
    row(market, 240, 249, name="segment_20260124_130000_240.jsonl.zst").save()  # made again
    there[24] = True
    first, last = there.index(True), 59 - there[::-1].index(True)
    lost = [(10 * at, 10 * at + 9) for at in range(first, last) if not there[at]]
    for length in (1, 2, 3, 5, 256):
        monkeypatch.setattr("recorder.tape.holes._PAGE_ROWS", length)
        assert holes("IG-USD", "ticks", 1000) == merged(lost)
        assert holes("IG-USD", "ticks", 3) == merged(lost)[-3:]


def test_a_hole_is_told_however_many_segments_behind_it_lack_something_within(market: Market) -> None:
    fill(market, 30)
    rows = Segment.objects.of(market, "ticks")
    rows.filter(start_t=40).delete()
    rows.filter(start_t__gte=50).update(gaps=1)
    assert holes("IG-USD", "ticks", 3) == [(40, 49)]


def test_many_short_sequences_of_removed_segments_cost_few_questions(
    market: Market, now: datetime, django_assert_max_num_queries: Any
) -> None:
    fill(market, 801)
    Segment.objects.of(market, "ticks").filter(pk__in=[row.pk for row in Segment.objects.all()[1::2]]).update(
        removed_at=now
    )
    with django_assert_max_num_queries(12):
        assert len(holes("IG-USD", "ticks", 1000)) == 400


# -- after years


def polled(market: Market) -> tuple[int, ...]:
    """What a page's questions cost: steps of the database for each, and bytes of the answers."""
    last = Segment.objects.of(market, "ticks").finished().order_by("-start_t")[0].end_t
    with Steps() as asked:
        state_of("IG-USD", ("ticks",))
    with Steps() as read:
        found = list(manifest_of("IG-USD", "ticks", after_t=last))
    assert [entry["pending"] for entry in found] == [True]
    with Steps() as read_before:
        part = list(manifest_before("IG-USD", "ticks", 4000, 100))
    with Steps() as looked_for_holes:
        assert len(holes("IG-USD", "ticks", 1000)) == 1
    with Steps() as summed:
        assert totals("IG-USD")
    steps = (one.count for one in (asked, read, read_before, looked_for_holes, summed))
    return *steps, len(json.dumps(found + part))


@sqlite_only
def test_a_question_costs_the_same_with_twenty_times_the_segments(market: Market) -> None:
    costs = []
    for first, count in ((0, 500), (500, 9_500)):
        fill(market, count, first=first)
        Segment.objects.filter(start_t=100).update(missing=True)
        pending = row(market, 10 * (first + count), 10 * (first + count) + 3, pending=True)
        pending.save()
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        costs.append(polled(market))
        pending.delete()
    for few, many in zip(*costs, strict=True):
        assert many <= 1.3 * few, f"{costs[0]} with 500 segments, {costs[1]} with 10,000"


def test_the_whole_list_is_read_as_it_is_taken(market: Market, relay: Stub) -> None:
    fill(market, 5000)
    entries = manifest_of("IG-USD", "ticks")
    with Steps() as first:
        assert next(entries)["start_t"] == 0
    with Steps() as rest:
        assert sum(1 for _ in entries) == 4999
    assert first.count < rest.count / 50
    response, listed = ask(manifests.manifest, "", "ticks")
    assert response.streaming
    assert starts(listed) == list(range(0, 50_000, 10))


def test_a_segment_that_is_sealed_while_the_list_is_made_is_listed_once(market: Market) -> None:
    fill(market, 3)
    pending = row(market, 30, 39, pending=True)
    pending.save()
    entries: Iterator[dict[str, Any]] = manifest_of("IG-USD", "ticks")
    found = [next(entries)]
    Segment.objects.filter(pk=pending.pk).update(pending=False)
    fill(market, 1, first=4)
    found += entries
    assert len(found) == len({entry["path"].replace("_pending", "") for entry in found}) >= 4
