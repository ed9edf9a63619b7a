"""A run whose ticks come from outside: where it begins, and how it continues."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import NamedTuple

from market.sources.source import Source
from market.sources.upstream import place, position_of
from pipeline.continuation import Continued, Differs, Placement, continue_from_tape, continue_run
from pipeline.encode_tick import TickEncoder
from pipeline.resumed_source import begun_behind, resume, shift_of
from recorder.recovery.checkpoints import Checkpoint, Checkpoints
from recorder.recovery.run_registry import price_range_in
from recorder.recovery.tape_ends import Ends
from recorder.tape.history import History

#: How often the wait for another server's first tick checks whether it should continue.
_NAP_SECONDS = 0.25


class Stopped(Exception):
    """The market was to stop before it had begun."""


class Beginning(NamedTuple):
    """Where a new run begins; the run itself determines what is None.

    `first_t` counts only in an empty store.
    """

    first_t: int = 0
    start_ts: float | None = None
    t_shift: int | None = None


def beginning(source: Source, ends: Ends, checkpoints: Checkpoints, history: History, stop: Event) -> Beginning:
    """The beginning of a new run after `ends`.

    Waits for the other server if only its first tick determines the beginning; raises Stopped when `stop` is set
    meanwhile. An empty store begins with the current t of the other server, so that all servers of a tree count alike.
    A store that has filmed this server before continues after what it has, a run of other prices in the same recording
    too. If that server now has another recording, all of it is filmed, with another shift. Any other store is continued
    with a shift.
    """
    last, kept = next(checkpoints.newest_first(), None), None
    if source.resumes and ends.t >= 0 and last is not None:
        return Beginning(t_shift=begun_behind(source, history, last, ends.t))
    if source.followed is None:
        return Beginning()
    if ends.t >= 0 and last is not None and last.run["source"] == source.name:
        t_shift = last.run["t_shift"]
        if last.ended:
            source.followed.begin_behind(last.source)
            kept = t_shift if position_of(last.source)[0] != -1 else None
        elif t_shift is not None:
            source.restore(place(ends.t - t_shift, position_of(last.source)[1]))
            return Beginning(t_shift=t_shift)
    while (first := source.followed.first()) is None:
        if stop.is_set():
            raise Stopped
        source.wait(_NAP_SECONDS)
    if ends.t < 0:
        return Beginning(first.t, first.ts, 0)
    least = ends.t + 1 - first.t
    return Beginning(start_ts=first.ts, t_shift=least if kept is None else max(kept, least))


def go_on(
    history: History,
    checkpoint: Checkpoint,
    ends: Ends,
    source: Source,
    placement: Placement,
    make_encoder: Callable[[], TickEncoder],
) -> Continued:
    """The run of a checkpoint, ready to continue. It does not use the other server, which may be unavailable.

    Raises CannotContinue.
    """
    if source.followed is not None and (t_shift := placement.t_shift) is not None:
        _check_streamed(ends)
        if (prices := price_range_in(checkpoint.run)) is not None:
            source.price_range = prices.low, prices.high  # where the other server has others by now, it is replaced
        _, store = position_of(checkpoint.source)
        follow = lambda t: source.restore(place(t - t_shift, store))  # noqa: E731
        return continue_from_tape(history, checkpoint, ends.on_disk, source, follow, make_encoder)
    if source.resumes:
        placement.t_shift = shift_of(checkpoint.run)
        resume_behind = lambda t: resume(source, history, checkpoint, ends.t)  # noqa: E731
        return continue_from_tape(history, checkpoint, ends.on_disk, source, resume_behind, make_encoder)
    return continue_run(history, checkpoint, ends.on_disk, source, placement, make_encoder)


def _check_streamed(ends: Ends) -> None:
    """Check that metrics and frames are ahead of the ticks by no more than was streamed before a crash.

    Raises Differs.
    """
    last = max(ends.on_disk.values())
    if last > max(ends.on_disk["ticks"], ends.streamed):
        raise Differs(f"t={last} is on disk, and t={ends.streamed} is the last that may have been streamed")
