"""Rows: their form in listings, where their files lie, and what the database itself refuses."""

from pathlib import Path

import pytest
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from recorder.manifest.row_writer import save_facts
from recorder.models import Market, Segment

STORE = Path("/store")


def test_a_finished_segment_in_its_manifest_form(segment):
    assert segment.manifest_form() == {
        "path": "ticks/segment_20260124_120000_1000.jsonl.zst",
        "start_t": 1000,
        "end_t": 1999,
        "lines": 1000,
        "bytes": 1_200_000,
        "created_at": "2026-01-24T12:05:00Z",
        "pending": False,
    }


def test_a_pending_segment_has_its_pending_name_and_the_time_it_was_opened(market, facts):
    row = save_facts(market, None, facts(pending=True))
    form = row.manifest_form()
    assert form["path"] == "ticks/segment_20260124_120140_1000_pending.jsonl.zst"
    assert (form["created_at"], form["pending"]) == ("2026-01-24T12:00:00Z", True)


def test_a_removed_segment_says_since_when(segment, now):
    segment.removed_at = now
    assert segment.manifest_form()["removed_at"] == "2026-01-24T12:00:00Z"


def test_files_lie_at_the_root_or_in_the_markets_directory(segment):
    assert segment.market.directory(STORE, "IG-USD") == STORE
    assert segment.market.directory(STORE, "OTHER") == STORE / "IG-USD"


def test_rows_read_back_as_written(segment):
    row = Segment.objects.get()
    assert row.seek_points == [[1000, 0], [1116, 139_000]]
    assert (row.sha256, row.gaps, row.text_bytes) == ("ab" * 32, 0, 9_000_000)
    assert str(row) == "ticks/segment_20260124_120000_1000.jsonl.zst"
    assert str(row.run) == "IG-USD from t=0"


def test_t_and_bytes_may_be_as_large_as_a_long_market_needs(market, facts):
    row = save_facts(market, None, facts(start_t=2**62, bytes=2**40))
    row.refresh_from_db()
    assert (row.start_t, row.bytes) == (2**62, 2**40)


def test_a_name_is_there_once_a_kind_and_market(segment):
    Segment.objects.create(**{**values(segment), "kind": "frames"})
    Segment.objects.create(**{**values(segment), "market": Market.objects.create(symbol="OTHER"), "run": None})
    with pytest.raises(IntegrityError), transaction.atomic():
        Segment.objects.create(**values(segment))


def test_a_market_with_a_recording_cannot_be_deleted(segment):
    with pytest.raises(ProtectedError):
        segment.market.delete()


def values(segment):
    fields = [field.name for field in Segment._meta.fields if field.name != "id"]
    return {name: getattr(segment, name) for name in fields}
