"""A source that goes on behind what is recorded, since nobody can make its past again."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from market.sources.source import Source
from market.tick import MarketError, Tick
from recorder.recovery.checkpoints import Checkpoint
from recorder.tape.history import History

log = logging.getLogger(__name__)


def resume(source: Source, history: History, checkpoint: Checkpoint, end_t: int, *, new_run: bool = False) -> None:
    """Let a source go on from its checkpoint, behind the ticks that are recorded since then.

    Up to `end_t` each t of this market is used up: it is recorded, or clients may have received it, and it was lost.
    Raises MarketError, ValueError.
    """
    t_shift = shift_of(checkpoint.run)
    source.restore(checkpoint.source)
    source.resume_after(_recorded(history, checkpoint, t_shift), end_t - t_shift, new_run=new_run)


def shift_of(run: dict[str, Any]) -> int:
    """The shift of t of a run whose source resumes, by the facts in its checkpoint.

    The one with which a run begins may not have it, for its first tick is to show it, and a run that is killed within
    its first half minute has no other one. Such a source counts from 0.
    """
    t_shift: int | None = run["t_shift"]
    return int(run["first_t"]) if t_shift is None else t_shift


def begun_behind(source: Source, history: History, last: Checkpoint, end_t: int) -> int | None:
    """Let a new run go on behind another one of the same market; the shift of its t, None where it begins anew.

    `last` is the newest checkpoint of the store. A market's name is its setting without options.
    """
    if last.run["source"].partition("?")[0] != source.name:
        return None
    try:
        resume(source, history, last, end_t, new_run=True)
    except (MarketError, ValueError) as why:
        log.warning("%s: it begins anew and not behind t=%d: %s", source.name, end_t, why)
        return None
    return shift_of(last.run)


def _recorded(history: History, checkpoint: Checkpoint, t_shift: int) -> Iterator[Tick]:
    """The recorded ticks since a checkpoint, with the t that the source gave them."""
    for line in history.lines("ticks", checkpoint.next_t - 1):
        if not line.is_gap:
            tick = Tick.from_json(line.text)
            assert tick.ts is not None
            yield tick.placed(tick.t - t_shift, tick.ts)
