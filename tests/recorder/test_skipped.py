"""What a tape has on disk already is not written again."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from recorder.segment.layout import KINDS, segment_files
from recorder.tape.recording import Recording
from tests.recorder.tape import decoded


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    made = Recording(tmp_path, segment_seconds=60.0, level=1, flush_seconds=1.0, clock=lambda: 0.0)
    made.skip_to({"ticks": 4, "metrics": 6, "frames": 5})
    return made


def written(recording: Recording, directory: Path) -> dict[str, list[dict[str, object]]]:
    """The lines of each tape, once it is sealed."""
    recording.close()
    files = {kind: [directory / kind / name.file for name in segment_files(directory, kind)] for kind in KINDS}
    return {
        kind: [orjson.loads(line) for p in paths for line in decoded(p).splitlines()] for kind, paths in files.items()
    }


def test_each_tape_goes_on_behind_its_own_end(recording: Recording, tmp_path: Path) -> None:
    for t in (5, 6, 7):
        recording.write(t, *(b'{"t":%d}' % t for _ in range(3)))
    found = {kind: [line["t"] for line in lines] for kind, lines in written(recording, tmp_path).items()}
    assert found == {"ticks": [5, 6, 7], "metrics": [7], "frames": [6, 7]}


def test_a_gap_is_written_where_nothing_is_yet(recording: Recording, tmp_path: Path) -> None:
    recording.write_gap(5, 6, "lost")
    recording.write_gap(7, 9, "lost")
    found = {
        kind: [(line["from_t"], line["to_t"]) for line in lines] for kind, lines in written(recording, tmp_path).items()
    }
    assert found == {"ticks": [(5, 6), (7, 9)], "metrics": [(7, 9)], "frames": [(6, 6), (7, 9)]}
