"""Retention with a cold store: a file goes only once its object is proven to be there, and its messages stay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from recorder import retention, tasks
from recorder.cold import status
from recorder.cold.bucket import Bucket, BucketUnavailable
from recorder.cold.copying import Copying
from recorder.manifest.inventory import compare, is_exact, recount
from recorder.manifest.totals import totals
from recorder.models import Cold, Inventory, Market, Segment
from recorder.recovery.reconcile import reconcile
from recorder.retention import CleanUp, clean_up
from recorder.retention_policy import DiskUse, RetentionSettings
from recorder.segment.layout import KINDS
from recorder.tape.history import History
from tests.recorder.store import Store, files
from tests.recorder.tape import NOON

pytestmark = pytest.mark.django_db

BY_AGE = RetentionSettings(min_segments=0, min_days=0, max_days=1)
LATER = datetime.fromtimestamp(NOON, UTC) + timedelta(days=2)


@pytest.fixture(autouse=True)
def with_bucket(monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path) -> None:
    monkeypatch.setattr(retention, "disk_use", lambda root: DiskUse(1000, 100, 900))
    settings.CONFIG = replace(settings.CONFIG, cold_store=f"file://{tmp_path}/bucket", store_dir=tmp_path / "cache")


def clean(store: Store, bucket: Bucket, policy: RetentionSettings = BY_AGE) -> CleanUp:
    return clean_up(store.directory, "IG-USD", policy, LATER, bucket)


def copy(store: Store, bucket: Bucket) -> int:
    return Copying(store.market, store.directory, bucket, 0).run()


def told(store: Store) -> list[tuple[str, int, bytes | None]]:
    history = History("IG-USD", store.directory)
    return [(one.kind, one.first_t, one.text) for one in history.messages(KINDS, -1)]


def sums(market: Market) -> list[tuple[int, ...]]:
    names = ("segments", "bytes", "lines", "removed", "cold_segments", "cold_bytes")
    return list(Inventory.objects.filter(market=market).order_by("kind").values_list(*names))


def test_what_is_proven_to_be_there_leaves_the_disk_and_can_still_be_read(store: Store, bucket: Bucket) -> None:
    before = told(store)
    assert all(text is not None for _, _, text in before)
    for kind in KINDS:
        compare(store.market, kind, store.directory / kind)
    assert clean(store, bucket).removed == []  # nothing is copied yet
    copy(store, bucket)
    done = clean(store, bucket)
    assert len(done.removed) == 6
    assert files(store.directory) == []
    assert {row.state for row in Segment.objects.all()} == {"cold"}
    assert told(store) == before
    assert all(is_exact("IG-USD", kind, store.directory / kind) for kind in KINDS)
    now = sums(store.market)
    assert [(segments, size, removed) for segments, size, _, removed, _, _ in now] == [
        (cold, cold_bytes, 0) for _, _, _, _, cold, cold_bytes in now
    ]
    for kind in KINDS:
        recount(store.market, kind)
    assert sums(store.market) == now
    assert [(one.segments, one.bytes) for one in totals("IG-USD")] == [(0, 0)] * 3
    store.record(60)
    assert clean(store, bucket, replace(BY_AGE, min_segments=1)).removed == []  # those that stay are on the disk
    assert reconcile(store.market, store.directory, whole=True).missing == []


def halved(bucket: Bucket, row: Segment) -> None:
    bucket.put_bytes(row.cold_key, b"half")


def lost(bucket: Bucket, row: Segment) -> None:
    bucket.delete(row.cold_key)


@pytest.mark.parametrize("harm", [halved, lost])
def test_a_file_whose_object_is_not_there_any_more_stays_and_is_copied_again(
    store: Store, bucket: Bucket, harm: Callable[[Bucket, Segment], None]
) -> None:
    copy(store, bucket)
    row = Segment.objects.filter(kind="ticks").order_by("start_t")[0]
    harm(bucket, row)
    assert len(clean(store, bucket).removed) == 5
    assert files(store.directory) == [row.path]
    assert copy(store, bucket) == 1
    assert len(clean(store, bucket).removed) == 1


def test_a_bucket_that_does_not_answer_ends_the_clean_up(
    store: Store, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy(store, bucket)
    before, head = files(store.directory), bucket.head
    answers = iter([True, False])

    def fails(key: str) -> Any:
        if next(answers):
            return head(key)
        raise BucketUnavailable(bucket.address, "it answered 503")

    monkeypatch.setattr(bucket, "head", fails)
    assert len(clean(store, bucket).removed) == 1
    assert len(files(store.directory)) == len(before) - 1
    monkeypatch.undo()
    monkeypatch.setattr(retention, "disk_use", lambda root: DiskUse(1000, 100, 900))
    assert len(clean(store, bucket).removed) == len(before) - 1


class Crash(BaseException):
    """As kill -9."""


def test_a_crash_between_row_and_file_is_made_good(
    store: Store, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy(store, bucket)
    before = told(store)
    with monkeypatch.context() as broken:
        broken.setattr(retention, "_unlink", lambda path: (_ for _ in ()).throw(Crash))
        with pytest.raises(Crash):
            clean(store, bucket)
    assert Segment.objects.filter(cold=Cold.ONLY).count() == 1
    assert len(files(store.directory)) == 6
    assert told(store) == before
    done = clean(store, bucket)
    assert (len(done.ended), len(done.removed)) == (1, 5)
    assert files(store.directory) == []


def test_a_start_reads_lost_files_from_the_bucket_and_takes_back_those_that_are_there_again(
    store: Store, bucket: Bucket
) -> None:
    copy(store, bucket)
    before, path = told(store), store.paths("ticks")[0]
    data = path.read_bytes()
    path.unlink()
    assert reconcile(store.market, store.directory).missing == []
    row = Segment.objects.get(kind="ticks", name=path.name)
    assert row.state == "cold"
    assert told(store) == before
    path.write_bytes(data)
    reconcile(store.market, store.directory, whole=True)
    row.refresh_from_db()
    assert (row.state, row.cold) == ("finished", Cold.COPIED)


def test_what_lies_on_the_disk_of_another_machine_is_left_to_that_one(
    store: Store, bucket: Bucket, tmp_path: Path
) -> None:
    copy(store, bucket)
    empty = tmp_path / "empty"
    assert clean_up(empty, "IG-USD", BY_AGE, LATER, bucket).removed == []
    assert {row.state for row in Segment.objects.all()} == {"finished"}
    assert len(clean(store, bucket).removed) == 6


def test_the_periodic_tasks_copy_and_then_clear_the_disk(store: Store, tmp_path: Path, settings: Any) -> None:
    (tmp_path / "bucket").mkdir()
    before = told(store)
    settings.CONFIG = replace(
        settings.CONFIG, store_dir=store.directory, retain_min_segments=0, retain_min_days=0, retain_max_days=1
    )
    assert (tasks.copy_segments(), tasks.clean_up(), tasks.copy_segments()) == (6, 6, 0)
    assert files(store.directory) == []
    assert told(store) == before
    assert status.look() == {"IG-USD": status.Status(0, "")}
    settings.CONFIG = replace(settings.CONFIG, cold_store=None)
    assert (tasks.copy_segments(), tasks.clean_up()) == (0, 0)
    assert status.look() == {}
