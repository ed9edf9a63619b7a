"""Retention: rows are marked before files go, and whatever breaks off in between is ended by the next clean-up."""

from __future__ import annotations

import fcntl
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import OperationalError

from recorder import retention, tasks
from recorder.manifest.inventory import compare, is_exact
from recorder.models import Inventory, Market, Segment
from recorder.recovery.reconcile import reconcile
from recorder.retention import clean_up, disk_use
from recorder.retention_policy import DiskUse, RetentionSettings
from recorder.segment.layout import KINDS
from runtime import db_threads
from tests.recorder.store import files, record_plainly
from tests.recorder.tape import NOON, Clock, message

pytestmark = pytest.mark.django_db

#: Everything older than a day goes.
BY_AGE = RetentionSettings(min_segments=0, min_days=0, max_days=1)
LATER = datetime.fromtimestamp(NOON, UTC) + timedelta(days=2)
ROOMY, FULL = DiskUse(1000, 100, 900), DiskUse(1000, 900, 100)


@pytest.fixture(autouse=True)
def roomy(monkeypatch):
    monkeypatch.setattr(retention, "disk_use", lambda root: ROOMY)


def clean(root, settings=BY_AGE, now=LATER):
    return clean_up(root, "IG-USD", settings, now)


def states(market):
    return {row.path: row.state for row in Segment.objects.of(market)}


def test_a_removed_segment_keeps_its_row_and_loses_its_file(market, tmp_path):
    record_plainly(market, tmp_path, 2)
    before = files(tmp_path)
    done = clean(tmp_path)
    assert files(tmp_path) == []
    assert states(market) == dict.fromkeys(before, "removed")
    assert {row.removed_at for row in Segment.objects.all()} == {LATER}
    assert sorted(done.removed) == [f"IG-USD: {name}" for name in before]
    assert done.freed_bytes == sum(Segment.objects.values_list("bytes", flat=True))
    assert clean(tmp_path).removed == []


def test_the_oldest_go_first_across_kinds_until_there_is_room(market, tmp_path, monkeypatch):
    record_plainly(market, tmp_path, 3)
    oldest = Segment.objects.filter(start_t=0)
    excess = sum(row.bytes for row in oldest)
    monkeypatch.setattr(retention, "disk_use", lambda root: DiskUse(10 * excess, 8 * excess, 2 * excess))
    clean(tmp_path, RetentionSettings(disk_percent=80, target_percent=70, min_segments=1, min_days=0))
    assert {row.start_t for row in Segment.objects.exclude(removed_at=None)} == {0}
    assert {row.kind for row in Segment.objects.exclude(removed_at=None)} == set(KINDS)
    assert len(files(tmp_path)) == 6


def test_the_pending_one_a_pinned_one_and_a_missing_one_are_left_alone(market, tmp_path):
    record_plainly(market, tmp_path, 2)
    Segment.objects.filter(kind="ticks", start_t=0).update(pinned=True)
    Segment.objects.filter(kind="frames", start_t=0).update(missing=True)
    Segment.objects.filter(kind="metrics", start_t=10).update(pending=True)
    clean(tmp_path)
    left = {row.path for row in Segment.objects.filter(removed_at=None)}
    assert len(left) == 3
    assert [name for name in files(tmp_path) if name.startswith("ticks/")] == [
        row.path for row in Segment.objects.filter(pinned=True)
    ]


