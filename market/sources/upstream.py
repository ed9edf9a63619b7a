"""Another server as the source of ticks: its stream, read on a thread of its own, exactly once across reconnects."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from market.sources.read_ahead import ReadAhead
from market.sources.source import Followed, Source, SourceError
from market.tick import Tick, TickError
from market.timestamps import check_moment

if TYPE_CHECKING:
    from marketcamera import Stream

log = logging.getLogger(__name__)

#: Ticks read ahead (some MB): a pipeline that waits for its disk does not hold the other server up at once.
_READ_AHEAD = 1000

#: A server that did not tell its prices is asked for them again after this time.
_ASK_AGAIN_SECONDS = 60.0

#: A message, and the id of the recording it is of.
_Message = tuple[dict[str, Any], str | None]


def place(t: int | None, store: str | None) -> str:
    """The position of a source in a checkpoint: a t, and the recording in which it counts, if known."""
    if t is None:
        return ""
    return str(t) if store is None else f"{t} {store}"


def position_of(checkpoint: str) -> tuple[int | None, str | None]:
    """The t and the id of the recording in a checkpoint; those of older versions have no id. Raises ValueError."""
    t, _, store = checkpoint.partition(" ")
    return (int(t) if t else None), store or None


class UpstreamSource(Source):
    """The ticks of another server's `/ws/stream`: from its newest on or, with `?since=T` in the URL, after T.

    The position of the source is the t, as the other server counts, of the last tick it gave, and the id of its
    recording. After that position the source can be asked for everything the server still has; the rest is a jump in t.
    The source waits without limit for a server that is unavailable. A message that is not a tick, or that cannot be
    parsed on a third connection either, is skipped, and its tick is a jump in t too. Raises SourceError for an invalid
    URL, and while reading for a refusal.

    `replaced`: the other server has another recording than the one whose ticks this source gave, or was to continue
    with. The source gives no more of the old ones; its position is the beginning of the new recording. Or a run of
    another price range than `price_range` began there, and is to be one here too; its position is before it.

    A tick with an invalid ts is not a tick. Steps of ts are not checked, because they depend on that server's own
    source: its stream continues from run to run, after a week of downtime or with an old tape, and nothing in it says
    where.
    """

    replayable = True
    sets_pace = True

    def __init__(self, url: str) -> None:
        super().__init__()
        self.name = url
        self.followed: Followed = self
        self.price_range = None
        self._last_t: int | None = None
        self._store: str | None = None
        #: Whether the next tick must be of the same recording as the position of the source.
        self._goes_on = False
        self._reader: ReadAhead[_Message] | None = None
        self._next: Tick | None = None
        self._passed_over = 0
        self._asks_prices_at = -math.inf
        self._stream = self._new_stream()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until the next tick has arrived, or no more will, at most this long; returns whether so.

        Raises SourceError.
        """
        if self._reader is None:
            self._reader = ReadAhead(_messages(self._stream), _READ_AHEAD, "upstream")
        if self._next is None and not self.replaced:
            try:
                taken = self._reader.get(seconds)
            except Exception as error:
                raise SourceError(f"{self.name}: {error}") from error
            if taken is not None:
                self._take(*taken)
        return self._next is not None or self.replaced

    def first(self) -> Tick | None:
        """The tick with which a new run begins, whatever recording it is of, if it is at hand; it is still to come."""
        if self._next is not None and not self._goes_on:
            self._goes_on, self._last_t = True, self._next.t - 1
        return self._next

    def __iter__(self) -> Iterator[Tick]:
        while True:
            while self._next is None:
                if self.replaced:
                    return
                self.wait()
            tick, self._next = self._next, None
            self._goes_on, self._last_t = True, tick.t
            yield tick

    def checkpoint(self) -> str:
        return place(self._last_t, self._store)

    def restore(self, checkpoint: str) -> None:
        """Continue after this place, in the recording in which it counts. Only before anything was read.

        Raises ValueError.
        """
        self.begin_behind(checkpoint)
        self._goes_on = bool(checkpoint)

    def begin_behind(self, checkpoint: str) -> None:
        """Continue after this place or, if another recording has replaced it, from the beginning of that.

        Only before anything was read. Raises ValueError.
        """
        self._last_t, self._store = position_of(checkpoint)
        self._stream = self._new_stream()

    def close(self) -> None:
        """Leave the other server. May be called from any thread."""
        self._stream.close()
        if self._reader is not None:
            self._reader.close()

    def _new_stream(self) -> Stream:
        try:
            from marketcamera import Stream
        except ModuleNotFoundError as missing:
            hint = "pip install ./client installs it"
            raise SourceError(f"{self.name}: reading another server needs {missing.name}; {hint}") from None
        try:
            return Stream(self.name, "tick", self._last_t, store=self._store, on_bad_message="skip")
        except ValueError as error:
            raise SourceError(str(error)) from None

    def _take(self, message: dict[str, Any], store: str | None) -> None:
        """Take a message of the reader, and the recording it belongs to."""
        if message["type"] == "gap" and message["reason"] == "store_changed":
            log.warning("%s: another recording, %s, is there now", self.name, store)
            self._last_t, self._store, self.replaced = -1, store, self._goes_on
            return
        tick = self._tick(message)
        if tick is not None and not self._has_prices_of_run(tick.t):
            self.replaced = True  # the position stays behind the last tick that was given
            return
        self._next, self._store = tick, store

    def _has_prices_of_run(self, t: int) -> bool:
        """Whether a tick's numbers stand for the prices of those before it: a run has one price range."""
        told = self._told_prices(t)
        if self.price_range is None:
            self.price_range = told or Source.price_range
        if told in (None, self.price_range):
            return True
        log.warning("%s: from t=%d on prices lie between %g and %g: a new run begins", self.name, t, *(told or ()))
        return False

    def _told_prices(self, t: int) -> tuple[float, float] | None:
        """What the other server says of its prices at a t; None for one that does not say it now."""
        from marketcamera import MarketCameraError

        if time.monotonic() < self._asks_prices_at:
            return None
        try:
            return self._stream.price_range(t)
        except MarketCameraError as error:
            self._asks_prices_at = time.monotonic() + _ASK_AGAIN_SECONDS
            if self.price_range is None:
                log.warning("%s: the prices are taken for the simulator's: %s", self.name, error)
            return None

    def _tick(self, message: dict[str, Any]) -> Tick | None:
        """The tick in a message; None for another message that is allowed."""
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
            self._pass_over(message, error)
            return None

    def _pass_over(self, message: dict[str, Any], error: TickError) -> None:
        self._passed_over += 1
        if self._passed_over.bit_count() == 1:  # more and more seldom: there may be many
            t, number = message.get("t"), self._passed_over
            log.warning("%s: t=%s is no tick, message %d of such: %s", self.name, t, number, error)


def _messages(stream: Stream) -> Iterator[_Message]:
    from marketcamera import Gap

    for message in stream:
        if isinstance(message, Gap):
            told = {"type": "gap", "from_t": message.from_t, "to_t": message.to_t, "reason": message.reason}
            yield told, stream.store
        else:
            yield dict(message.data), stream.store
