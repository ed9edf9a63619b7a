"""Packing: from lines to the bytes of a file, plain or in zstd frames."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from marketcamera.decoding import zstandard_module
from marketcamera.tape.lines import is_compressed
from marketcamera.tape.zstd_frames import compressor


class Packing(Protocol):
    """Makes bytes of lines: what `flush` and `end` give goes to disk; all of it can then be read."""

    text_bytes: int

    def add(self, line: bytes) -> None: ...

    def flush(self) -> bytes: ...

    def end(self) -> bytes: ...


class Plain:
    """Lines as they are."""

    def __init__(self) -> None:
        self._lines: list[bytes] = []
        self.text_bytes = 0

    def add(self, line: bytes) -> None:
        self._lines.append(line)
        self.text_bytes += len(line)

    def flush(self) -> bytes:
        data = b"".join(self._lines)
        self._lines, self.text_bytes = [], 0
        return data

    end = flush


class ZstdFrames:
    """Lines in zstd frames, each of which begins and ends with a line."""

    def __init__(self) -> None:
        self._compressor = compressor()
        self._frame = self._compressor.compressobj()
        self._compressed: list[bytes] = []
        self._flushed = True
        self.text_bytes = 0

    def add(self, line: bytes) -> None:
        self._compressed.append(self._frame.compress(line))
        self._flushed = False
        self.text_bytes += len(line)

    def flush(self) -> bytes:
        """What is not on disk yet, by a block flush inside the frame."""
        return b"" if self._flushed else self._take(zstandard_module().COMPRESSOBJ_FLUSH_BLOCK)

    def end(self) -> bytes:
        """The rest of the frame; the next line begins another."""
        data = self._take(zstandard_module().COMPRESSOBJ_FLUSH_FINISH)
        self._frame = self._compressor.compressobj()
        self.text_bytes = 0
        return data

    def _take(self, how: int) -> bytes:
        data = b"".join([*self._compressed, self._frame.flush(how)])
        self._compressed, self._flushed = [], True
        return data


def packing_of(path: Path) -> Packing:
    """The one for a file of this name. Raises MarketCameraError where it needs a package that is not installed."""
    return ZstdFrames() if is_compressed(path) else Plain()
