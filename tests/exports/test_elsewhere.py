"""Of a market on another machine, what the bucket lacks yet is exported once it is there, and never left out."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from exports import folder
from exports.errors import OtherExport
from exports.export_log import NAME
from exports.exporting import opened
from exports.folder import MCAP, Layout
from recorder.cold.bucket import Bucket, open_bucket
from recorder.models import Market, Segment
from recorder.store.store_id import new_store_id
from tests.recorder.cold.copying import copy
from tests.recorder.store import Store

pytestmark = pytest.mark.django_db


class Elsewhere:
    """Three segments of each kind on another machine; of the frames the first is in the bucket, of the rest all."""

    def __init__(self, root: Path, bucket: Bucket) -> None:
        self.market, self.out, self._bucket = Market.objects.create(symbol="IG-USD"), root / "out", bucket
        self.market.store_id = new_store_id()
        self.market.save()
        self._disk = root / "another-machine"
        store = Store(self.market, self._disk)
        for _ in range(3):
            store.record(60)
        self.copy("ticks", "metrics")
        self.copy("frames", most=1)

    def copy(self, *kinds: str, most: int = 3) -> None:
        for row in Segment.objects.filter(kind__in=kinds).order_by("start_t")[: most * len(kinds)]:
            copy(self._bucket, row, self._disk / row.path)

    def export(self, kind: str, **layout: Any) -> list[folder.Part]:
        with opened(self.out, "IG-USD", Layout(**layout)) as into:
            return list(into.export(kind, into.last_t or 0))

    def parts(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.out / NAME).read_bytes().splitlines()[1:]]


@pytest.fixture
def elsewhere(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Elsewhere:
    (tmp_path / "bucket").mkdir()
    url = f"file://{tmp_path}/bucket"
    settings.CONFIG = replace(settings.CONFIG, cold_store=url, store_dir=tmp_path / "here", symbol="IG-USD")
    monkeypatch.setattr(folder, "PART_TICKS", 64)
    return Elsewhere(tmp_path, open_bucket(url))


@pytest.mark.parametrize(("kind", "layout"), [("edges", {}), ("nodes", {"by_day": False}), (MCAP, {"form": "mcap"})])
def test_what_the_bucket_lacks_comes_with_a_later_run(elsewhere: Elsewhere, kind: str, layout: dict[str, Any]) -> None:
    elsewhere.export(kind, **layout)
    begun = elsewhere.parts()
    assert begun[-1]["to_t"] == 55, "the last frame of the first segment"
    assert elsewhere.export(kind, **layout) == []
    elsewhere.copy("frames")
    elsewhere.export(kind, **layout)
    parts = elsewhere.parts()
    assert [part["from_t"] for part in parts][len(begun)] == 56
    assert parts[-1]["to_t"] == 179
    assert not any(part["gaps"] for part in parts)
    named = {file for part in parts for file in part["files"]}
    assert {str(path.relative_to(elsewhere.out)) for path in elsewhere.out.rglob("t*") if path.is_file()} == named


def test_a_folder_belongs_to_one_recording_there_too(elsewhere: Elsewhere) -> None:
    elsewhere.export("ticks")
    elsewhere.market.store_id = new_store_id()
    elsewhere.market.save()
    with pytest.raises(OtherExport, match="holds an export with store"):
        elsewhere.export("ticks")
