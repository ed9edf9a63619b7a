"""Live trades of one coin as a source of ticks, each trade once."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import orjson

from market.sources.hyperliquid.addresses import VenueAddresses
from market.sources.hyperliquid.connection import VenueConnection
from market.sources.hyperliquid.feed import Event, Feed
from market.sources.hyperliquid.messages import Reader
from market.sources.options import Options, SourceSettings
from market.sources.price_watch import PriceWatch
from market.sources.read_ahead import ReadAhead
from market.sources.source import Source, SourceError
from market.sources.trade_options import TRADE_OPTIONS, trade_options
from market.tick import MarketError, Tick
from market.trades.live_ticks import LiveTradeTicks
from market.trades.trade import TradeError

if TYPE_CHECKING:
    from marketcamera.backoff import Backoff

log = logging.getLogger(__name__)

DEFAULT_URL = "wss://api.hyperliquid.xyz/ws"

#: Messages read ahead: a pipeline that waits for its disk does not hold the venue up at once.
_READ_AHEAD = 10_000

#: The longest wait for a message before looking whether a tick is due.
_LOOK_SECONDS = 0.5

_COIN = re.compile(r"[!-~]{1,64}")


class HyperliquidSource(Source):
    """The ticks of `hyperliquid:COIN?options`: docs/sources.md, "Hyperliquid".

    Its past cannot be made again, so it goes on behind what is recorded (`resume_after`): the venue's newest trades
    fill what they reach, the rest is a jump in t. `now` is a monotonic clock and `clock` Unix seconds. Raises
    SourceError at once for bad options and without the client package.
    """

    resumes = True
    sets_pace = True

    def __init__(
        self,
        setting: str,
        settings: SourceSettings,
        *,
        backoff: Backoff | None = None,
        now: Callable[[], float] = time.monotonic,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__()
        options = Options(setting)
        self.name, self._now = options.setting, now
        if not _COIN.fullmatch(options.path):
            raise SourceError(f"{self.name}: COIN must be the venue's name of a market, as BTC")
        self._addresses = options.take("url", _addresses, VenueAddresses(DEFAULT_URL))
        self._silence, self._range = trade_options(options)
        options.end(f"url, {TRADE_OPTIONS}")
        self._interval, self._clock = settings.tick_seconds, clock
        self._feed, self.price_range, self._watch = self._new_feed(), self._range, PriceWatch(self.name)
        self._closed = threading.Event()
        self._wants_word = False
        self._reader = Reader(self.name, options.path)
        self._connection = VenueConnection(
            self._addresses, options.path, self._reader, lambda: self._wants_word, backoff
        )
        self._arrived: ReadAhead[tuple[Event, float]] | None = None

    def wait(self, seconds: float | None = None) -> bool:
        arrived = self._arrived = self._arrived or ReadAhead(self._connection, _READ_AHEAD, "hyperliquid")
        deadline = None if seconds is None else self._now() + seconds
        while not self._closed.is_set():
            self._take(arrived)
            now = self._now()
            if self._feed.due(now):
                return True
            self._wants_word = self._feed.wants_word(now)
            pause = min(self._feed.due_in_seconds(now), _LOOK_SECONDS)
            if deadline is not None and (pause := min(pause, deadline - now)) <= 0:
                return False
            self._take(arrived, pause)
        return False

    def __iter__(self) -> Iterator[Tick]:
        while not self._closed.is_set():
            if self.wait():
                tick = self._feed.take_due(self._now())
                self.price_range = self._feed.ticks.price_range
                self._watch.look(tick, self.price_range)
                yield tick

    def checkpoint(self) -> str:
        return orjson.dumps({"venue": str(self._addresses), "feed": self._feed.to_dict()}).decode()

    def restore(self, checkpoint: str) -> None:
        feed = self._new_feed()
        try:
            saved = orjson.loads(checkpoint)
            if saved["venue"] != str(self._addresses):
                raise ValueError(f"it is of {saved['venue']}")
            feed.restore(saved["feed"])
        except (KeyError, TypeError, ValueError) as error:
            raise SourceError(f"{self.name}: the checkpoint cannot be used: {error!r}") from None
        self._feed, self.price_range = feed, feed.ticks.price_range

    def resume_after(self, recorded: Iterable[Tick], t: int, *, new_run: bool = False) -> None:
        self._feed.go_on_behind(recorded, t)
        if new_run:
            self._feed.ticks.begin_run(self._range)
        self.price_range = self._feed.ticks.price_range

    def is_quiet(self) -> bool:
        return self._feed.is_live

    def take_over(self, checkpoint: str, recorded: Iterable[Tick]) -> bool:
        return self._feed.ticks.take_over(checkpoint, recorded)

    def close(self) -> None:
        self._closed.set()
        self._connection.close()
        if self._arrived is not None:
            self._arrived.close()
            counts = ", ".join(f"{count} {what}" for what, count in self.counts.items())
            log.info("%s: trades and messages not taken as they came: %s", self.name, counts)

    @property
    def counts(self) -> dict[str, int]:
        """How many trades and messages were not taken as they came."""
        ticks, seen = self._feed.ticks, self._feed.seen
        of_trades = {"late": ticks.late, "with itself": ticks.with_itself, "too old": seen.too_old}
        return {**of_trades, "from the future": self._feed.from_the_future, **self._reader.not_understood}

    def _new_feed(self) -> Feed:
        ids_of = lambda names, t: self.agent_ids.ids_of(names, t)  # noqa: E731 - the store's register may replace it
        try:
            ticks = LiveTradeTicks(self._interval, ids_of, silence=self._silence, price_range=self._range)
        except TradeError as error:
            raise SourceError(f"{self.name}: {error}") from None
        return Feed(self.name, self._interval, ticks, self._clock)

    def _take(self, arrived: ReadAhead[tuple[Event, float]], seconds: float = 0.0) -> None:
        """Take everything that has arrived, or wait for so long until something does. Raises SourceError."""
        try:
            heard = arrived.get(seconds)
            while heard is not None:
                self._feed.hear(*heard)
                heard = arrived.get(0.0)
        except MarketError:
            raise
        except Exception as error:
            raise SourceError(f"{self.name}: {error}") from error


def _addresses(url: str) -> VenueAddresses:
    try:
        return VenueAddresses(url)
    except ValueError as error:
        raise SourceError(f"hyperliquid: option url {error}") from None  # without the URL, which may hold a password
