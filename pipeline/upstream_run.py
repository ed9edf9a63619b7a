"""A run whose ticks come from another server: where it begins, and how it goes on."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import NamedTuple

from market.sources.source import Source
from market.sources.upstream import place, position_of
from pipeline.continuation import Continued, Differs, Placement, continue_from_tape, continue_run
from pipeline.encode_tick import TickEncoder
from recorder.recovery.checkpoints import Checkpoint, Checkpoints
from recorder.recovery.tape_ends import Ends
from recorder.tape.history import History

#: How often the wait for another server's first tick looks whether it is to go on.
_NAP_SECONDS = 0.25


class Stopped(Exception):
    """The market was to stop before it had begun."""


class Beginning(NamedTuple):
    """Where a new run begins; what is None is for the run itself to find.

    `first_t` counts in an empty store only.
    """

    first_t: int = 0
    start_ts: float | None = None
    t_shift: int | None = None


def beginning(source: Source, ends: Ends, checkpoints: Checkpoints, stop: Event) -> Beginning:
    """The beginning of a new run behind `ends`. Waits for the other server where only its first tick tells; raises
    Stopped when `stop` is set meanwhile.

    An empty store begins with the t the other server is at, so that all of a tree of servers count alike. A store that
    has filmed this server before goes on behind what it has of it. Where that server has another recording by now, all
    of this is filmed, by another shift. Any other store is continued by a shift.
    """
    if source.followed is None:
        return Beginning()
    last = next(checkpoints.newest_first(), None)
    if ends.t >= 0 and last is not None and last.run["source"] == source.name:
        t_shift = last.run["t_shift"]
        if last.ended:
            source.followed.begin_behind(last.source)
        elif t_shift is not None:
            source.restore(place(ends.t - t_shift, position_of(last.source)[1]))
            return Beginning(t_shift=t_shift)
    while (first := source.followed.first()) is None:
        if stop.is_set():
            raise Stopped
        source.wait(_NAP_SECONDS)
    if ends.t < 0:
        return Beginning(first.t, first.ts, 0)
    return Beginning(start_ts=first.ts, t_shift=ends.t + 1 - first.t)


def go_on(
    history: History,
    checkpoint: Checkpoint,
    ends: Ends,
    source: Source,
    placement: Placement,
    make_encoder: Callable[[], TickEncoder],
) -> Continued:
    """The run of a checkpoint made ready to go on; without the other server's help, as that may be away.

    Raises CannotContinue.
    """
    if source.followed is not None and (t_shift := placement.t_shift) is not None:
        _check_streamed(ends)
        _, store = position_of(checkpoint.source)
        place_behind = lambda t: place(t - t_shift, store)  # noqa: E731
        return continue_from_tape(history, checkpoint, ends.on_disk, source, place_behind, make_encoder)
    return continue_run(history, checkpoint, ends.on_disk, source, placement, make_encoder)


def _check_streamed(ends: Ends) -> None:
    """Metrics and frames are ahead of the ticks by what a crash cost, and it cost no more than was streamed. Raises
    Differs."""
    last = max(ends.on_disk.values())
    if last > max(ends.on_disk["ticks"], ends.streamed):
        raise Differs(f"t={last} is on disk, and t={ends.streamed} is the last that may have been streamed")
