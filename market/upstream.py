"""Another server as the source of ticks: its stream, read on a thread of its own, exactly once across reconnects."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from market.moments import check_moment
from market.sources import SourceError
from market.tick import Tick, TickError

if TYPE_CHECKING:
    from marketcamera import Stream

log = logging.getLogger(__name__)

#: Ticks read ahead (some MB): a pipeline that waits for its disk does not hold the other server up at once.
_READ_AHEAD = 1000

#: How often the reader, while nobody takes what it has, looks whether anybody still wants it.
_LOOK_SECONDS = 0.5


class UpstreamSource:
    """The ticks of another server's `/ws/stream`: from its newest on or, with `?since=T` in the URL, from behind T.

    Where the source stands is the t, as the other server counts, of the last tick it gave. Behind that it can be asked
    for all that server still has; the rest is a jump in t. A server that is away is waited for, without end.
    Raises SourceError for a URL that cannot be, and while reading for what no waiting helps against.

    A ts that cannot be is an error. How far it goes from tick to tick is that server's own source's affair: its stream
    goes on from run to run, after a week without it or with an old tape, and nothing in it tells where.
    """

    replayable = True

    def __init__(self, url: str) -> None:
        self.name = url
        self._last_t: int | None = None
        self._reader: _Reader | None = None
        self._next: Tick | None = None
        self._stream = self._new_stream()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until the next tick is at hand, so many seconds at most; whether it is. Raises SourceError."""
        if self._reader is None:
            self._reader = _Reader(self._stream)
        if self._next is None:
            message = self._reader.get(seconds)
            if message is not None:
                self._next = self._tick(message)
        return self._next is not None

    def first(self) -> Tick:
        """The tick that comes next; it is still to come. Raises SourceError."""
        while self._next is None:
            self.wait()
        if self._last_t is None:
            self._last_t = self._next.t - 1
        return self._next

    def __iter__(self) -> Iterator[Tick]:
        while True:
            tick = self.first()
            self._next, self._last_t = None, tick.t
            yield tick

    def checkpoint(self) -> str:
        return "" if self._last_t is None else str(self._last_t)

    def restore(self, checkpoint: str) -> None:
        """Give next what comes behind this t. Only before anything was read."""
        self._last_t = int(checkpoint) if checkpoint else None
        self._stream = self._new_stream()

    def close(self) -> None:
        """Leave the other server. May be called from any thread."""
        self._stream.close()

    def _new_stream(self) -> Stream:
        try:
            from marketcamera import Stream
        except ModuleNotFoundError as missing:
            hint = "pip install ./client installs it"
            raise SourceError(f"{self.name}: reading another server needs {missing.name}; {hint}") from None
        try:
            return Stream(self.name, "tick", self._last_t)
        except ValueError as error:
            raise SourceError(str(error)) from None

    def _tick(self, message: dict[str, Any] | Exception) -> Tick | None:
        """The tick in what the reader gave; None for what is no tick but may come."""
        if isinstance(message, Exception):
            raise SourceError(f"{self.name}: {message}") from message
        if message["type"] == "gap":
            gone = f"t={message['from_t']} to {message['to_t']}"
            log.warning("%s: %s are gone there (%s)", self.name, gone, message["reason"])
            return None
        try:
            tick = Tick.from_dict(message)
            if tick.ts is not None:
                check_moment(tick.ts)
            return tick
        except TickError as error:
            raise SourceError(f"{self.name}: t={message.get('t')}: {error}") from None


class _Reader:
    """The thread that reads a stream until that is closed; what ends it is handed over like a message."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._queue: queue.Queue[dict[str, Any] | Exception] = queue.Queue(_READ_AHEAD)
        threading.Thread(target=self._read, name="upstream", daemon=True).start()

    def get(self, seconds: float | None) -> dict[str, Any] | Exception | None:
        """The next message, None when none came in time."""
        try:
            return self._queue.get(timeout=seconds)
        except queue.Empty:
            return None

    def _read(self) -> None:
        from marketcamera import Gap

        try:
            for message in self._stream:
                if isinstance(message, Gap):
                    told = {"type": "gap", "from_t": message.from_t, "to_t": message.to_t, "reason": message.reason}
                    self._put(told)
                else:
                    self._put(dict(message.data))
        except Exception as error:  # noqa: BLE001 - raised again on the thread that takes ticks
            self._put(error)

    def _put(self, message: dict[str, Any] | Exception) -> None:
        while not self._stream.closed:
            try:
                self._queue.put(message, timeout=_LOOK_SECONDS)
                return
            except queue.Full:
                continue
