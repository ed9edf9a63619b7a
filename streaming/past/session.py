"""A replay: brings one client through the past at its pace, by its commands, and on into the present."""

from __future__ import annotations

import asyncio
import logging
import math
from collections import deque
from typing import Any

from recorder.errors import OtherStore
from recorder.tape.time_search import first_t_from, last_t_to
from runtime import pools
from streaming.fanout.feed import Feed
from streaming.fanout.stream_client import PIECE_BYTES, StreamClient
from streaming.options import StreamRequest
from streaming.past.clock import ReplayClock
from streaming.past.commands import MOST_COMMANDS, BadCommand, Command, parse_command
from streaming.past.reader import PastReader, Step, together_seconds
from streaming.past.request import Bound
from streaming.position import whole
from streaming.protocol import CLOSE_LIMIT, CLOSE_UNAVAILABLE, LARGEST_T, StreamError, control
from streaming.relay.relay import Relay
from streaming.resume import Resume, tell_store_changed

log = logging.getLogger(__name__)

#: A replay that has ended waits so long for a seek.
_END_SECONDS = 60.0


class Replay:
    """One client's replay. It knows no socket: `client` sends, and `command` takes what the client says."""

    def __init__(
        self, client: StreamClient, relay: Relay, feed: Feed, request: StreamRequest, *, has_commands: bool
    ) -> None:
        """`has_commands`: the client may seek when the replay has ended."""
        assert request.past is not None
        client.store_id = request.store
        self._client, self._relay, self._feed, self._request = client, relay, feed, request.past
        self._has, self._end_seconds = request.has, _END_SECONDS if has_commands else 0.0
        self._loop = asyncio.get_running_loop()
        self._clock = ReplayClock(request.past.speed, self._loop.time())
        self._commands: deque[str | None] = deque()
        self._wake = asyncio.Event()
        self._to_t: int | None = None
        #: The client was sent everything up to here, from where it began.
        self._position = (request.past.begin.t or 0) - 1
        self._reader: PastReader | None = None
        self._reading: asyncio.Task[list[Step]] | None = None
        self._steps: deque[Step] = deque()
        self._live = False
        self._ended_at: float | None = None

    def command(self, text: str | None) -> None:
        """Take a message of the client; it acts before anything more is sent. Raises StreamError over the limit."""
        if len(self._commands) >= MOST_COMMANDS:
            raise StreamError("rate_limited", f"{MOST_COMMANDS} commands wait for the client to read", CLOSE_LIMIT)
        self._commands.append(text)
        self._wake.set()

    async def run(self) -> None:
        """Send the past, and then the present; returns when the replay ended and no seek came for a while.

        Raises StreamError where the recording cannot be read.
        """
        begun = False
        try:
            while not self._is_over():
                try:
                    begun = begun or await self._begin()
                    await self._turn()
                except OtherStore as other:
                    self._relay.enter(other.store_id)
                    await self._change_store()
                    begun = True
        except OSError as failure:
            log.error("%s: the recording cannot be read for a replay: %s", self._relay.symbol, failure)
            raise StreamError("unavailable", "the recording cannot be read now", CLOSE_UNAVAILABLE) from None
        finally:
            self._leave_reader()

    # -- its turns

    async def _begin(self) -> bool:
        await self._relay.ready()
        self._relay.same_store(self._client)
        end = self._request.end
        if end is not None:
            self._to_t = await self._t_to(end)
        await self._go_to(self._request.begin)
        return True

    async def _turn(self) -> None:
        """Do what there is to do now, or wait until there is something."""
        self._wake.clear()
        if self._live and self._client.moved.is_set():
            await self._start_over()
        elif self._commands:
            await self._obey(self._commands.popleft())
        elif self._live:
            await self._stay_live()
        elif self._clock.paused or self._ended_at is not None:
            await self._wait()
        elif self._steps:
            await self._send()
        elif self._reader is not None and self._reader.ended:
            await self._end_part(self._reader)
        else:
            await self._read()

    async def _send(self) -> None:
        """Send what is due, or wait for it."""
        wires, size, seconds, together = list[bytes](), 0, 0.0, together_seconds()
        while self._steps and size < PIECE_BYTES:
            step = self._steps[0]
            if step.ts is not None:
                seconds = self._clock.due(step.ts, self._loop.time(), step.usual_seconds)
            if seconds > together:
                break
            self._steps.popleft()
            self._position = max(self._position, step.t)
            wires.append(step.wire)
            size += len(step.wire)
        if size:
            await self._client.put(b"".join(wires))
        elif seconds > together:
            await self._wait(seconds)
        else:
            await asyncio.sleep(0)

    async def _read(self) -> None:
        """Wait for the next steps, or for a command."""
        if self._reader is None:
            options, to_t = self._feed.options, self._to_t
            self._reader = PastReader(self._relay, self._client, options, self._position, to_t, self._has)
            self._has = None
        if self._reading is None:
            self._reading = asyncio.create_task(self._reader.steps())
            self._reading.add_done_callback(self._has_read)
        if not self._reading.done():
            await self._wait()
        if self._reading.done():
            reading, self._reading = self._reading, None
            self._steps.extend(reading.result())

    def _has_read(self, reading: asyncio.Task[list[Step]]) -> None:
        if not reading.cancelled():
            reading.exception()  # nobody may ask for it: a seek goes elsewhere
        self._wake.set()

    async def _wait(self, seconds: float | None = None) -> None:
        """Until something happens, for so long at most; a heartbeat is sent when one is due."""
        if (quiet := self._client.quiet_left_seconds()) <= 0:
            self._feed.beat(self._client, self._position)
            await self._client.emptied()
            return
        timer = self._loop.call_later(quiet if seconds is None else min(seconds, quiet), self._wake.set)
        try:
            await self._wake.wait()
        finally:
            timer.cancel()

    async def _end_part(self, reader: PastReader) -> None:
        """Everything was sent up to the end of the part, or to the present."""
        self._position = max(self._position, reader.t)
        await self._client.put(reader.rest())
        self._leave_reader()
        if self._to_t is None:
            await self._join()
            return
        self._ended_at = self._loop.time()
        await self._tell_end(min(self._position, self._to_t), self._client.store_id)

    def _is_over(self) -> bool:
        waited = -1.0 if self._ended_at is None else self._loop.time() - self._ended_at
        return waited >= self._end_seconds and not self._commands

    # -- the present

    async def _join(self) -> None:
        """Join the live stream as a client does that has resumed."""
        self._live = True
        resume = Resume(self._client, self._relay, self._feed, self._position)
        try:
            await resume.run()
        finally:
            self._position = resume.position

    async def _stay_live(self) -> None:
        """Until a command comes, or the market has another store."""
        either = [asyncio.create_task(event.wait()) for event in (self._wake, self._client.moved)]
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in either:
                task.cancel()

    async def _start_over(self) -> None:
        """The market has another store, which the client was told: go on from its beginning, as on a socket."""
        await self._client.emptied()
        self._client.moved.clear()
        self._position = -1
        await self._join()

    async def _leave_present(self, command: Command) -> None:
        """Leave the live stream: to pause with everything that it has sent so far, to seek without what still waits."""
        if command.to is None:
            self._feed.cut(self._client)
        else:
            self._client.forget()
        self._feed.remove(self._client)
        self._position, self._live = self._live_t(), False
        self._client.skip_until = -1
        await self._client.emptied()

    def _live_t(self) -> int:
        """A client of the live stream was sent everything up to here."""
        return max(-1 if self._relay.ring.last_t is None else self._relay.ring.last_t, self._client.skip_until)

    # -- its commands

    async def _obey(self, text: str | None) -> None:
        try:
            command = parse_command(text)
        except BadCommand as bad:
            await self._tell("error", error="bad_command", detail=str(bad))
            return
        await self._follow(command)
        t = self._live_t() if self._live else self._position
        await self._tell("replay", t=t + 1, speed=self._clock.speed, paused=self._clock.paused)

    async def _follow(self, command: Command) -> None:
        now = self._loop.time()
        if command.name == "play":
            self._clock.play(now, command.speed)
            return
        if self._live:
            await self._leave_present(command)
        if command.to is not None:
            self._clock.seek()
            await self._go_to(command.to)
        else:
            self._clock.pause(now)

    async def _go_to(self, place: Bound) -> None:
        """What comes next is from this place on."""
        self._leave_reader()
        self._ended_at = None
        self._position = await self._t_from(place) - 1

    def _leave_reader(self) -> None:
        self._steps.clear()
        if self._reading is not None:
            self._reading.cancel()
        if self._reader is not None:
            self._reader.close()
        self._reader = self._reading = None

    async def _tell(self, type: str, **fields: Any) -> None:
        await self._client.put(self._feed.encoder.wire(type, control(type, **fields)))

    async def _tell_end(self, t: int, store_id: str | None) -> None:
        position = whole(t, store_id, is_end=True)
        await self._client.put(self._feed.encoder.wire("replay_end", control("replay_end", t=t), position))

    # -- the recording

    async def _t_from(self, place: Bound) -> int:
        """The first t of a place; behind the newest where it is none yet."""
        if place.ts is None:
            return place.t or 0
        found = await pools.replays.go_on(first_t_from, self._relay.same_store(self._client), place.ts)
        return self._live_t() + 1 if found is None else found

    async def _t_to(self, place: Bound) -> int:
        """The last t of a place."""
        if place.ts is None:
            return place.t or 0
        found = await pools.replays.go_on(last_t_to, self._relay.same_store(self._client), place.ts)
        return LARGEST_T if found is None else found

    async def _change_store(self) -> None:
        """The market has another store, whose beginning comes next; of a part of the other one nothing can follow."""
        if self._reader is not None:  # it has come upon the other store, and all that it gave is sent
            self._position = max(self._position, self._reader.t)
            await self._client.put(self._reader.rest())
        self._leave_reader()
        self._has = None
        former = self._client.store_id
        await tell_store_changed(self._client, self._relay, self._feed, self._position)
        if self._request.end is not None:
            await self._tell_end(self._position, former)
            self._ended_at = -math.inf
        await self._client.emptied()
        self._client.moved.clear()
        self._position, self._live = -1, False
        self._clock.seek()
