"""Everything after a t: from memory if it is there, else from the recording, else reported as lost."""

from __future__ import annotations

import asyncio
import heapq
import math
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from streaming.history_moments import Record, batch_of, moments
from streaming.open_places import OpenPlaces
from streaming.protocol import KINDS, Loss, Moment
from streaming.relay.relay import Positioned, Relay

#: The size of a batch: at most so many records, and about so many bytes. A reader holds one batch.
BATCH = 256
BATCH_BYTES = 256 * 1024

#: How often to check how far the tape reaches.
_LOOK_SECONDS = 0.5

_TICKS = frozenset({"tick"})

Pooled = Callable[..., Awaitable[Any]]


class _Reading(NamedTuple):
    """A place in the recording. Ticks up to `sure_t` that are not there are lost, for this `reason`; what comes from
    `edge` on memory had as well when this began."""

    records: Iterator[Record]
    kinds: frozenset[str]
    sure_t: int
    reason: str
    edge: float


def _unbroken_from(edge: float, records: Iterable[Record], t: int, kinds: frozenset[str]) -> Iterator[Record]:
    """Records after t; from `edge` on only as long as none is missing, since memory may have what the tape lacks."""
    for record in records:
        if isinstance(record, Loss):
            if record.to_t >= edge:
                if record.from_t < edge:
                    yield replace(record, to_t=int(edge) - 1)
                return
            t = max(t, record.to_t)
        elif "tick" in kinds and record.t > t + 1 and record.t >= edge:
            return
        else:
            t = record.t
        yield record


