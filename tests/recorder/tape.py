"""What the recorder's tests share: a clock set by hand, messages, and readers that are not its own."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import orjson
import zstandard

#: 2026-01-24 12:00:00 UTC.
NOON = 1769256000.0


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self, now: float = NOON) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def message(t: int, text_bytes: int = 40, kind: str = "ticks") -> bytes:
    """A tick-like line that compresses about as badly as prices do."""
    noise = random.Random(t).randbytes(text_bytes // 2).hex()
    return orjson.dumps(
        {"type": kind.removesuffix("s"), "t": t, "ts": NOON + t / 10, "s": {"price_norm": 0.5}, "noise": noise}
    )


def decoded(path: Path) -> bytes:
    """All text of a segment in one go, as a client with python-zstandard reads it."""
    with path.open("rb") as file:
        return zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True).read()


def decoded_by_tool(path: Path) -> bytes:
    """All text of a segment as the zstd command reads it."""
    return subprocess.run(["zstd", "-dc", str(path)], check=True, capture_output=True).stdout


def only_file(directory: Path) -> Path:
    """The one file in a directory."""
    (path,) = directory.iterdir()
    return path


def parsed(text: bytes) -> list[dict]:
    """The objects of an NDJSON text that ends with a newline."""
    assert text.endswith(b"\n")
    return [orjson.loads(line) for line in text.splitlines()]


def moment(t: int) -> tuple[bytes, bytes, bytes]:
    """What is written of one t: tick, metric and frame."""
    return message(t), message(t, kind="metrics"), message(t, kind="frames")
