"""Bars made again from the tape."""

from __future__ import annotations

from collections.abc import Iterator

from bars.making.builder import Builder
from bars.making.market_time import has_place
from bars.stored import Closing, closing_of
from market.tick import Tick
from recorder.tape.history import FOUND_OUT, History


def ticks_of(history: History, after_t: int, to_t: int | None = None) -> Iterator[Tick | tuple[int, int]]:
    """The recorded ticks with after_t < t <= to_t that have a place in time; (first t, last t) where there were
    some that cannot be read any more.

    Raises OSError where the disk fails, TickError for a line that is no tick.
    """
    for message in history.messages(["ticks"], after_t, to_t):
        if message.text is not None:
            tick = Tick.from_json(message.text)
            if has_place(tick.ts):
                yield tick
        elif message.reason in FOUND_OUT:
            yield message.first_t, message.last_t


def closings(history: History, builder: Builder, to_t: int | None = None) -> Iterator[Closing | None]:
    """Bring a builder on by the recorded ticks behind it; what each of them brought about."""
    after_t = -1 if builder.t is None else builder.t
    for tick in ticks_of(history, after_t, to_t):
        if isinstance(tick, Tick):
            closed = builder.take(tick)
            yield closing_of(builder, closed)
