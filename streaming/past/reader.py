"""Reads the past for one replay: what is recorded, encoded for its client, in steps that are due one by one."""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

import orjson

from runtime import pools
from runtime.live_first import give_way
from streaming.fanout.feed import Feed
from streaming.history_moments import Record
from streaming.moments_after import MomentsAfter
from streaming.open_places import of_replays
from streaming.options import Options
from streaming.protocol import Loss, Moment, gap
from streaming.relay.relay import Positioned, Relay

#: How a message begins that this project wrote; others are parsed whole.
_BEGINNING = re.compile(rb'\{"type":"[a-z]+","t":[0-9]+,"ts":(-?[0-9.]+)[,}]')

T = TypeVar("T")


class Step(NamedTuple):
    """What is sent at one t. With it, everything up to `t` was sent; what is gathered lies behind.

    `ts` is its market time, None for a loss, which takes no time; `usual_seconds` of market time lie between two steps
    where nothing is missing.
    """

    t: int
    ts: float | None
    usual_seconds: float
    wire: bytes


class PastReader:
    """Everything behind a t, up to `to_t` if there is one, for a client with these options. For the loop's thread.

    `has` says of each kind up to which t the client has it, if that is beyond `after_t`.
    """

    def __init__(
        self,
        relay: Relay,
        reader: Positioned,
        options: Options,
        after_t: int,
        to_t: int | None,
        has: Mapping[str, int] | None,
    ) -> None:
        self._missed = MomentsAfter(
            relay, reader, options.types, after_t, self._pooled, relay.settle_seconds, has, of_replays
        )
        # It prepares like the client's feed, at the client's own position.
        self._own = Feed(options, reader.store_id, relay.feeds.counts, has)
        self._to_t = to_t
        self._intervals: deque[float] = deque(maxlen=3)
        self._ts: float | None = None
        self._steps: list[Step] | None = None  # of the batch that was read last, made in the same turn
        #: Whether there is no more: the part ends, or the present is reached.
        self.ended = to_t is not None and after_t >= to_t

    async def steps(self) -> list[Step]:
        """The next steps, none once it has ended. Raises OtherStore, OSError."""
        records = await self._missed.batch()
        self._missed.keep()
        _at_work.add(self)
        made, self._steps = self._steps, None
        steps: list[Step] = await pools.replays.go_on(self._in_turn, self._made, records) if made is None else made
        self.ended = not records or (self._to_t is not None and self._missed.t >= self._to_t)
        return steps

    @property
    def t(self) -> int:
        """Everything of the part up to here was in the steps."""
        return self._missed.t if self._to_t is None else min(self._missed.t, self._to_t)

    def rest(self) -> bytes:
        """The arrays that are being gathered, as far as they are."""
        return b"".join(item.wire for item in self._own.end_arrays())

    def close(self) -> None:
        """Close the open files of the recording; if a thread is reading them, when it has finished."""
        _at_work.discard(self)
        self._missed.close()

    async def _pooled(self, read: Callable[..., Any], *arguments: Any) -> Any:
        return await pools.replays.go_on(self._in_turn, self._read, read, *arguments)

    def _in_turn(self, work: Callable[..., T], *arguments: Any) -> T:
        """The result of a turn of work. Where others read as well, the thread then rests as long as that took."""
        begun = time.thread_time()
        result = work(*arguments)
        if len(_at_work) > 1:
            time.sleep(time.thread_time() - begun)
        return result

    def _read(self, read: Callable[..., Any], *arguments: Any) -> Any:
        """What `read` returns. Records are the next batch, so their steps are made in the same turn."""
        if records := read(*arguments):
            self._steps = self._made(records)
        return records

    def _made(self, records: list[Record]) -> list[Step]:
        return list(self._steps_of(records))

    def _steps_of(self, records: list[Record]) -> Iterator[Step]:
        for record in records:
            if isinstance(record, Loss):
                if (wire := self._told(record)) is not None:
                    yield Step(record.from_t - 1, None, 0.0, wire)
                continue
            if self._to_t is not None and record.t > self._to_t:
                return
            give_way()
            ts = _market_time(record)
            usual_seconds = self._usual_seconds(ts)
            wire = b"".join(item.wire for item in self._own.items(record))
            yield Step(self._sent_to(record.t), ts, usual_seconds, wire)

    def _sent_to(self, t: int) -> int:
        """The last t before what is gathered, of what was given up to a t."""
        gathered_from = self._own.gathered_from
        return t if gathered_from is None else min(t, gathered_from - 1)

    def _told(self, loss: Loss) -> bytes | None:
        to_t = loss.to_t if self._to_t is None else min(loss.to_t, self._to_t)
        if loss.from_t > to_t:
            return None
        self._own.counts.tell_gap(loss.reason)
        return self.rest() + self._own.encoder.wire("gap", gap(loss.kind, loss.from_t, to_t, loss.reason))

    def _usual_seconds(self, ts: float | None) -> float:
        """Of market time, twice the shortest of the last three steps: frames may be a minute apart and miss nothing."""
        if ts is None:
            return 0.0
        usual = 2 * min(self._intervals) if len(self._intervals) == self._intervals.maxlen else 0.0
        if self._ts is not None and ts > self._ts:
            self._intervals.append(ts - self._ts)
        self._ts = ts
        return usual


_at_work: set[PastReader] = set()

#: More of them than this are idle for the most part.
_MANY = 64

_TOGETHER_SECONDS, _TOGETHER_SECONDS_EACH = 0.02, 0.002


def together_seconds() -> float:
    """What is due within this time is sent at once: within a longer one where more replays have read and are under way,
    so that all of them wake the loop no more than 500 times a second."""
    return max(_TOGETHER_SECONDS, _TOGETHER_SECONDS_EACH * min(len(_at_work), _MANY))


def _market_time(moment: Moment) -> float | None:
    """The ts of a moment's messages; None if they have none."""
    text = moment.tick or moment.metric or moment.frame
    if text is None:  # the client has all of it
        return None
    begun = _BEGINNING.match(text)
    try:
        ts = float(begun[1]) if begun else orjson.loads(text).get("ts")
    except ValueError:
        return None
    return ts if isinstance(ts, int | float) else None