class MomentsAfter:
    """The messages of `kinds` after t for one reader: each once, in order of each kind. For the loop's thread.

    `pooled` runs the work that reads files. If memory begins later than the tape ends, the tape has `most_wait_seconds`
    to get there. `has` says of each kind up to which t the reader has it, if that is beyond `t`. `places` bounds how
    many readers of a sort have files open between two batches. OtherStore is raised before anything of a recording
    other than the reader's is returned.
    """

    def __init__(
        self,
        relay: Relay,
        reader: Positioned,
        kinds: Iterable[str],
        t: int,
        pooled: Pooled,
        most_wait_seconds: float,
        has: Mapping[str, int] | None = None,
        places: OpenPlaces | None = None,
    ) -> None:
        self._relay, self._reader, self._kinds, self._pooled = relay, reader, frozenset(kinds), pooled
        #: Everything up to here was returned, or reported as lost.
        self.t = t
        #: The last t of each kind that was returned, or reported as lost.
        self._done = dict.fromkeys(KINDS, t) | {**(has or {})}
        #: The next reading begins behind here: what begins before was told. A loss moves it and not `t`, since of other
        #: kinds there may be moments within it. So readings that end among many losses do not pass over all of them.
        self._told_t = t
        self._had_until_t = max(self._done.values())
        self._reading: _Reading | None = None
        self._recorded: int | None = None  # the newest t on disk, if checked since the last reading
        self._most_wait_seconds = self._left_seconds = most_wait_seconds
        self._places = places or OpenPlaces()

    def rest(self, most_bytes: int) -> list[Record] | None:
        """Everything up to the present, if memory has it and it is at most so many bytes; else None.

        It does not wait, so no moment comes between it and what the caller does in the same step. Raises OtherStore.
        """
        self._relay.same_store(self._reader)
        last, found = self._relay.ring.last_t, self._relay.ring.following(self.t, BATCH)
        if last is not None and (found[-1].t if found else self.t) < last:
            return None
        return self._given(self._with_losses(found)) if sum(one.size for one in found) <= most_bytes else None

    async def batch(self, most: int = BATCH, most_bytes: int = BATCH_BYTES) -> list[Record]:
        """The next records; empty at the present. Raises OtherStore, OSError, pools.Busy."""
        self._places.go_on(self)
        try:
            while (found := await self._next(most, most_bytes)) is None:
                pass
        except BaseException:
            self.close()
            raise
        return found

    def keep(self) -> None:
        """Keep the place in the recording open while the reader handles a batch, if it may, and not for long."""
        if self._reading is not None:
            self._places.keep(self)

    def close(self) -> None:
        """Close the open files of the recording; if a thread is reading them, when it has finished."""
        self._reading = None
        self._places.leave(self)

    async def _next(self, most: int, most_bytes: int) -> list[Record] | None:
        """The next records; empty at the present, None if another step is needed."""
        self._relay.same_store(self._reader)
        if self._reading is None or self._is_in_memory(self._reading.edge):
            self.close()
            if (found := self._from_memory(most, most_bytes)) is not None:
                return found
            if self._to_read() is None:
                return await self._look()
            await self._places.come(self)
            # While it waited, memory may have come as far, or be that of another recording.
            if (reading := self._to_read()) is None or self._relay.ring.following(self.t, 1):
                return None
            self._reading = reading
        reading = self._reading
        if (given := await self._pooled(self._read, reading, most, most_bytes)) is None:
            return await self._end_reading(reading)
        if self._recorded is not None and self._recorded <= self.t:  # all of it is read, and there may be more by now
            self._recorded = None
        return given or None

    def _from_memory(self, most: int, most_bytes: int) -> list[Record] | None:
        """The next records if memory has them; empty at the present, None if they are in the recording."""
        ring = self._relay.ring
        if found := batch_of(self._with_losses(ring.following(self.t, most)), most, most_bytes):
            self._recorded, self._left_seconds = None, self._most_wait_seconds
            return self._given(found)
        return [] if ring and not ring.after(self.t, 1) else None

    def _with_losses(self, found: list[Moment]) -> Iterable[Record]:
        """Moments of memory, and in their places what they lack of the reader's kinds and it was not told yet."""
        last_t = found[-1].t if found else -1
        lost = [one for one in self._relay.ring.losses_behind(self.t) if one.from_t <= last_t and self._is_news(one)]
        return heapq.merge(lost, found, key=lambda one: one.from_t if isinstance(one, Loss) else one.t)

    def _is_news(self, loss: Loss) -> bool:
        return loss.kind in self._kinds and loss.to_t > self._done[loss.kind]

    # -- the recording

    def _read(self, reading: _Reading, most: int, most_bytes: int) -> list[Record] | None:
        """The next records of a reading; None at its end. Runs on a thread."""
        found = batch_of(reading.records, most, most_bytes)
        return self._given(found) if found else None

    def _to_read(self) -> _Reading | None:
        """The part to read before memory continues, not begun; None if the recording is not known to have more.

        Raises OtherStore.
        """
        history = self._relay.same_store(self._reader)
        if "tick" not in self._kinds:
            self._done["tick"] = self.t
        ring, ahead, recorded = self._relay.ring, self._relay.ring.after(self.t, 1), self._recorded
        kinds, sure_t, reason, edge = self._kinds, -1, "", math.inf
        to_t = ahead[0].t - 1 if ahead else None
        if to_t is not None and ring.first_t != to_t + 1:  # a hole: `Filling` has waited for the tape already
            # Only ticks tell it from a time without a frame.
            kinds, sure_t, reason = kinds | _TICKS, to_t, history.loss_reason
        elif recorded is not None and recorded > self.t:
            sure_t, reason = recorded if to_t is None else min(to_t, recorded), "expired"
            to_t, edge = recorded, sure_t + 1
        elif recorded is not None or kinds != _TICKS:  # of several tapes, one may be flushed before the other
            return None
        elif to_t is not None:
            edge, to_t = to_t + 1, None
        # Of ticks that are read for others alone it is not kept how far they were told: all of them are read again.
        after_t = self.t if kinds != self._kinds else max(self.t, self._told_t)
        records = _unbroken_from(edge, moments(history, kinds, after_t, to_t), after_t, kinds)
        return _Reading(records, kinds, sure_t, reason, edge)

    def _is_in_memory(self, edge: float) -> bool:
        """Whether a reading that has passed the edge of memory is well within it by now.

        At its edge, memory would have moved on by the time that another reading begins: a reader that stopped there
        would never come up with a fast market.
        """
        ring = self._relay.ring
        if self.t < edge or ring.first_t is None or self.t < ring.first_t + len(ring) // 8:
            return False
        return bool(ring.following(self.t, 1))

    async def _end_reading(self, ended: _Reading) -> list[Record] | None:
        """The loss at the end of a reading, if one is known."""
        self.close()
        self._recorded = None
        if "tick" in ended.kinds and self._done["tick"] < ended.sure_t:
            return self._lost(ended.sure_t, ended.reason)
        self._reach(max(ended.sure_t, self._done["tick"]))
        is_known = ended.sure_t >= 0 or self._relay.ring.following(self.t, 1)
        return None if is_known else await self._look()

    async def _look(self) -> list[Record] | None:
        """Check how far the tape reaches, at once and then repeatedly; finally, report the rest as lost."""
        begin = self._relay.ring.first_t
        if self._recorded is not None:
            if begin is None:
                self._recorded = None
                return []
            if self._left_seconds <= 0:
                return self._lost(begin - 1, self._relay.history.loss_reason)
            pause = min(_LOOK_SECONDS, self._left_seconds)
            self._left_seconds -= pause
            await asyncio.sleep(pause)
        found = await self._relay.recorded_t()
        self._recorded = -1 if found is None else found
        return None

    # -- what is returned

    def _given(self, records: Iterable[Record]) -> list[Record]:
        """The records, without losses reported before, and with a loss wherever ticks are missing."""
        given, done = list[Record](), self._done
        for record in records:
            if isinstance(record, Loss):
                self._told_t = max(self._told_t, record.from_t - 1)
                given += self._told(record)
                continue
            if record.t <= self._had_until_t:
                record = self._not_had(record)
            if record.tick is not None and record.t > done["tick"] + 1:
                given += self._told(Loss("tick", 0, record.t - 1, "lost"))
            given.append(record)
            self.t = record.t
            for kind in KINDS:
                if getattr(record, kind) is not None:
                    done[kind] = record.t
        return given

    def _not_had(self, moment: Moment) -> Moment:
        """A moment without what the reader had of it at the beginning."""
        nothing: dict[str, Any] = {kind: None for kind in KINDS if moment.t <= self._done[kind]}
        return replace(moment, **nothing)

    def _lost(self, to_t: int, reason: str) -> list[Record] | None:
        """The loss of all kinds up to a t."""
        from_t = self._done["tick"] + 1
        lost = [told for kind in KINDS for told in self._told(Loss(kind, from_t, to_t, reason))]
        self._reach(to_t)
        return lost or None

    def _told(self, loss: Loss) -> list[Record]:
        """The part of a loss that was not reported yet, if the reader wants the kind."""
        from_t = max(loss.from_t, self._done[loss.kind] + 1)
        self._done[loss.kind] = max(self._done[loss.kind], loss.to_t)
        return [replace(loss, from_t=from_t)] if from_t <= loss.to_t and loss.kind in self._kinds else []

    def _reach(self, t: int) -> None:
        self.t = max(self.t, t)
        self._done["tick"] = max(self._done["tick"], self.t)
