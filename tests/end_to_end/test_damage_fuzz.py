"""Segments of a live store, damaged by dice: whatever a reader gives was recorded, and what it leaves out it tells."""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import services
from tests.end_to_end.test_losses import END, KINDS, READERS, SEGMENTS, TICKS, Told, record, told
from tests.processes import PATIENCE_SECONDS, ROOT, Live, Site
from tests.recorder import damaging

ROUNDS = 6
READ_ALL = ROOT / "tests" / "web" / "read_all.mjs"


def exchange(path: Path, dice: random.Random) -> Path:
    """The contents of two segments, whose names stay: so the rows are known to tell of every file."""
    finished = [one for one in path.parent.glob("segment_*.jsonl.zst") if "_pending" not in one.name]
    other = dice.choice([one for one in finished if one != path])
    here, there = path.read_bytes(), other.read_bytes()
    path.write_bytes(there)
    other.write_bytes(here)
    return other


#: All that leave the names in the directory as they are.
DAMAGES: list[Callable[[Path, random.Random], Path | None]] = [
    damaging.flip_a_bit, damaging.flip_bits, damaging.flip_a_header, damaging.cut, damaging.cut_between_frames,
    damaging.behead, damaging.empty, damaging.zero, exchange,
]  # fmt: skip


class Store:
    """A server's store, and what was recorded in it before the server began."""

    def __init__(self, live: Live) -> None:
        self.live = live
        self.recorded = {kind: {one["t"]: one for one in live.site.messages(kind) if one["t"] < END} for kind in KINDS}
        self._whole = {path: path.read_bytes() for kind in KINDS for path in live.site.segments(kind)[:SEGMENTS]}

    def restore(self) -> None:
        for path, data in self._whole.items():
            if path.read_bytes() != data:
                path.write_bytes(data)

    def damage(self, dice: random.Random) -> list[Path]:
        """Some segments of each kind, but not the last; those that are not what they were."""
        for kind in KINDS:
            paths = [path for path in self._whole if path.parent.name == kind]
            for path in dice.sample(paths[:-1], dice.randint(1, 3)):
                dice.choice(DAMAGES)(path, dice)
        return [path for path, data in self._whole.items() if path.read_bytes() != data]

    def held_by_others(self, kind: str, damaged: list[Path]) -> set[int]:
        """The t that lie in whole files."""
        paths = [path for path in self._whole if path.parent.name == kind]
        spans = [
            range(number * TICKS, (number + 1) * TICKS) for number, path in enumerate(paths) if path not in damaged
        ]
        return {t for span in spans for t in span if t in self.recorded[kind]}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, migrated_database: Path) -> Iterator[Store]:
    site = Site(tmp_path_factory.mktemp("fuzzed"), migrated_database)
    try:
        record(site.store)
        live = site.serve(IG_RING_TICKS=1, IG_CAM_W=20, IG_CAM_STRIDE=5)
        live.wait_for_ticks(END)
        yield Store(live)
        assert "Traceback" not in live.log()
    finally:
        site.end()


def by_page(live: Live) -> dict[str, Told]:
    """What the page's worker reads."""
    found: list[dict[str, Any]] = []
    for kind in KINDS:
        command = [services.program("node"), str(READ_ALL), live.url, "IG-USD", kind, str(END - 1)]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=True)
        found += [json.loads(line) for line in ran.stdout.splitlines()]
    return told(found)


ALL_READERS: dict[Callable[[Live], dict[str, Told]], set[str]] = {**READERS, by_page: set(KINDS)}


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_whatever_is_damaged_no_reader_lies(store: Store, seed: int) -> None:
    store.restore()
    damaged = store.damage(random.Random(seed))
    for reader, kinds in ALL_READERS.items():
        found = reader(store.live)
        for kind in kinds:
            messages, gaps = found[KINDS[kind]]
            damaging.assert_honest(store.recorded[kind], messages, gaps, range(END))
            assert store.held_by_others(kind, damaged) <= set(messages), "what lies in a whole file is given"
    verified = store.live.site.run("verify")
    assert [path.name for path in damaged if f"{path.parent.name}/{path.name}" not in verified.stdout] == []
