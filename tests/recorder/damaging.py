"""What may happen to the files of a store, and what may be said of it then: used by the tests of all readers."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterable
from pathlib import Path

from recorder.segment.zstd_frames import frame_starts


def _rewrite(path: Path, change: Callable[[bytearray], object]) -> None:
    data = bytearray(path.read_bytes())
    change(data)
    path.write_bytes(data)


def _flip(data: bytearray, dice: random.Random, bits: int) -> None:
    for _ in range(bits):
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)


def flip_a_bit(path: Path, dice: random.Random) -> None:
    _rewrite(path, lambda data: _flip(data, dice, 1))


def flip_bits(path: Path, dice: random.Random) -> None:
    _rewrite(path, lambda data: _flip(data, dice, dice.randint(2, 40)))


def flip_a_header(path: Path, dice: random.Random) -> None:
    """In the header of a frame, where it says what checks it, and in what it holds."""
    starts = _starts(path)

    def change(data: bytearray) -> None:
        start = dice.choice(starts)
        data[start + 4] ^= 1 << dice.randrange(8)
        data[start + dice.randint(5, 60)] ^= 1 << dice.randrange(8)

    _rewrite(path, change)


def cut(path: Path, dice: random.Random) -> None:
    os.truncate(path, dice.randrange(1, path.stat().st_size))


def cut_between_frames(path: Path, dice: random.Random) -> None:
    os.truncate(path, dice.choice(_starts(path)[1:]))


def behead(path: Path, dice: random.Random) -> None:
    start = dice.choice(_starts(path)[1:])
    _rewrite(path, lambda data: data.__delitem__(slice(0, start)))


def take_out(path: Path, dice: random.Random) -> None:
    """A frame in the midst is gone."""
    starts = _starts(path)
    at = dice.randrange(1, len(starts) - 1)
    _rewrite(path, lambda data: data.__delitem__(slice(starts[at], starts[at + 1])))


def empty(path: Path, dice: random.Random) -> None:
    os.truncate(path, 0)


def zero(path: Path, dice: random.Random) -> None:
    def change(data: bytearray) -> None:
        begin = dice.randrange(len(data))
        size = min(dice.randint(1, 4096), len(data) - begin)
        data[begin : begin + size] = bytes(size)

    _rewrite(path, change)


def remove(path: Path, dice: random.Random) -> None:
    path.unlink()


def make_a_directory(path: Path, dice: random.Random) -> None:
    path.unlink()
    path.mkdir()


def make_a_fifo(path: Path, dice: random.Random) -> None:
    path.unlink()
    os.mkfifo(path)


def swap(path: Path, dice: random.Random) -> Path:
    """It and another one exchange their names; the other."""
    other = dice.choice(sorted(one for one in path.parent.glob("segment_*") if one != path))
    exchange(path, other)
    return other


def exchange(path: Path, other: Path) -> None:
    kept = path.with_name("swapping")
    path.rename(kept)
    other.rename(path)
    kept.rename(other)


#: Each changes a finished segment, and gives the other one that it changed, if there is one.
DAMAGES: list[Callable[[Path, random.Random], Path | None]] = [
    flip_a_bit, flip_bits, flip_a_header, cut, cut_between_frames, behead, take_out, empty, zero,
    remove, make_a_directory, make_a_fifo, swap,
]  # fmt: skip


def _starts(path: Path) -> list[int]:
    with path.open("rb") as file:
        return list(frame_starts(file))


def assert_honest(
    recorded: dict[int, bytes], messages: dict[int, bytes], gaps: Iterable[tuple[int, int]], wanted: Iterable[int]
) -> None:
    """Nothing was given that was not recorded, and what was not given of what was wanted was told."""
    told = {t for first, last in gaps for t in range(first, last + 1)}
    for t, text in messages.items():
        assert text == recorded.get(t), f"t={t} was never recorded so"
        assert t not in told, f"t={t} was given, and told as missing"
    left_out = [t for t in wanted if t in recorded and t not in messages and t not in told]
    assert not left_out, f"left out without a word: {left_out[:20]}"
