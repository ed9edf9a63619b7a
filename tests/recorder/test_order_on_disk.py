"""On disk the tick tape is never ahead of the others: readers rely on it, whoever reads and at whatever moment."""

from __future__ import annotations

import errno
from pathlib import Path
from random import Random
from typing import Any

import pytest

from recorder.segment import segment_file
from recorder.segment.layout import KINDS, segment_files
from recorder.tape.recording import Recording
from tests.recorder.tape import Clock, decoded, message, parsed

FRAME_EVERY = 5
OTHERS = ("frames", "metrics")


class Looking:
    """A recording, and what lies on disk each time anything has been written to the tick tape's files."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.directory, self.clock = directory, Clock()
        self.handed_in: dict[str, list[int]] = {kind: [] for kind in KINDS}
        self.looks = 0
        self.failing: str | None = None
        self.write_all = segment_file.write_all
        monkeypatch.setattr(segment_file, "write_all", self._write_and_look)
        self.recording = Recording(
            directory, segment_seconds=9, level=3, flush_seconds=1, clock=self.clock, on_trouble=lambda _: None
        )

    def write(self, t: int, size: int) -> None:
        frame = message(t, size) if t % FRAME_EVERY == 0 else None
        for kind in KINDS if frame else ("ticks", "metrics"):
            self.handed_in[kind].append(t)
        self.recording.write(t, message(t, size), message(t), frame)

    def on_disk(self, kind: str) -> list[int]:
        names = segment_files(self.directory, kind)
        return [line["t"] for name in names for line in self._lines(kind, name.file) if line["type"] != "gap"]

    def _lines(self, kind: str, file: str) -> list[dict[str, Any]]:
        path = self.directory / kind / file
        return parsed(decoded(path)) if path.stat().st_size else []

    def _write_and_look(self, file: Any, data: Any) -> Any:
        if self.failing is not None and f"/{self.failing}/" in str(file.name):
            raise OSError(errno.EIO, "a test's fault")
        answer = self.write_all(file, data)
        if "/ticks/" in str(file.name):
            self.look()
        return answer

    def look(self) -> None:
        if not (ticks := self.on_disk("ticks")):
            return
        self.looks += 1
        for kind in OTHERS:
            wanted = [t for t in self.handed_in[kind] if t <= ticks[-1]]
            assert self.on_disk(kind)[: len(wanted)] == wanted, f"ticks to {ticks[-1]} lie on disk, the {kind} do not"


@pytest.mark.parametrize("seed", range(6))
def test_whoever_reads_a_tick_finds_all_the_others_have_up_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    rng = Random(seed)
    looking = Looking(tmp_path, monkeypatch)
    for t in range(300):
        looking.write(t, size=rng.choice([40, 400, 200_000 if t % 20 == 0 else 40]))
        looking.clock.now += rng.choice([0.02, 0.3, 1.1])
        if rng.random() < 0.3:
            looking.recording.flush_if_due()
    looking.recording.close()
    looking.look()
    assert looking.looks > 20


@pytest.mark.parametrize("failing", OTHERS)
def test_where_another_tape_fails_first_the_loss_is_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    looking = Looking(tmp_path, monkeypatch)
    for t in range(3):
        looking.write(t, 40)
    looking.failing = failing
    looking.clock.now += 2
    monkeypatch.setattr(looking, "look", lambda: None)
    looking.recording.write(3, message(3), None, None)  # the ticks are due and bring the others to disk first
    assert looking.recording.stopped
    looking.failing = None
    looking.clock.now += 2
    looking.recording.write(4, message(4), message(4), None)
    looking.recording.close()
    assert looking.on_disk("ticks") == [0, 1, 2, 3, 4]
    assert [t for t in looking.on_disk(failing) if t < 4] == []
