"""Continuation: picks a run up where it broke off, so that its tapes become those of a run never interrupted.

How and why: docs/architecture.md, "A start after a crash".
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from market.agent_ids import AgentIds, InMemoryAgentIds
from market.sources.source import Source
from market.tick import Ints, MarketError, Tick, TickError
from market.timestamps import END_TS
from pipeline.encode_tick import TickEncoder
from pipeline.names_watch import NamesWatch
from recorder.recovery.checkpoints import Checkpoint, Checkpoints
from recorder.segment.checked_lines import Line
from recorder.segment.layout import KINDS
from recorder.tape.history import History
from recorder.tape.recording import Recording
from streaming.protocol import Moment

log = logging.getLogger(__name__)


class CannotContinue(Exception):
    """The run cannot be continued from this checkpoint; the text says why. An older one may do."""


class Differs(CannotContinue):
    """The ticks made again differ from those on disk, so the run cannot be continued from any checkpoint."""


@dataclass(slots=True)
class Placement:
    """The place of a source's ticks in the market's store: t and ts of each, and the ids of named agents.

    The first tick of the run gets `first_t`, and all others keep their distance to it: t is the source's own plus
    `t_shift`. `ts` is the tick's own, or counted from `start_ts` in steps of `interval` seconds. `agent_ids` are those
    of the store. `place` raises TickError at the end of market time.
    """

    first_t: int
    start_ts: float
    interval: float
    t_shift: int | None = None
    agent_ids: AgentIds = field(default_factory=InMemoryAgentIds)
    _watch: NamesWatch = field(default_factory=NamesWatch)

    def ids_of(self, names: Sequence[str], t: int) -> Ints:
        """`AgentIds` for the source, which counts its own t."""
        return self.agent_ids.ids_of(names, self.first_t if self.t_shift is None else t + self.t_shift)

    def place(self, tick: Tick) -> Tick:
        if self.t_shift is None:
            self.t_shift = self.first_t - tick.t
        t = tick.t + self.t_shift
        ts = tick.ts
        if ts is None:
            ts = round(self.start_ts + (t - self.first_t) * self.interval, 6)
            if ts >= END_TS:  # what lies before the first moment is of a run that began under an older version
                raise TickError(f"t={t}: market time has come to its end, the year 2200")
        placed = tick.placed(t, ts)
        self._watch.look(placed)
        return placed if tick.names is None else placed.named(self.agent_ids.ids_of(tick.names, t))


@dataclass(slots=True)
class LackingMessages:
    """The messages of a moment that the tapes lack."""

    t: int
    messages: dict[str, bytes]


@dataclass(slots=True)
class TapeGap:
    """A jump in t, including both ends, that the tape of a kind does not announce yet."""

    kind: str
    from_t: int
    to_t: int


@dataclass(slots=True)
class Continued:
    """A run that is ready to continue: the source yields the tick `next_t` next, and the camera has its window.

    `lacking` are the messages that the tapes lack, to be written before anything else.
    """

    next_t: int
    encoder: TickEncoder
    ticks: Iterator[Tick]
    lacking: list[LackingMessages | TapeGap] = field(default_factory=list)


class _Tape:
    """The messages of one kind on disk after a t, queried in ascending order."""

    def __init__(self, history: History, kind: str, after_t: int, end_t: int) -> None:
        self.kind, self.end_t = kind, end_t
        self._lines = history.lines(kind, after_t)
        self._line: Line | None = next(self._lines, None)

    def lacks(self, t: int, message: bytes | None) -> bool:
        """Whether the message of t is to be written. Raises Differs if the disk holds another."""
        while self._line is not None and self._line.last_t < t:
            if not self._line.is_gap:
                raise Differs(f"the {self.kind} on disk have t={self._line.first_t}, the ones made again do not")
            self._line = next(self._lines, None)
        line = self._line
        if line is None or line.first_t > t:
            if message is not None and t <= self.end_t:
                raise Differs(f"the {self.kind} on disk lack t={t}")
            return message is not None
        if not line.is_gap:
            if line.text != message:
                raise Differs(f"the {self.kind} on disk differ at t={t} from those made again")
            self._line = next(self._lines, None)
        return False


def continue_run(
    history: History,
    checkpoint: Checkpoint,
    ends: dict[str, int],
    source: Source,
    placement: Placement,
    make_encoder: Callable[[], TickEncoder],
) -> Continued:
    """Restore the source, fill the camera, and make everything after the checkpoint again.

    `ends` gives the last t on disk of each kind, -1 for none. Every tick, metric and frame that is made again is
    compared with the disk, which stays unchanged. Raises CannotContinue.
    """
    encoder = _film_at(history, checkpoint, make_encoder)
    try:
        source.restore(checkpoint.source)
    except (MarketError, ValueError) as error:
        raise CannotContinue(str(error)) from error
    ticks = iter(source)
    after_t = checkpoint.next_t - 1
    tapes = [_Tape(history, kind, after_t, ends[kind]) for kind in KINDS]
    done = Continued(checkpoint.next_t, encoder, ticks)
    while done.next_t <= max(ends.values()):
        raw = next(ticks, None)
        if raw is None:
            raise Differs(f"the source ends before t={done.next_t}, which is on disk")
        moment = encoder.encode(placement.place(raw))
        if moment.t < done.next_t:
            raise Differs(f"the source gives t={moment.t} where t={done.next_t} was due")
        _take(done, moment, tapes)
    return done


def continue_from_tape(
    history: History,
    checkpoint: Checkpoint,
    ends: dict[str, int],
    source: Source,
    resume_behind: Callable[[int], None],
    make_encoder: Callable[[], TickEncoder],
) -> Continued:
    """Fill the camera, film the recorded ticks after the checkpoint again, and continue the source after the last.

    For a source that cannot make earlier ticks again, or may be unavailable, while the tape is here; `resume_behind`
    lets it go on behind a t of this market. Where the tapes of metrics and frames reach further than the ticks, the
    rest of them is not read (`Recording.skip_to`). Raises CannotContinue.
    """
    done = Continued(checkpoint.next_t, _film_at(history, checkpoint, make_encoder), iter(source))
    after_t = checkpoint.next_t - 1
    tapes = [_Tape(history, kind, after_t, ends[kind]) for kind in KINDS]
    for line in history.lines("ticks", after_t):
        if line.is_gap:
            _pass_over(done, line.last_t, tapes)
        else:
            _take(done, done.encoder.encode(Tick.from_json(line.text)), tapes)
    try:
        resume_behind(done.next_t - 1)
    except (MarketError, ValueError) as error:
        raise CannotContinue(str(error)) from error
    return done


def _take(done: Continued, moment: Moment, tapes: list[_Tape]) -> None:
    """Count a moment that was made again, and note which of its messages the tapes lack. Raises Differs."""
    _pass_over(done, moment.t - 1, tapes)
    done.next_t = moment.t + 1
    messages = _messages(moment)
    lacking = {tape.kind: m for tape in tapes if tape.lacks(moment.t, m := messages[tape.kind]) and m is not None}
    if lacking:
        done.lacking.append(LackingMessages(moment.t, lacking))


def _pass_over(done: Continued, to_t: int, tapes: list[_Tape]) -> None:
    """Continue after a jump in t up to `to_t`, if there is one; tapes that end before it do not announce it."""
    for tape in tapes:
        from_t = max(done.next_t, tape.end_t + 1)
        if from_t <= to_t:
            done.lacking.append(TapeGap(tape.kind, from_t, to_t))
    done.next_t = max(done.next_t, to_t + 1)


def complete(recording: Recording, lacking: Iterable[LackingMessages | TapeGap]) -> None:
    """Write the lacking messages to the tapes. Raises StoreError."""
    for one in lacking:
        if isinstance(one, TapeGap):
            recording.write_gap(one.from_t, one.to_t, "lost", one.kind)
        else:
            messages = one.messages
            recording.write(one.t, messages.get("ticks"), messages.get("metrics"), messages.get("frames"))
    recording.flush()


def _messages(moment: Moment) -> dict[str, bytes | None]:
    return {"ticks": moment.tick, "frames": moment.frame, "metrics": moment.metric}


def _film_at(history: History, checkpoint: Checkpoint, make_encoder: Callable[[], TickEncoder]) -> TickEncoder:
    """A film whose camera stands before the checkpoint's next tick, its window read from the tape."""
    encoder = make_encoder()
    encoder.camera.resume(checkpoint.mid_before, checkpoint.filmed)
    due = checkpoint.next_t - checkpoint.window_ticks
    for line in history.lines("ticks", due - 1, checkpoint.next_t - 1):
        if line.is_gap or line.first_t != due:
            raise CannotContinue(f"the tape lacks t={due} of the camera's window")
        encoder.camera.ingest(Tick.from_json(line.text))
        due += 1
    if due != checkpoint.next_t:
        raise CannotContinue(f"the tape ends at t={due - 1}, before the checkpoint's t={checkpoint.next_t}")
    return encoder


def hand_over(history: History, checkpoints: Checkpoints, source: Source) -> None:
    """Let a source that begins a run take over what the runs before it left. Raises OSError."""
    for checkpoint in checkpoints.newest_first():
        lines = history.lines("ticks", checkpoint.next_t - 1)
        if source.take_over(checkpoint.source, (Tick.from_json(line.text) for line in lines if not line.is_gap)):
            return


def checkpoint_of(
    run: dict[str, Any], next_t: int, source: Source, encoder: TickEncoder, *, ended: bool = False
) -> Checkpoint:
    """The checkpoint of a run before its tick `next_t`."""
    camera = encoder.camera
    return Checkpoint(
        run=run,
        next_t=next_t,
        source=source.checkpoint(),
        window_ticks=camera.ticks,
        mid_before=camera.mid_before,
        filmed=camera.filmed,
        ended=ended,
    )
