"""The admin's front page: what stands where, who sees what, and what it says when a part cannot be asked."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import OperationalError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from alerts.models import Alert
from backtests.models import Backtest
from recorder.admin import front_disk, front_recorded
from recorder.cold.state_row import ColdState
from recorder.manifest.inventory_row import Inventory
from recorder.models import Lease, Market, Run, Segment
from recorder.retention_policy import DiskUse
from recorder.store.clean_up_row import note_clean_up
from recorder.tasks import clean_up
from runtime import admin_front
from streaming import admin as streaming_admin
from tests.igsite.permissions import permit

pytestmark = pytest.mark.django_db

GB = 10**9
NAMES = ("markets", "alerts", "disk", "clean-up", "runs", "backtests", "cold", "digests", "log")


@pytest.fixture(autouse=True)
def store(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty store on a disk of 100 GB of which 40 are used."""
    settings.CONFIG = replace(settings.CONFIG, store_dir=tmp_path, cold_store=None)
    use_of_disk(monkeypatch, 40)
    return tmp_path


def use_of_disk(monkeypatch: pytest.MonkeyPatch, used: int) -> None:
    monkeypatch.setattr(front_disk, "disk_use", lambda root: DiskUse(100 * GB, used * GB, (100 - used) * GB))


def market(symbol: str = "IG-USD") -> Market:
    return Market.objects.get_or_create(symbol=symbol)[0]


def segments(count: int, **facts: Any) -> list[Segment]:
    """Finished segments of a day each, the newest of today, with the sums that the manifest keeps."""
    now, home = timezone.now(), market()
    rows = [
        Segment(
            **{"market": home, "kind": "ticks", "name": f"segment_20260124_120000_{10 * n}.jsonl.zst"},
            **{"start_t": 10 * n, "end_t": 10 * n + 9, "lines": 10, "bytes": 4 * GB, "text_bytes": 1},
            **{"created_at": now - timedelta(days=count - n - 0.5), "pending": False, **facts},
        )
        for n in range(count)
    ]
    (settings.CONFIG.store_dir / "ticks").mkdir()
    for row in rows:
        (settings.CONFIG.store_dir / row.path).touch()
    Inventory.objects.create(market=home, kind="ticks", segments=count, bytes=4 * GB * count, lines=10 * count)
    return Segment.objects.bulk_create(rows)


def blocks(client: Client) -> dict[str, str]:
    """The text of each block, in their order."""
    answer = client.get(reverse("admin:index"))
    assert answer.status_code == 200
    found = re.findall(r'<section class="block" id="block-([\w-]+)">(.*?)</section>', answer.content.decode(), re.S)
    return {name: re.sub(r"\s+", " ", re.sub("<[^>]*>", " ", text.replace("&nbsp;", " "))) for name, text in found}


def test_it_has_a_block_of_everything_and_each_leads_to_its_list(admin_client: Client) -> None:
    assert tuple(blocks(admin_client)) == NAMES
    html = admin_client.get(reverse("admin:index")).content.decode()
    for address in re.findall(r'<h2><a href="([^"]*)">', html):
        assert admin_client.get(address).status_code == 200, address
    assert "<title>How it stands | Market Camera</title>" in html


@pytest.fixture
def hour(monkeypatch: pytest.MonkeyPatch) -> timedelta:
    """After so long without a renewal a holder is dead here: none dies while a test goes on."""
    for module in (streaming_admin, front_recorded):
        monkeypatch.setattr(module, "DEAD_SECONDS", 1800.0)
    return timedelta(hours=1)


def test_markets_stand_as_their_rows_say_where_nothing_is_heard(admin_client: Client, hour: timedelta) -> None:
    now = timezone.now()
    for symbol, ago, token in (("RUNS", timedelta(0), "x"), ("SILENT", hour, "x"), ("ENDED", hour, "")):
        lease = {"holder": "p", "renewed_at": now - ago}
        Lease.objects.create(market=market(symbol), token=token, **lease)
    text = blocks(admin_client)["markets"]
    assert "1 silent, 1 running, 1 stopped" in text
    for told in ("RUNS running", "SILENT silent", "ENDED stopped"):
        assert told in re.sub(r" +", " ", text)


def test_of_many_markets_those_that_are_wrong_come_first_and_all_count(
    hour: timedelta, django_assert_num_queries: Any
) -> None:
    now = timezone.now()
    for number in range(25):
        one = market(f"M{number:02}")
        Lease.objects.create(
            market=one, token="x", holder="p", renewed_at=now - (hour if number > 22 else timedelta(0))
        )
    with django_assert_num_queries(1):
        told = streaming_admin._tell()
    assert told.headline[:2] == ("2 silent, 23 running", admin_front.BAD)
    assert [cells[0].text for cells in told.rows] == ["M23", "M24", *(f"M{number:02}" for number in range(18))]
    assert told.notes == ["More markets are in the list."]


