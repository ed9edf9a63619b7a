"""`/disk`: what the disk holds, what of it is the recording's, and whether a clean-up is due."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import pytest
from django.test import RequestFactory
from django.utils import timezone

from recorder.manifest.inventory import change_row
from recorder.models import Inventory, Market, Segment
from recorder.retention_policy import DiskUse
from streaming.http import disk
from tests.recorder.store import record_plainly

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def store(settings, tmp_path, monkeypatch):
    settings.CONFIG = replace(settings.CONFIG, store_dir=tmp_path, retain_min_segments=1)
    monkeypatch.setattr(disk, "disk_use", lambda root: DiskUse(1000, 790, 110))
    market = Market.objects.create(symbol="IG-USD")
    record_plainly(market, tmp_path, 3)
    return tmp_path


def ask(query=""):
    return json.loads(asyncio.run(disk.disk(RequestFactory().get("/disk" + query))).content)


def totals(segments, removed=0):
    return {"segments": segments, "lines": 10 * segments, "removed": removed, "cold_segments": 0, "cold_bytes": 0}


def without_bytes(kinds):
    assert all(kind["bytes"] > 0 or not kind["segments"] for kind in kinds.values())
    return {name: {key: kind[key] for key in kind if key != "bytes"} for name, kind in kinds.items()}


def test_it_tells_of_disk_kinds_markets_and_settings(store):
    change_row(Segment.objects.filter(kind="frames", start_t=0), removed_at=timezone.now())
    other = Market.objects.create(symbol="OTHER")
    record_plainly(other, store / "OTHER", 1)
    body = ask()
    assert body["store"] == {"path": str(store), "exists": True}
    assert body["disk"] == {"total_bytes": 1000, "used_bytes": 790, "free_bytes": 110, "percent": 87.78}
    assert without_bytes(body["kinds"]) == {"ticks": totals(4), "frames": totals(3, 1), "metrics": totals(4)}
    assert without_bytes(body["markets"]["OTHER"]) == dict.fromkeys(("ticks", "frames", "metrics"), totals(1))
    assert body["kinds"]["ticks"]["bytes"] == sum(Segment.objects.filter(kind="ticks").values_list("bytes", flat=True))
    assert body["retention"] == {
        "disk_percent": 80, "target_percent": 70, "min_segments": 1, "min_days": 1, "max_days": 0
    }  # fmt: skip


@pytest.mark.parametrize(
    ("use", "min_days", "max_days", "expected"),
    [
        (DiskUse(1000, 100, 900), 0, 0, (False, [], 0)),
        (DiskUse(10**9, 8 * 10**8, 2 * 10**8), 0, 0, (True, ["disk"], 6)),
        (DiskUse(10**9, 8 * 10**8, 2 * 10**8), 1, 0, (True, ["disk"], 0)),
        (DiskUse(1000, 100, 900), 0, 1, (True, ["age"], 6)),
        (DiskUse(10**9, 8 * 10**8, 2 * 10**8), 0, 1, (True, ["disk", "age"], 6)),
        (DiskUse(1000, 100, 900), 0, 3, (False, [], 0)),
    ],
)
def test_a_clean_up_is_due_for_want_of_room_or_for_age(settings, monkeypatch, use, min_days, max_days, expected):
    settings.CONFIG = replace(settings.CONFIG, retain_min_days=min_days, retain_max_days=max_days)
    monkeypatch.setattr(disk, "disk_use", lambda root: use)
    Segment.objects.update(created_at=timezone.now() - timedelta(days=2 if max_days or not min_days else 0.5))
    found = ask()["clean_up"]
    assert (found["due"], found["because"], found["segments"]) == expected
    assert (found["bytes"] > 0) is (found["segments"] > 0)


def test_a_store_that_is_not_there_is_told(settings, tmp_path):
    settings.CONFIG = replace(settings.CONFIG, store_dir=tmp_path / "none")
    Market.objects.get().segments.all().delete()
    Inventory.objects.all().delete()
    body = ask()
    assert body["store"]["exists"] is False
    assert body["kinds"]["ticks"] == {"bytes": 0, **totals(0)}
    assert body["markets"] == {}
