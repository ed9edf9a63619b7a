"""What a tape holds already is not written again."""

from __future__ import annotations

from typing import Any, cast

from pipeline.tape_filter import TapeFilter
from recorder.tape.recording import Recording


class Written:
    """Tapes that note what is handed to them."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def write(self, *arguments: Any) -> None:
        self.calls.append(arguments)

    def write_gap(self, *arguments: Any) -> None:
        self.calls.append(arguments)


def tapes() -> tuple[TapeFilter, list[tuple[Any, ...]]]:
    written = Written()
    return TapeFilter(cast(Recording, written), {"ticks": 4, "metrics": 6, "frames": 5}), written.calls


def test_each_tape_goes_on_behind_its_own_end() -> None:
    kept, calls = tapes()
    for t in (5, 6, 7):
        kept.write(t, b"tick", b"metric", b"frame")
    assert calls == [(5, b"tick", None, None), (6, b"tick", None, b"frame"), (7, b"tick", b"metric", b"frame")]


def test_a_gap_is_written_where_nothing_is_yet() -> None:
    kept, calls = tapes()
    kept.write_gap(5, 6, "lost")
    kept.write_gap(7, 9, "lost")
    assert calls == [(5, 6, "lost", "ticks"), (6, 6, "lost", "frames"), (7, 9, "lost", None)]