def test_the_newest_t_of_a_market_is_that_of_its_rows(admin_client: Client) -> None:
    segments(3)
    assert "IG-USD stopped 29" in re.sub(" +", " ", blocks(admin_client)["markets"])


@pytest.mark.parametrize(
    ("well", "meta", "state"),
    [
        (True, {"running": True, "recording": True}, "running"),
        (True, {"running": True, "recording": None}, "running"),
        (True, {"running": True, "recording": False}, "recording suspended"),
        (False, {"running": True, "recording": True}, "silent"),
        (True, {"running": False, "recording": False}, "stopped"),
    ],
)
def test_the_state_of_a_market_is_that_of_its_health(well: bool, meta: dict[str, Any], state: str) -> None:
    assert streaming_admin.state_of(well, meta) == state


def test_the_disk_shows_what_is_used_and_when_a_clean_up_begins(admin_client: Client) -> None:
    text = blocks(admin_client)["disk"]
    for told in ("40.0 %", "used 37.3", "free 55.9", "begins at 80 %", "down to 70 %"):
        assert told in text.replace("\xa0", " "), told


def test_the_next_clean_up_names_what_it_will_remove_by_the_policy_itself(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = segments(20)
    use_of_disk(monkeypatch, 85)
    text = blocks(admin_client)["clean-up"].replace("\xa0", " ")
    assert "4 segments, 14.9 GB" in text  # 15 GB above 70 %, in segments of 4 GB
    assert re.search(r"IG-USD ticks 0 .* IG-USD ticks 10 .* IG-USD ticks 30 ", text)
    html = admin_client.get(reverse("admin:index")).content.decode()
    assert reverse("admin:recorder_segment_change", args=[rows[0].pk]) in html


def test_while_nothing_is_to_go_it_says_what_would_go_first(admin_client: Client) -> None:
    segments(20)
    text = blocks(admin_client)["clean-up"].replace("\xa0", " ")
    assert "Nothing to remove" in text
    assert "It begins when 37.3 GB more are used." in text
    assert "IG-USD ticks 0 " in text


def test_a_full_disk_from_which_nothing_may_go_is_told(admin_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    segments(20, pinned=True)
    use_of_disk(monkeypatch, 85)
    assert "Full, and nothing may be removed" in blocks(admin_client)["clean-up"]


def test_much_to_remove_is_counted_no_further_than_it_is_cheap(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    segments(20)
    use_of_disk(monkeypatch, 99)
    monkeypatch.setattr(front_disk, "_MOST_COUNTED", 3)
    assert "More than 3 segments, 11.2" in blocks(admin_client)["clean-up"].replace("\xa0", " ")


def test_it_says_when_the_next_clean_up_is_and_when_one_is_overdue(admin_client: Client, store: Path) -> None:
    assert "No clean-up has run yet; one runs each 60 s." in blocks(admin_client)["clean-up"]
    note_clean_up("a-host", str(store), timezone.now() - timedelta(seconds=12), 7, 1)
    told = re.search(
        r"Next run in (\d+) s; the last was (\d+) s ago on a-host and removed 7", blocks(admin_client)["clean-up"]
    )
    assert told is not None
    assert 59 <= int(told[1]) + int(told[2]) <= 61
    note_clean_up("a-host", str(store), timezone.now() - timedelta(minutes=20), 0, 0)
    assert "OVERDUE: the last run was 20 min ago on a-host" in blocks(admin_client)["clean-up"]


def test_of_many_hosts_the_one_that_is_overdue_is_told(admin_client: Client, store: Path) -> None:
    for host, seconds in (("late", 7200), ("a", 8), ("b", 7), ("c", 6), ("new", 5)):
        note_clean_up(host, str(store), timezone.now() - timedelta(seconds=seconds), 0, 0)
    text = blocks(admin_client)["clean-up"]
    assert "OVERDUE: the last run was 2 h ago on late." in text
    assert re.findall(r"ago on (\w+)", text) == ["late", "a", "new"]


def test_each_clean_up_notes_that_it_ran(admin_client: Client) -> None:
    clean_up.run()
    clean_up.run()
    assert "and removed 0" in blocks(admin_client)["clean-up"]


def test_runs_say_how_they_ended(admin_client: Client, hour: timedelta) -> None:
    now, common = timezone.now(), {"market": market(), "start_ts": 0, "tick_interval": 0.1, "source": "simulator"}
    Run.objects.create(first_t=0, settings={"seed": 1}, **common)
    Run.objects.create(first_t=100, settings={"seed": 2}, ended_at=now, **common)
    Run.objects.create(first_t=200, settings={"seed": 2}, **common)
    Lease.objects.create(market=market(), token="x", renewed_at=now)
    text = re.sub(" +", " ", blocks(admin_client)["runs"])
    assert "2 running" in text
    assert "2 stopped, or its source ended" in text
    assert "1 broke off: its process died; then with another seed" in text
    Lease.objects.update(renewed_at=now - hour)
    assert "2 broke off: its process died" in re.sub(" +", " ", blocks(admin_client)["runs"])


def test_alerts_and_backtests_tell_what_is_open(admin_client: Client) -> None:
    now = timezone.now()
    for level, key in (("warning", "a"), ("critical", "b")):
        Alert.objects.create(level=level, message=f"{key} is wrong", source="s", key=key, timestamp=now)
    Alert.objects.create(level="critical", message="was wrong", source="s", key="c", timestamp=now, cleared_at=now)
    facts = {"symbol": "IG-USD", "resolution": "1m", "from_ms": 0, "to_ms": 1, "cash": 1, "fee": 0}
    for status in ("queued", "running", "failed", "done"):
        Backtest.objects.create(strategy=f"s_{status}", status=status, **facts)
    found = blocks(admin_client)
    assert "2 are open" in found["alerts"]
    assert "was wrong" not in found["alerts"]
    assert "1 running, 1 queued, 1 failed in 24 h" in found["backtests"]
    assert "s_done" not in found["backtests"]


def test_copies_and_digests_that_wait_are_counted(admin_client: Client, settings: Any) -> None:
    settings.CONFIG = replace(settings.CONFIG, cold_store="file:///nowhere")
    segments(3)
    Segment.objects.update(kind="metrics")
    ColdState.objects.create(market=market(), reason="the bucket is full", since=timezone.now())
    found = blocks(admin_client)
    assert "3 wait" in found["cold"]
    assert "IG-USD: the bucket is full" in found["cold"]
    assert "3 wait the oldest was sealed 2 d ago" in re.sub(" +", " ", found["digests"])


def test_nobody_sees_a_block_whose_list_they_may_not_see(client: Client) -> None:
    user = User.objects.create_user("guest", is_staff=True)
    client.force_login(user)
    assert blocks(client) == {}
    permit(user, "view_alert", "view_run")
    assert tuple(blocks(client)) == ("alerts", "runs")


@pytest.mark.parametrize("name", NAMES)
def test_a_block_that_fails_leaves_the_others(admin_client: Client, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> admin_front.Told:
        raise PermissionError(13, "Permission denied", "/a/secret/path")

    before = admin_front.front_page.blocks
    failing = [block._replace(tell=fail) if block.name == name else block for block in before]
    monkeypatch.setattr(admin_front.front_page, "blocks", failing)
    found = blocks(admin_client)
    assert "This cannot be read now: Permission denied" in found.pop(name)
    assert not [text for text in found.values() if "cannot be read" in text or "could not be told" in text]


def test_a_database_that_is_away_is_asked_once_and_the_disk_is_told_still(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def fail() -> admin_front.Told:
        asked.append(1)
        raise OperationalError("the server closed the connection")

    before = admin_front.front_page.blocks
    failing = [block._replace(tell=fail) if block.needs_database else block for block in before]
    monkeypatch.setattr(admin_front.front_page, "blocks", failing)
    monkeypatch.setattr(admin_front, "close_connections", lambda: None)
    found = blocks(admin_client)
    assert "40.0 %" in found.pop("disk")
    assert all("The database does not answer" in text for text in found.values())
    assert len(asked) == 1


def test_an_error_that_nobody_thought_of_is_in_the_log_and_not_on_the_page(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    first, *rest = admin_front.front_page.blocks
    monkeypatch.setattr(admin_front.front_page, "blocks", [first._replace(tell=lambda: 1 / 0), *rest])  # type: ignore[arg-type, return-value]
    assert "the log of this process says why" in blocks(admin_client)[first.name]
    assert "ZeroDivisionError" in caplog.text


def test_durations_have_one_unit() -> None:
    told = {0.25: "0.2 s", 9.96: "10 s", 60: "60 s", 119: "119 s", 120: "2 min", 7200: "2 h", 172_800: "2 d", -3: "0 s"}
    assert {seconds: admin_front.duration(seconds) for seconds in told} == told
