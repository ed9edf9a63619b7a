"""One tape being written: the writer of a kind, and the account of what it did not keep."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from recorder.errors import StoreError
from recorder.segment.layout import parse_name
from recorder.segment.writer import ZstdSegmentWriter


class TapeWriter(ZstdSegmentWriter):
    """Writes the messages of one kind, and accounts for every StoreError before it is raised.

    `lost` is the first and last t of messages that were not kept and that no gap line announces yet; from `whole_from`
    on nothing was lost.
    """

    lost: tuple[int, int] | None = None
    whole_from = 0
    #: The first and last t in the open segment, on disk or not.
    _speaks_of: tuple[int, int] | None = None

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        #: Segments that failed and could not be sealed: the file, and its first and last t.
        self._left: list[tuple[Path, int, int]] = []

    def write(self, t: int, message: bytes) -> None:
        """Take the message of tick `t`. Raises StoreError."""
        self._speak_of(t, t)
        self.write_jsonline(message, t)

    def write_gap(self, from_t: int, to_t: int, reason: str) -> None:
        self._speak_of(from_t, to_t)
        super().write_gap(from_t, to_t, reason)

    def roll(self, t: int) -> None:
        """Seal a segment that is old enough. Raises StoreError."""
        if self.roll_if_needed(t):
            self._speaks_of = None

    def seal(self) -> StoreError | None:
        """Seal the open segment, and those left pending by failures; returns the open one's error if that fails."""
        try:
            self.close()
        except StoreError as error:
            return error
        self._speaks_of = None
        return None

    def lose(self, from_t: int, to_t: int) -> None:
        """Note that these messages are not kept."""
        self.lost = (from_t, to_t) if self.lost is None else (min(self.lost[0], from_t), max(self.lost[1], to_t))
        self.whole_from = max(self.whole_from, to_t + 1)

    def look(self) -> None:
        """Raises StoreError if the open file has lost its name: it would accept all data, and keep none."""
        facts = self.facts
        if facts is not None:
            path = self._directory / facts.file
            try:
                path.stat()
            except OSError as error:
                raise StoreError(path, error) from error

    def probe(self) -> None:
        """Raises StoreError if no file can be made here."""
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self._directory, buffering=0) as file:
                file.write(b"\n")
        except OSError as error:
            raise StoreError(self._directory, error) from error

    def find_what_is_gone(self) -> None:
        """Count as lost the messages of segments that are gone under both of their names."""
        left, self._left = self._left, []
        for path, first_t, last_t in left:
            if not (os.path.exists(path) or os.path.exists(_lasting(path))):
                self.lose(first_t, last_t)

    def tell_loss(self) -> None:
        """Hand the loss to the writer as a gap line; if the writer fails to keep it, its error returns the loss."""
        if self.lost is not None:
            (from_t, to_t), self.lost = self.lost, None
            self.write_gap(from_t, to_t, "lost")

    def _speak_of(self, from_t: int, to_t: int) -> None:
        known = self._speaks_of
        self._speaks_of = (from_t if known is None else min(known[0], from_t), to_t)

    def _account(self, error: StoreError) -> StoreError:
        if error.lost is not None:
            self.lose(*error.lost)
        if self._speaks_of is not None and not os.path.exists(_lasting(error.path)):
            self._left.append((error.path, *self._speaks_of))
        self._speaks_of = None
        return error


def _lasting(path: Path) -> Path:
    """The name of a segment's file once it is sealed."""
    return path.with_name(parse_name(path.name).lasting)
