"""The admin shows what is recorded and lets nobody change it."""

import re

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
        fields = {"action": action, "_selected_action": [segment.pk], "confirmed": "yes"}
        admin_client.post(page("segment_changelist"), fields)
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
    assert (">segment_20260124_120000_1000</a>" in answer.content.decode()) is found


@pytest.mark.parametrize("state", ["pending", "pinned", "removed", "missing"])
def test_each_state_shows_those_that_are_in_it(admin_client, segment, now, state):
    def text(address):
        return admin_client.get(address).content.decode()

    Segment.objects.update(**{"removed_at" if state == "removed" else state: now if state == "removed" else True})
    shown = {
        one: ">segment_20260124_120000_1000</a>" in text(page("segment_changelist") + f"?state={one}")
        for one in ("on disk", "pending", "pinned", "removed", "missing")
    }
    on_disk = state not in ("removed", "missing")
    assert shown == {"on disk": on_disk} | {one: one == state for one in ("pending", "pinned", "removed", "missing")}


def test_lists_count_no_further_than_anybody_turns_pages(admin_client, segment, facts, monkeypatch):
    from recorder.admin import lists
    from recorder.manifest.row_writer import save_facts

    monkeypatch.setattr(lists, "MOST_COUNTED", 2)
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
    listed = admin_client.get(page("market_changelist")).content.decode()
    assert cell(listed, "ticks") == cell(listed, "frames") == "1,000"
    assert cell(listed, "metrics") == "–"
    html = admin_client.get(page("market_change", segment.market_id)).content.decode()
    assert "ticks: 1,000 lines, 1.1\xa0MB in 1 segment (0 removed)" in html
    assert "frames: 1,000 lines, 2.0\xa0KB in 1 segment (0 removed)" in html


def test_a_market_shows_who_writes_it_now(admin_client, segment):
    from recorder.models import Lease

    lease = Lease.objects.create(market=segment.market, token="a", holder="process 7 on a-host", host="a-host")
    assert cell(admin_client.get(page("market_changelist")).content.decode(), "writer") == "process 7 on a-host"
    Lease.objects.filter(pk=lease.pk).update(token="")
    assert cell(admin_client.get(page("market_changelist")).content.decode(), "writer") == "–"


def cell(html, field):
    """What the first row of a list has in a column, without its tags."""
    (text, *_) = re.findall(f'<t[dh] class="field-{field}[^"]*">(.*?)</t[dh]>', html)
    return re.sub("<[^>]*>", "", text)


def test_the_newest_segment_is_the_first_and_its_numbers_can_be_read(admin_client, segment, facts):
    from recorder.manifest.row_writer import save_facts

    save_facts(segment.market, segment.run, facts(1_230_747_000, lines=12_345, gaps=3, bytes=7_864_320))
    answer = admin_client.get(page("segment_changelist"))
    html = answer.content.decode()
    assert [row.start_t for row in answer.context["cl"].result_list] == [1_230_747_000, 1000]
    assert [cell(html, name) for name in ("start_t", "end_t", "lines", "bytes", "gaps", "state", "links")] == [
        *("1,230,747,000", "1,230,747,999", "12,345", "7.5\xa0MB", "3", "finished"),
        "download · replay",
    ]
    assert answer.context["title"] == "Segments: IG-USD, ticks, on disk"


def test_segments_show_the_course_of_the_price(admin_client, market, tmp_path):
    from recorder.digests.making import make_digests
    from tests.recorder.store import Store

    store = Store(market, tmp_path)
    for ticks in (300, 50, 300):
        store.record(ticks)
    assert cell(admin_client.get(page("segment_changelist")).content.decode(), "price") == "–"
    make_digests(market, tmp_path)
    for kind in ("ticks", "frames"):
        html = admin_client.get(page("segment_changelist") + f"?kind={kind}").content.decode()
        newest, _, oldest = re.findall('<td class="field-price">(.*?)</td>', html)
        assert newest != oldest
        for line in (newest, oldest):
            (points,) = re.findall('<polyline points="([^"]*)"', line)
            x, y = zip(*(map(float, point.split(",")) for point in points.split()), strict=True)
            assert (min(x), max(x), min(y), max(y)) == (1, 49, 1, 15)
        assert "price between 4" in newest or "price between 5" in newest


def test_a_segment_that_is_not_pinned_raises_no_alarm(admin_client, segment):
    assert cell(html := admin_client.get(page("segment_changelist")).content.decode(), "pinned") == "–"
    assert "icon-no" not in html
    Segment.objects.update(pinned=True)
    assert cell(admin_client.get(page("segment_changelist")).content.decode(), "pinned") == "pinned"


def test_the_page_of_a_segment_shows_each_field_once(admin_client, segment):
    html = admin_client.get(page("segment_change", segment.pk)).content.decode()
    assert html.count('class="form-row field-') == len(Segment._meta.fields) + 1  # with links
    assert "not in the bucket" in html
    assert "9,000,000" not in html
    assert "8.6\xa0MB" in html
    assert ">139000" not in html
    assert "icon-no" not in html


def run_lengths(admin_client):
    rows = admin_client.get(page("run_changelist")).context["cl"]
    return [(run.first_t, rows.model_admin.length(run)) for run in rows.result_list]


def test_runs_show_how_long_they_are_newest_first(admin_client, segment, facts, now):
    from recorder.manifest.row_writer import save_facts
    from recorder.models import Run

    Run.objects.update(ended_at=now)
    common = {"market": segment.market, "start_ts": 0, "tick_interval": 0.1, "source": "simulator", "ended_at": now}
    begun_for_nothing = Run.objects.create(first_t=2000, **common)
    removed = Run.objects.create(first_t=2000, **common)
    save_facts(segment.market, removed, facts(2000))
    save_facts(segment.market, removed, facts(3000))
    Segment.objects.filter(start_t__gte=2000).update(removed_at=now)
    under_way = Run.objects.create(first_t=4000, **common | {"ended_at": None})
    save_facts(segment.market, under_way, facts(4000, pending=True, end_t=4321))
    assert begun_for_nothing.first_t == removed.first_t
    assert run_lengths(admin_client) == [(4000, "322+"), (2000, "2,000"), (2000, "0"), (0, "2,000")]


def test_runs_show_their_seed_their_times_to_the_second_and_a_link(admin_client, run, now):
    from recorder.models import Run

    Run.objects.update(
        first_t=5003, settings={"seed": 7, "cam_w": 300, "cam_stride": 10}, created_at=now, ended_at=None
    )
    html = admin_client.get(page("run_changelist")).content.decode()
    assert [cell(html, name) for name in ("market", "first_t", "seed", "interval", "created_at", "ended_at")] == [
        *("IG-USD", "5,003", "7", "0.1 s", f"{now:%Y-%m-%d %H:%M:%S}", "–")
    ]
    assert 'href="/replay/?symbol=IG-USD&amp;t=5310"' in html  # where the first frame is
    Run.objects.update(source="trades:" + 30 * "a-long-path/")
    html = admin_client.get(page("run_changelist")).content.decode()
    assert cell(html, "seed") == "–"
    assert len(cell(html, "origin")) == 48


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
        "1 verified, 1 fault; 1 is no finished file",
    ]


def test_more_than_a_page_can_wait_for_is_left_to_the_command(admin_client, segment, monkeypatch):
    from recorder.admin import segments

    monkeypatch.setattr(segments, "_MOST_VERIFIED", 0)
    (said,) = verified(admin_client, segment)
    assert said == "more than 0 at once take too long here; `manage.py verify` verifies them all"
