"""The admin shows what is recorded and lets nobody change it."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from recorder.manifest.inventory import change_row
from recorder.models import Segment

pytestmark = pytest.mark.django_db


def page(name, *args):
    return reverse(f"admin:recorder_{name}", args=args)


@pytest.mark.parametrize("model", ["market", "run", "segment"])
def test_lists_and_pages_are_shown(admin_client, segment, model):
    pk = {"market": segment.market_id, "run": segment.run_id, "segment": segment.pk}[model]
    assert admin_client.get(page(f"{model}_changelist")).status_code == 200
    assert admin_client.get(page(f"{model}_change", pk)).status_code == 200


@pytest.mark.parametrize("model", ["market", "run", "segment"])
def test_nothing_is_added_or_deleted(admin_client, segment, model):
    pk = {"market": segment.market_id, "run": segment.run_id, "segment": segment.pk}[model]
    assert admin_client.get(page(f"{model}_add")).status_code == 403
    assert admin_client.post(page(f"{model}_delete", pk), {"post": "yes"}).status_code == 403
    admin_client.post(
        page(f"{model}_changelist"), {"action": "delete_selected", "_selected_action": [pk], "post": "yes"}
    )
    assert Segment.objects.filter(pk=segment.pk, market=segment.market_id, run=segment.run_id).exists()


@pytest.mark.parametrize("model", ["market", "run"])
def test_markets_and_runs_cannot_be_changed(admin_client, segment, model):
    pk = {"market": segment.market_id, "run": segment.run_id}[model]
    assert admin_client.post(page(f"{model}_change", pk), {"symbol": "X", "source": "X"}).status_code == 403


def test_of_a_segment_only_the_pin_can_be_changed(admin_client, segment):
    answer = admin_client.post(
        page("segment_change", segment.pk), {"pinned": "on", "lines": 5, "start_t": 5, "name": "x"}
    )
    assert answer.status_code == 302
    row = Segment.objects.get()
    assert row.pinned
    assert (row.lines, row.start_t, row.name) == (1000, 1000, segment.name)


def test_many_are_pinned_and_unpinned_at_once(admin_client, segment):
    for action, pinned in (("pin", True), ("unpin", False)):
        admin_client.post(page("segment_changelist"), {"action": action, "_selected_action": [segment.pk]})
        assert Segment.objects.get().pinned is pinned


def test_a_segment_links_to_its_file_and_its_replay(admin_client, segment):
    html = admin_client.get(page("segment_changelist")).content.decode()
    assert 'href="/segment/ticks/segment_20260124_120000_1000.jsonl.zst?symbol=IG-USD"' in html
    assert 'href="/replay/?symbol=IG-USD&amp;t=1000"' in html
    assert "1.1\xa0MB" in html


def test_a_file_that_is_gone_has_no_links(admin_client, segment, now):
    Segment.objects.update(removed_at=now)
    html = admin_client.get(page("segment_changelist")).content.decode()
    assert "/replay/" not in html
    assert "removed" in html


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("kind=ticks", True),
        ("kind=frames", False),
        ("kind=none", False),
        ("market=IG-USD", True),
        ("market=NONE", False),
        ("state=on disk", True),
        ("state=missing", False),
        ("state=none", False),
        ("q=1200", True),
        ("q=999", False),
        ("q=2000", False),
        ("q=segment_20260124_120000_1000.jsonl.zst", True),
        ("q=segment_20260124_120000_1000_pending.jsonl.zst", True),
        ("q=segment_20260124", True),
        ("q=segment_2026012", True),
        ("q=segment_20260124_11", False),
        ("q=segment_20260125", False),
        ("q=segment_9999", False),
        ("q=segment_9_", False),
        ("q=ment", False),
        ("q=%27;--", False),
        ("q=99999999999999999999", False),
    ],
)
def test_segments_can_be_filtered(admin_client, segment, query, found):
    answer = admin_client.get(page("segment_changelist") + "?" + query)
    assert answer.status_code == 200
    assert (f">{segment.name}</a>" in answer.content.decode()) is found


@pytest.mark.parametrize("state", ["pending", "pinned", "removed", "missing"])
def test_each_state_shows_those_that_are_in_it(admin_client, segment, now, state):
    Segment.objects.update(**{"removed_at" if state == "removed" else state: now if state == "removed" else True})
    shown = {
        one: segment.name in admin_client.get(page("segment_changelist") + f"?state={one}").content.decode()
        for one in ("on disk", "pending", "pinned", "removed", "missing")
    }
    on_disk = state not in ("removed", "missing")
    assert shown == {"on disk": on_disk} | {one: one == state for one in ("pending", "pinned", "removed", "missing")}


def test_lists_count_no_further_than_anybody_turns_pages(admin_client, segment, facts, monkeypatch):
    from recorder import admin_lists
    from recorder.manifest.row_writer import save_facts

    monkeypatch.setattr(admin_lists, "MOST_COUNTED", 2)
    for t in (2000, 3000):
        save_facts(segment.market, None, facts(t))
    with CaptureQueriesContext(connection) as asked:
        answer = admin_client.get(page("segment_changelist"))
    assert answer.context["cl"].result_count == 2
    counts = [query["sql"] for query in asked if "COUNT(" in query["sql"]]
    assert all("LIMIT 2" in sql for sql in counts), counts
    assert all("LIKE" not in query["sql"] for query in asked)


def test_a_market_shows_what_is_on_disk(admin_client, segment, facts, now):
    from recorder.manifest.row_writer import save_facts

    gone = save_facts(segment.market, None, facts(5000))
    change_row(Segment.objects.filter(pk=gone.pk), removed_at=now)
    html = admin_client.get(page("market_changelist")).content.decode()
    assert '<td class="field-segments_on_disk">1</td>' in html
    assert "1.1\xa0MB" in html
    assert "2.3\xa0MB" not in html


def test_a_market_shows_its_totals_of_each_kind(admin_client, segment, facts):
    from recorder.manifest.row_writer import save_facts

    save_facts(segment.market, None, facts(5000, kind="frames", bytes=2048))
    for answer in (page("market_changelist"), page("market_change", segment.market_id)):
        html = admin_client.get(answer).content.decode()
        assert "1.1\xa0MB, 1,000 lines, 1 segments (0 removed)" in html
        assert "2.0\xa0KB, 1,000 lines, 1 segments (0 removed)" in html


def verified(admin_client, *segments, query=""):
    answer = admin_client.post(
        page("segment_changelist") + query,
        {"action": "verify", "_selected_action": [s.pk for s in segments]},
        follow=True,
    )
    return [str(message) for message in answer.context["messages"]]


def test_segments_are_verified_where_they_lie(admin_client, market, tmp_path, settings, now):
    from dataclasses import replace

    from tests.recorder.store import Store

    settings.CONFIG = replace(settings.CONFIG, store_dir=tmp_path)
    store = Store(market, tmp_path)
    store.record(30)
    store.record(30)
    first, second = Segment.objects.filter(kind="frames").order_by("start_t")
    assert verified(admin_client, first, second, query="?kind=frames") == ["2 verified, 0 faults"]
    (tmp_path / "frames" / first.name).unlink()
    Segment.objects.filter(pk=second.pk).update(pending=True)
    assert verified(admin_client, first, second, query="?kind=frames") == [
        f"frames/{first.name}: the file is missing",
        "1 verified, 1 faults; 1 are not finished files",
    ]


def test_more_than_a_page_can_wait_for_is_left_to_the_command(admin_client, segment, monkeypatch):
    from recorder import admin

    monkeypatch.setattr(admin, "_MOST_VERIFIED", 0)
    (said,) = verified(admin_client, segment)
    assert said == "more than 0 at once take too long here; `manage.py verify` verifies them all"
