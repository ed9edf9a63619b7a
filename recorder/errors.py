"""The errors of a recording: each takes facts and writes the sentence."""

from __future__ import annotations

from pathlib import Path


class RecorderError(Exception):
    """The base class of all errors of a market's recording."""


class BadName(RecorderError, ValueError):
    """A kind, a symbol or a segment's name that no store can have."""

    def __init__(self, what: str, got: object, expected: str) -> None:
        shown = repr(got)
        cut = shown if len(shown) <= 80 else shown[:77] + "..."
        super().__init__(f"{what} must be {expected}, got {cut}")


class BadLine(RecorderError, ValueError):
    """Encoded bytes that are not one line."""

    def __init__(self, t: int, newline_at: int, line_bytes: int) -> None:
        super().__init__(f"the line of t={t} has a newline at byte {newline_at} of {line_bytes}")


class DamagedLine(RecorderError, ValueError):
    """A line of a tape that is not a message."""

    def __init__(self, line: bytes) -> None:
        super().__init__(f"a line is no message: {line[:60]!r}")


class BadOrder(RecorderError, ValueError):
    """A message whose t is not above the last one of its kind, or a gap that ends before it begins."""


class DamagedFrame(RecorderError):
    """The bytes at `offset` of a file are not a zstd frame."""

    def __init__(self, offset: int, reason: str) -> None:
        self.offset = offset
        self.reason = reason
        super().__init__(f"no whole zstd frame at byte {offset}: {reason}")


class Misplaced(RecorderError):
    """A segment whose lines do not belong in its place."""


class NoFile(RecorderError):
    """A file with a segment's name that is not a plain file."""

    def __init__(self) -> None:
        super().__init__("it is no plain file")


class BadManifest(RecorderError):
    """A manifest.json that does not end like one of ours, so nothing can be appended to it."""

    def __init__(self, path: Path, end: bytes) -> None:
        super().__init__(f"{path} is not appended to: it ends with {end!r}, not with an entry and its bracket")


class StoreError(RecorderError):
    """The store cannot be written: `path` and `reason`, and the messages that were not kept because of it.

    `lost` is (first t, last t), both of this kind, or None when everything handed in before reached the file;
    `lost_lines` counts them. `errno` is the operating system's number, None where it gave none.
    """

    def __init__(self, path: Path, cause: OSError, *, lost: tuple[int, int] | None = None, lost_lines: int = 0) -> None:
        self.path = path
        self.errno = cause.errno
        self.reason = cause.strerror or str(cause)
        self.lost = lost
        self.lost_lines = lost_lines
        sentence = f"cannot write {path}: {self.reason}"
        if lost is not None:
            lines = "1 line" if lost_lines == 1 else f"{lost_lines} lines"
            sentence += f"; {lines} of t {lost[0]} to {lost[1]} not kept"
        super().__init__(sentence)


class RecordingStopped(RecorderError):
    """The recording ended while the store took no data."""

    def __init__(self, trouble: StoreError, lost: str) -> None:
        super().__init__(f"the recording had stopped before its end: {trouble}; lost: {lost}")


class ManifestStopped(RecorderError):
    """The thread that writes the manifest's rows has ended, so no further row would be written."""

    def __init__(self, symbol: str) -> None:
        super().__init__(f"the manifest of {symbol} takes no more segments: it was closed")


class StoreOfAnother(RecorderError):
    """The directory of a market holds the store of another market of the same database."""

    def __init__(self, directory: Path, other: str, symbol: str) -> None:
        super().__init__(
            f"{directory} is the store of the market {other}, and {symbol} would have its files too. Give {symbol} an"
            f" IG_CAM_STORE_DIR and a DATABASE_URL of its own, or leave IG_SYMBOL={other} and run {symbol} beside it:"
            f" `manage.py runmarket --symbol {symbol}`. (A copy of the store that is to be another market has no file"
            " store_id.)"
        )


class OtherStore(RecorderError):
    """The directory holds another recording than the one that was being read: `store_id` is its id."""

    def __init__(self, store_id: str) -> None:
        super().__init__(f"the store is another one now, {store_id}")
        self.store_id = store_id
