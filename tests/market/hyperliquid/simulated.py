"""A feed in simulated time: an hour passes in a moment."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence

import orjson

from market.agent_ids import InMemoryAgentIds
from market.sources.hyperliquid.feed import Answered, Connected, Event, Feed, Lost, Recent
from market.sources.hyperliquid.messages import Top, Trades
from market.tick import Tick
from market.trades.live_ticks import LiveTradeTicks
from market.trades.trade import Trade

START = 1_790_000_000.0

#: The monotonic clock begins at a moment of its own.
_BOOT = START - 5000.0


class Simulation:
    """A feed whose ticks are taken as soon as they are due; times are seconds since START, by the venue's clock."""

    def __init__(self, interval: float = 0.1, silence: float = 60.0, feed: Feed | None = None) -> None:
        self.now, self.interval = 0.0, interval
        self.ids = InMemoryAgentIds()
        self.feed = feed or self.new_feed(silence)
        self.ticks: list[Tick] = []
        self.left: list[float] = []
        self._numbers, self._tids = itertools.count(1), itertools.count(1)
        self._number = 0

    def new_feed(self, silence: float = 60.0) -> Feed:
        ticks = LiveTradeTicks(self.interval, self.ids.ids_of, silence=silence)
        return Feed("venue", self.interval, ticks, lambda: START + self.now)

    def trade(self, at: float, *, tid: int | None = None, buyer: str = "a", price: float = 100.0) -> Trade:
        return Trade(START + at, price, 1.0, buyer, "b", "buy", str(next(self._tids) if tid is None else tid))

    def hear(self, event: Event) -> None:
        self.feed.hear(event, self.now + _BOOT)
        self._take_due()

    def tell(self, *trades: Trade) -> None:
        self.hear(Trades(list(trades)))

    def top(self, mid: float | None = 100.0) -> None:
        self.hear(Top(START + self.now, mid))

    def pong(self, asked_at: float | None = None) -> None:
        """The answer to a ping of that time, as soon as it is asked where none is given."""
        self.hear(Answered((self.now if asked_at is None else asked_at) + _BOOT))

    def connect(self, recent: Sequence[Trade] | None = (), replay: Sequence[Trade] = ()) -> None:
        self.connect_only(replay)
        self.top()
        self.answer(recent)

    def connect_only(self, replay: Sequence[Trade] = ()) -> None:
        self._number = next(self._numbers)
        self.hear(Connected(self._number))
        self.tell(*replay)

    def answer(self, recent: Sequence[Trade] | None) -> None:
        """What the last connection asked for has arrived."""
        self.hear(Recent(self._number, None if recent is None else list(recent)))

    def lose(self) -> None:
        self.hear(Lost())

    def pass_to(self, at: float) -> None:
        """Nothing is heard until then."""
        while self.now < at:
            self.now = min(at, self.now + 0.05)
            self._take_due()

    def listen_to(self, at: float, every: float = 0.1) -> None:
        """The top of the book comes every so many seconds, and nothing else."""
        while self.now < at:
            self.pass_to(min(at, self.now + every))
            self.top()

    def _take_due(self) -> None:
        while self.feed.due(self.now + _BOOT):
            self.ticks.append(self.feed.take_due(self.now + _BOOT))
            self.left.append(self.now)

    @property
    def told(self) -> list[tuple[int, float, int]]:
        """t, ts since START and number of trades of each tick."""
        return [(tick.t, round((tick.ts or 0.0) - START, 6), tick.match_a.size) for tick in self.ticks]

    @property
    def buyers(self) -> Counter[str]:
        """How many trades each buyer has on the tape."""
        return Counter(tick.names[i] for tick in self.ticks if tick.names is not None for i in tick.match_a.tolist())


def begun(interval: float = 1.0) -> Simulation:
    """A market whose first trade was just now, at 0.25 s."""
    market = Simulation(interval)
    market.connect()
    market.listen_to(0.25)
    market.tell(market.trade(0.25, buyer="first"))
    return market


def resumed(market: Simulation, checkpoint: bytes, recorded: int, given: int) -> Simulation:
    """Another process goes on: of the ticks that were given so many are on the tape."""
    after = Simulation(market.interval, feed=market.new_feed())
    after.feed.restore(orjson.loads(checkpoint))
    after.feed.go_on_behind(market.ticks[:recorded], market.ticks[given - 1].t)
    after.now = market.now
    after._tids = market._tids
    return after
