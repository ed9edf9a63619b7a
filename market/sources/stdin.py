"""Standard input as a source: the ticks that another program writes, one JSON message a line."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Iterator

from market.sources.options import Options, SourceSettings, low_and_high
from market.sources.read_ahead import ReadAhead
from market.sources.source import Source, SourceError
from market.sources.tick_lines import ticks_of
from market.tick import Tick

#: Ticks read ahead: enough that neither side waits for the other at each tick. Behind them the pipe fills up, and the
#: program that writes into it has to wait.
_READ_AHEAD = 64

_PIECE_BYTES = 65_536


class StdinSource(Source):
    """The ticks on standard input, as they come; its end is the end of the market.

    What was read is gone for good, so a later run continues after a shift of t. Option: `price_range=LOW,HIGH`. Raises
    SourceError at once for a wrong option or a closed input, and while reading for a line that is not a tick, and for a
    ts that is invalid or further than the allowed step from the one before it.
    """

    name = "stdin"
    sets_pace = True

    def __init__(self, setting: str, settings: SourceSettings) -> None:
        super().__init__()
        options = Options(setting)
        self.price_range = options.take("price_range", low_and_high, self.price_range)
        options.end("price_range")
        if sys.stdin is None:
            raise SourceError("stdin: standard input is closed")
        self._most_step_seconds = settings.most_step_seconds
        self._reader: ReadAhead[Tick] | None = None
        self._next: Tick | None = None

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until the next tick has arrived, or no more will, at most this long; returns whether so.

        Raises SourceError.
        """
        if self._reader is None:
            self._reader = ReadAhead(self._ticks(), _READ_AHEAD, "stdin")
        if self._next is None:
            self._next = self._reader.get(seconds)
        return self._next is not None or self._reader.ended

    def __iter__(self) -> Iterator[Tick]:
        while self.wait() and self._next is not None:
            tick, self._next = self._next, None
            yield tick

    def close(self) -> None:
        """Read no further. May be called from any thread."""
        if self._reader is not None:
            self._reader.close()

    def _ticks(self) -> Iterator[Tick]:
        try:
            yield from ticks_of(_pieces(sys.stdin.fileno()), self.name, self._most_step_seconds)
        except OSError as error:
            raise SourceError(f"stdin: {error.strerror}") from None


def _pieces(handle: int) -> Iterator[bytes]:
    """The text of a file descriptor, as much at a time as is there; Python's own `sys.stdin` would wait for more."""
    while True:
        select.select([handle], [], [])  # whoever shares it may have set it not to block
        if not (piece := os.read(handle, _PIECE_BYTES)):
            return
        yield piece
