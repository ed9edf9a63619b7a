"""The replay of a feed: when it begins, where a new connection goes on, and what the server says of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from marketcamera.bars.bar import RESOLUTIONS, Bar
from marketcamera.bars.cache import BarCache
from marketcamera.bars.replay_time import ReplayTime
from marketcamera.errors import BadMessage
from marketcamera.feed.protocol import CaughtUp, Missing, ReplayEnd, Subscription, Told
from marketcamera.feed.span import Span

#: In a replay the answer to a ping waits behind all bars that a program has not taken yet.
_PATIENCE_SECONDS = 300.0


class Replaying:
    """Which part of the past a feed is in, if any. Kept by the feed, under its lock."""

    def __init__(self, cache: BarCache) -> None:
        self._cache = cache
        self._time: ReplayTime | None = None
        self._of: Span | None = None  # the span that was begun, be it over or not

    def begin(self, subscription: Subscription) -> None:
        """Put the cache into the past that is asked for, unless that was done."""
        span = subscription.span
        if span == self._of:
            return
        self._of = span
        shortest_ms = min((RESOLUTIONS[name] for name in subscription.resolutions), default=0)
        self._time = None if span is None else ReplayTime(span.from_ms, span.speed, shortest_ms)
        self._cache.replays(self._time)

    def forget(self) -> None:
        """The next begin is a new one."""
        self._of = self._time = None
        self._cache.replays(None)

    def rest(self, subscription: Subscription) -> dict[str, Any] | None:
        """What CONNECT asks for: the span from where it is; None for live bars."""
        span = subscription.span
        return None if span is None or self._time is None else span.behind(self._time.bar_ms)

    def waits(self, told: Told | BadMessage | None, ended: Callable[[], bool]) -> bool:
        """Let a program finish with the bar it was given before it sees what the server says; False if it takes too
        long."""
        ahead = self._time is not None and isinstance(told, Bar) and told.close_time > self._time.bar_ms
        return not (ahead or isinstance(told, CaughtUp | Missing)) or self._cache.wait_for_program(ended)

    @property
    def told(self) -> dict[str, Any] | None:
        """What a program is told of it; None where it is live."""
        return None if self._time is None else {"time": self._cache.present_ms, "over": self._time.over}

    def patience_seconds(self, live_seconds: float) -> float:
        """How long a ping may stay without an answer."""
        return live_seconds if self._time is None else max(live_seconds, _PATIENCE_SECONDS)

    def take(self, told: CaughtUp | ReplayEnd | Missing) -> str:
        """What the server says; in words, for the log."""
        if isinstance(told, Missing):
            if told.reason == "store_changed":
                self._cache.clear(told.symbol)
            return f"something is missing in the replay: {told.detail}"
        if isinstance(told, CaughtUp):
            self._time = None
            self._cache.replays(None)
            return "the replay has come to the present, and goes on live"
        self._cache.replay_ends()
        return "the replay is over"