def test_others_may_write_for_as_long_as_each_removal_took(market, tmp_path, monkeypatch):
    record_plainly(market, tmp_path, 2)
    happened, now, real = [], [0.0], Path.unlink

    def unlink(self, missing_ok=False):
        happened.append("removed")
        now[0] += 0.02 if len(happened) < 10 else 7.0  # of a disk that hangs nobody waits twice
        real(self, missing_ok)

    monkeypatch.setattr(Path, "unlink", unlink)
    monkeypatch.setattr(db_threads.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(db_threads.time, "sleep", lambda seconds: happened.append(round(seconds, 6)))
    assert len(clean(tmp_path).removed) == 6
    assert happened == ["removed", 0.02] * 5 + ["removed", 0.1]


def test_each_market_is_cleaned_in_its_own_directory(market, tmp_path):
    other = Market.objects.create(symbol="OTHER")
    record_plainly(market, tmp_path, 1)
    record_plainly(other, tmp_path / "OTHER", 1)
    assert len(clean(tmp_path).removed) == 6
    assert files(tmp_path) == files(tmp_path / "OTHER") == []


class PowerCut(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("number", range(3))
def test_a_crash_between_row_and_file_is_made_good(market, tmp_path, monkeypatch, number):
    record_plainly(market, tmp_path, 1)
    real, calls = Path.unlink, []

    def unlink(self, missing_ok=False):
        calls.append(self)
        if len(calls) > number:
            raise PowerCut
        real(self, missing_ok)

    monkeypatch.setattr(Path, "unlink", unlink)
    with pytest.raises(PowerCut):
        clean(tmp_path)
    monkeypatch.setattr(Path, "unlink", real)
    on_disk, promised = files(tmp_path), {path for path, state in states(market).items() if state == "finished"}
    assert len(on_disk) == 3 - number
    assert promised < set(on_disk), "nobody is promised a file that is not there"
    assert reconcile(market, tmp_path).adopted == [], "a start in between takes nothing back"
    done = clean(tmp_path)
    assert len(done.ended) == 1
    assert len(done.removed) == 2 - number
    assert files(tmp_path) == []
    assert set(states(market).values()) == {"removed"}


def test_a_crash_before_the_row_leaves_all_as_it_was(market, tmp_path, monkeypatch):
    record_plainly(market, tmp_path, 1)
    before = files(tmp_path)
    real = retention.change_row
    monkeypatch.setattr(retention, "change_row", lambda *_, **__: (_ for _ in ()).throw(OperationalError("away")))
    with pytest.raises(OperationalError):
        clean(tmp_path)
    assert (files(tmp_path), set(states(market).values())) == (before, {"finished"})
    monkeypatch.setattr(retention, "change_row", real)
    assert len(clean(tmp_path).removed) == 3


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_done", [False, True])
def test_a_database_that_is_away_in_the_middle_is_waited_for(market, tmp_path, monkeypatch, is_done):
    """Whether a row was marked before its answer was lost or not, the clean-up goes on, and the rows are exact."""
    record_plainly(market, tmp_path, 2)
    for kind in KINDS:
        compare(market, kind, tmp_path / kind)
    real, calls = retention.change_row, []

    def change_row(rows, **values):
        calls.append(values)
        if len(calls) == 2:
            if is_done:
                real(rows, **values)
            raise OperationalError("database is locked")
        return real(rows, **values)

    monkeypatch.setattr(retention, "change_row", change_row)
    assert len(clean(tmp_path).removed) == 6
    assert files(tmp_path) == []
    assert not Inventory.objects.filter(removing=True).exists()
    assert all(is_exact("IG-USD", kind, tmp_path / kind) for kind in KINDS)


@pytest.mark.django_db(transaction=True)
def test_one_that_breaks_off_leaves_what_it_did_as_exact_as_it_was(market, tmp_path, monkeypatch):
    monkeypatch.setattr(retention, "_PATIENCE_SECONDS", 0.0)
    record_plainly(market, tmp_path, 2)
    for kind in KINDS:
        compare(market, kind, tmp_path / kind)
    real = retention.change_row

    def change_row(rows, **values):
        if rows.get().kind == "ticks":
            raise OperationalError("database is locked")
        return real(rows, **values)

    monkeypatch.setattr(retention, "change_row", change_row)
    with pytest.raises(OperationalError):
        clean(tmp_path)
    assert list(Inventory.objects.filter(removing=True).values_list("kind", flat=True)) == ["ticks"]
    assert all(is_exact("IG-USD", kind, tmp_path / kind) for kind in KINDS)


def test_one_pinned_since_it_was_chosen_stays(market, tmp_path, monkeypatch):
    record_plainly(market, tmp_path, 1)
    real = retention.choose

    def choose(*args):
        chosen = list(real(*args))
        Segment.objects.filter(kind="ticks").update(pinned=True)
        return chosen

    monkeypatch.setattr(retention, "choose", choose)
    clean(tmp_path)
    assert [name.split("/")[0] for name in files(tmp_path)] == ["ticks"]


def test_a_file_that_cannot_be_removed_holds_up_no_other_and_is_tried_again(market, tmp_path, monkeypatch, caplog):
    record_plainly(market, tmp_path, 1)
    real = Path.unlink

    def unlink(self, missing_ok=False):
        if self.parent.name == "ticks":
            raise PermissionError(13, "Permission denied")
        real(self, missing_ok)

    monkeypatch.setattr(Path, "unlink", unlink)
    assert len(clean(tmp_path).removed) == 2
    assert "cannot be removed: [Errno 13] Permission denied" in caplog.text
    monkeypatch.setattr(Path, "unlink", real)
    assert len(clean(tmp_path).ended) == 1
    assert files(tmp_path) == []


def test_a_file_with_a_segments_name_and_no_row_is_nobodys_to_remove(market, tmp_path):
    record_plainly(market, tmp_path, 1)
    Segment.objects.filter(kind="ticks").delete()
    clean(tmp_path)
    assert [name.split("/")[0] for name in files(tmp_path)] == ["ticks"]


def test_two_at_once_do_not_meet(market, tmp_path):
    record_plainly(market, tmp_path, 1)
    handle = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    assert clean(tmp_path).removed == []
    os.close(handle)
    assert len(clean(tmp_path).removed) == 3


def test_a_store_that_is_not_there_needs_none(market, tmp_path):
    assert clean(tmp_path / "none").removed == []


def test_a_full_disk_with_nothing_to_remove_is_said(market, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(retention, "disk_use", lambda root: FULL)
    clean(tmp_path, RetentionSettings())
    assert f"{tmp_path} is 90.0 % full, and no more segments may be removed" in caplog.text


def test_the_disk_is_that_of_the_store_or_of_where_it_would_be(tmp_path, monkeypatch):
    monkeypatch.undo()
    assert disk_use(tmp_path / "not" / "there").total == disk_use(tmp_path).total > 0


@pytest.mark.django_db(transaction=True)
def test_the_task_goes_by_the_settings(market, tmp_path, settings):
    from dataclasses import replace

    settings.CONFIG = replace(
        settings.CONFIG, store_dir=tmp_path, retain_min_segments=1, retain_min_days=0, retain_max_days=0.0001
    )
    record_plainly(market, tmp_path, 3)
    assert tasks.clean_up() == 6
    assert {name.split("_")[3] for name in files(tmp_path)} == {"20.jsonl.zst"}
    assert tasks.clean_up() == 0


def test_reading_goes_on_while_segments_go_and_tells_what_is_gone(market, tmp_path):
    from recorder.tape.history import History

    record_plainly(market, tmp_path, 3)
    read = History("IG-USD", tmp_path).messages(["ticks"], -1)
    assert next(read).first_t == 0
    Segment.objects.filter(start_t=20).update(pinned=True)
    clean(tmp_path)
    rest = [(one.first_t, one.last_t, one.reason) for one in read]
    assert rest[:9] == [(t, t, "") for t in range(1, 10)], "an open file is read to its end"
    assert rest[9] == (10, 19, "expired")
    assert [one[0] for one in rest[10:]] == list(range(20, 30))


def test_a_writer_that_rolls_meanwhile_loses_nothing(market, tmp_path):
    from recorder.manifest.row_writer import save_facts
    from recorder.segment.writer import ZstdSegmentWriter

    clock = Clock(NOON)
    writer = ZstdSegmentWriter(
        "ticks", tmp_path, 10, 3, clock=clock, on_change=lambda facts: save_facts(market, None, facts)
    )
    kept = []
    for t in range(100):
        clock.now += 1
        writer.roll_if_needed(t)
        writer.write_jsonline(message(t), t)
        done = clean_up(
            tmp_path, "IG-USD", RetentionSettings(min_segments=2, min_days=0, max_days=1e-9),
            datetime.fromtimestamp(clock.now, UTC),
        )  # fmt: skip
        kept.append(len([name for name in files(tmp_path) if "_pending" not in name]))
        assert all("_pending" not in name for name in done.removed)
    writer.close()
    assert max(kept) == 2
    assert len(Segment.objects.exclude(removed_at=None)) == 10 - 3
