"""Retention and disks: what is not on the disk is left alone, and each disk is cleaned for itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from recorder import retention
from recorder.manifest.inventory import change_row, compare, is_exact
from recorder.models import Inventory, Market, Segment
from recorder.recovery.reconcile import reconcile
from recorder.retention import CleanUp, clean_up
from recorder.retention_policy import DiskUse, RetentionSettings
from recorder.segment.layout import KINDS
from tests.recorder.store import files, record_plainly
from tests.recorder.tape import NOON

pytestmark = pytest.mark.django_db

LATER = datetime.fromtimestamp(NOON, UTC) + timedelta(days=3)
ROOMY, FULL = DiskUse(10**9, 10**8, 9 * 10**8), DiskUse(10**9, 9 * 10**8, 10**8)


def clean(root: Path, **settings: float) -> CleanUp:
    return clean_up(root, "IG-USD", RetentionSettings(**{"min_segments": 1, **settings}), LATER)  # type: ignore[arg-type]


def removed(market: Market) -> int:
    return Segment.objects.of(market).exclude(removed_at=None).count()


def test_what_is_not_mounted_is_not_removed_whatever_comes_afterwards(
    market: Market, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, disk = tmp_path / "store", tmp_path / "disk"
    record_plainly(market, root, 5)
    for kind in KINDS:
        compare(market, kind, root / kind)
    before = files(root)
    root.rename(disk)
    root.mkdir()
    monkeypatch.setattr(retention, "disk_use", lambda root: FULL)
    assert clean(root) == CleanUp()
    assert removed(market) == 0
    root.rmdir()
    disk.rename(root)
    monkeypatch.setattr(retention, "disk_use", lambda root: ROOMY)
    assert all(is_exact("IG-USD", kind, root / kind) for kind in KINDS)
    reconcile(market, root, whole=True)
    assert clean(root) == CleanUp()
    assert files(root) == before


def test_a_disk_that_goes_between_row_and_file_has_it_removed_once_it_is_back(
    market: Market, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, disk = tmp_path / "store", tmp_path / "disk"
    record_plainly(market, root, 2)
    monkeypatch.setattr(retention, "disk_use", lambda root: FULL)

    def marked_and_unmounted(rows, **values):  # type: ignore[no-untyped-def]
        if root.exists():
            root.rename(disk)
        return change_row(rows, **values)

    monkeypatch.setattr(retention, "change_row", marked_and_unmounted)
    assert clean(root).removed == []
    marked = removed(market)
    assert Inventory.objects.filter(removing=True).exists()
    root.mkdir()
    assert clean(root).ended == []
    root.rmdir()
    disk.rename(root)
    monkeypatch.setattr(retention, "disk_use", lambda root: ROOMY)
    assert len(clean(root).ended) == marked > 0
    assert not Inventory.objects.filter(removing=True).exists()
    assert len(files(root)) == 6 - marked


def test_lost_files_neither_free_room_nor_count_among_those_that_stay(
    market: Market, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record_plainly(market, tmp_path, 4)
    rows = list(Segment.objects.filter(kind="ticks").order_by("start_t"))
    for row in rows[:2]:
        (tmp_path / row.path).unlink()
    Segment.objects.exclude(kind="ticks").update(pinned=True)
    size = rows[2].bytes
    monkeypatch.setattr(retention, "disk_use", lambda root: DiskUse(10 * size, 8 * size, 2 * size))
    assert clean(tmp_path, min_segments=2).removed == []
    assert clean(tmp_path).removed == [f"IG-USD: {rows[2].path}"]
    assert [row.state for row in Segment.objects.filter(kind="ticks").order_by("start_t")] == [
        "finished", "finished", "removed", "finished"
    ]  # fmt: skip
    assert [row.name for row in reconcile(market, tmp_path, whole=True).missing] == [row.name for row in rows[:2]]


def test_a_full_disk_costs_what_is_on_another_one_nothing(
    market: Market, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    other = Market.objects.create(symbol="OTHER")
    record_plainly(other, tmp_path / "OTHER", 3)
    record_plainly(market, tmp_path, 3, first_t=100)
    is_full_there = False

    def use(directory: Path) -> DiskUse:
        return FULL if ("OTHER" in directory.parts) is is_full_there else ROOMY

    monkeypatch.setattr(retention, "_device", lambda directory: 2 if "OTHER" in directory.parts else 1)
    monkeypatch.setattr(retention, "disk_use", use)
    clean(tmp_path)
    assert (removed(other), removed(market)) == (0, 6)
    assert f"{tmp_path} is 90.0 % full" in caplog.text
    is_full_there = True
    clean(tmp_path)
    assert (removed(other), removed(market)) == (6, 6)
    assert f"{tmp_path / 'OTHER'}" in caplog.text


def test_a_market_whose_disk_does_not_answer_holds_up_no_other(
    market: Market, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    other = Market.objects.create(symbol="OTHER")
    record_plainly(other, tmp_path / "OTHER", 2)
    record_plainly(market, tmp_path, 2)
    real = Path.stat

    def stat(self: Path, **options: bool):  # type: ignore[no-untyped-def]
        if "OTHER" in self.parts:
            raise OSError(5, "Input/output error")
        return real(self, **options)

    monkeypatch.setattr(retention, "disk_use", lambda root: FULL)
    with monkeypatch.context() as broken:
        broken.setattr(Path, "stat", stat)
        assert len(clean(tmp_path).removed) == 3
    assert removed(other) == 0
    assert "nothing is removed there: [Errno 5] Input/output error" in caplog.text
