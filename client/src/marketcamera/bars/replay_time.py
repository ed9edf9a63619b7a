"""The present of a replay: what its clock shows to a strategy, and whose turn it is, the clock's or the strategy's."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from marketcamera.bars.bar import Bar

#: The next bar of a replay waits no longer for a program that is at work on the one it was given; nor does the first
#: one for a program that prepares itself.
MOST_WORK_SECONDS = 30.0


#: A program at work: its thread, and the pair that it was given a bar of.
_Work = tuple[int, tuple[str, str]]
#: One that has not asked for a bar yet.
_PREPARING: _Work = (0, ("", ""))


class ReplayTime:
    """The market time at which a replay is, in ms. Not for several threads at once: its owner has a lock.

    It moves with the bars, so that a program that handles one sees what had closed by then and nothing later, however
    long it takes; while no program does, it also moves by itself at `speed`, at most `period_ms` beyond the last bar.
    """

    def __init__(self, from_ms: int, speed: float, period_ms: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.from_ms = self.bar_ms = from_ms
        self.over = False
        self._speed, self._period_ms, self._clock = speed, period_ms, clock
        self._at: float | None = None  # when the last bar came, None before the first
        self._at_work = [_PREPARING]
        self._reading = 0
        self._heard_at: float | None = None  # when a program at work was last heard of

    @property
    def now_ms(self) -> int:
        """The present."""
        if self._at is None or self.over or self._at_work:
            return self.bar_ms
        return self.bar_ms + min(self._period_ms, int((self._clock() - self._at) * self._speed * 1000))

    def moves_to(self, bar: Bar) -> bool:
        """A bar came; whether it is one of the replay, and not of the history before it."""
        if bar.close_time > self.bar_ms:
            self.bar_ms, self._at = bar.close_time, self._clock()
        return bar.close_time > self.from_ms

    def gives(self, pair: tuple[str, str], thread: int) -> None:
        """A program is given a bar, and is at work until it asks for the next one."""
        self._at_work.append((thread, pair))
        self._heard_at = self._clock()

    def is_asked(self, pair: tuple[str, str]) -> None:
        """A program asks for a bar: it is done with the one before, whichever thread of it asks."""
        me = threading.get_ident()
        mine = [work for work in self._at_work if work[0] == me or work is _PREPARING]
        others = [work for work in self._at_work if work[1] == pair]
        for work in mine or others[:1]:
            self._at_work.remove(work)

    def reads(self, change: int) -> None:
        """So many more programs read bars of the server, which may take its time; -1 for one that has read."""
        self._reading += change
        self._heard_at = self._clock()

    def work_seconds(self) -> float:
        """How long the next bar has to wait at most; 0 if nobody is at work, below that if somebody takes too long."""
        if not self._at_work or self._reading:
            return MOST_WORK_SECONDS if self._at_work else 0.0
        if self._heard_at is None:
            self._heard_at = self._clock()
        return self._heard_at + MOST_WORK_SECONDS - self._clock()

    def give_up_work(self) -> None:
        """Wait for nobody any more."""
        self._at_work.clear()
