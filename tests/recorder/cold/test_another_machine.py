"""Commands beside a market whose disk is that of another machine: what it has stays as it is."""

from __future__ import annotations

import shutil
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from bars.models import Bar
from recorder.cold.bucket import Bucket
from recorder.cold.copying import Copying
from recorder.management.commands import digest
from recorder.models import DigestChunk, Inventory, Market, Segment
from recorder.segment.layout import KINDS
from recorder.store.store_paths import is_here
from tests.recorder.store import Store, record_plainly

pytestmark = pytest.mark.django_db


@pytest.fixture
def second(store: Store, bucket: Bucket, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The root of a second machine, with a market of its own; of IG-USD the last segments are not in the bucket."""
    root = tmp_path / "second"
    Copying(store.market, store.directory, bucket, 0).run()
    store.record(60)
    Store(Market.objects.create(symbol="OTHER"), root / "OTHER").record(20)
    settings.CONFIG = replace(settings.CONFIG, cold_store=f"file://{tmp_path}/bucket", store_dir=root)
    monkeypatch.setattr(digest, "end_with_server", lambda: None)
    return root


def state() -> list[list[Any]]:
    """Every row that tells what there is of IG-USD."""
    tables = (Segment, DigestChunk, Inventory, Bar)
    return [list(table.objects.filter(market__symbol="IG-USD").order_by("pk").values()) for table in tables]


def said_by(command: str, *options: str) -> str:
    out = StringIO()
    call_command(command, *options, stdout=out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("repair", []),
        ("repair", ["--symbol", "IG-USD"]),
        ("digest", []),
        ("digest", ["--all"]),
        ("digest", ["--for-server"]),
        ("exportmanifest", []),
        ("rebuildbars", []),
    ],
)
def test_a_command_leaves_a_market_alone_whose_disk_is_elsewhere(
    second: Path, command: str, options: list[str]
) -> None:
    before = state()
    assert before[1]
    said = said_by(command, *options)
    assert ("IG-USD: nothing is recorded" in said) == (options != ["--for-server"])
    assert state() == before
    assert [path.name for path in second.iterdir()] == ["OTHER"]


def test_nothing_is_taken_into_a_market_whose_disk_is_elsewhere(second: Path, tmp_path: Path) -> None:
    before = state()
    record_plainly(Market.objects.create(symbol="GIVEN"), tmp_path / "given", 1, first_t=10_000)
    with pytest.raises(CommandError, match="IG-USD has its segments on another machine, and none in "):
        said_by("adopt", str(tmp_path / "given"))
    assert state() == before
    assert [path.name for path in second.iterdir()] == ["OTHER"]


def test_a_store_whose_disk_was_lost_goes_on_with_its_id(second: Path, store: Store) -> None:
    assert not is_here("IG-USD")
    shutil.copy(store.directory / "store_id", second)
    assert is_here("IG-USD")
    said = said_by("repair", "--symbol", "IG-USD")
    assert "3 files missing" in said
    assert {row.state for row in Segment.objects.of("IG-USD")} == {"cold", "missing"}
    assert all((second / kind / "manifest.json").exists() for kind in KINDS)
