"""The source and a venue that misbehaves, over real sockets."""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from market.sources.hyperliquid.source import HyperliquidSource
from market.sources.named import source_from
from market.sources.options import SourceSettings
from market.sources.source import SourceError
from market.tick import Tick
from marketcamera.backoff import Backoff
from tests.market import venue as stand_in
from tests.market.venue import Manners, Venue
from tests.processes import PATIENCE_SECONDS, wait_until


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A venue that is slow since the machine is busy is none that does not answer, but where a test says so."""
    for name in ("_OPEN_SECONDS", "_ANSWER_SECONDS", "_DEAD_SECONDS"):
        monkeypatch.setattr(f"market.sources.hyperliquid.connection.{name}", PATIENCE_SECONDS)


class Watched:
    """Takes a source's ticks on a thread."""

    def __init__(self, venue: Venue, checkpoint: str | None = None, recorded: Iterable[Tick] = (), t: int = -1) -> None:
        settings = SourceSettings(tick_seconds=0.05)
        self.source = HyperliquidSource(f"hyperliquid:BTC?url={venue.url}", settings, backoff=Backoff(0.01, 0.1))
        if checkpoint is not None:
            self.source.restore(checkpoint)
            self.source.resume_after(recorded, t)
        self.ticks: list[Tick] = []
        self._thread = threading.Thread(target=self._take)
        self._thread.start()

    def _take(self) -> None:
        for tick in self.source:
            self.ticks.append(tick)

    def wait_for(self, ticks: int) -> None:
        wait_until(lambda: len(self.ticks) >= ticks, f"tick {ticks}")

    def close(self) -> None:
        self.source.close()
        self._thread.join(PATIENCE_SECONDS)
        assert not self._thread.is_alive()


@contextmanager
def watching(manners: Manners, **options: Any) -> Iterator[tuple[Venue, Watched]]:
    with stand_in.running(manners, **options) as venue:
        watched = Watched(venue)
        try:
            watched.wait_for(1)
            yield venue, watched
        finally:
            watched.close()


Content = tuple[str, str, float, float]
#: Of the newest trades, more than happen while a test lasts.
ALL = 1_000_000


def on_tape(ticks: list[Tick]) -> Counter[Content]:
    """Every trade that the ticks hold."""
    found: Counter[Content] = Counter()
    for tick in ticks:
        if tick.names is not None:
            assert tick.match_prices is not None
            assert tick.match_sizes is not None
            columns = (tick.match_a, tick.match_b, tick.match_prices, tick.match_sizes)
            for a, b, price, size in zip(*(column.tolist() for column in columns), strict=True):
                found[tick.names[a], tick.names[b], price, size] += 1
    return found


def of_venue(trades: list[dict[str, Any]]) -> Counter[Content]:
    """The trades that happened there."""
    return Counter((*one["users"], float(one["px"]), float(one["sz"])) for one in trades)


def settle(venue: Venue, watched: Watched) -> None:
    """No more trades happen, and all that did are in ticks."""
    venue.manners.rate = 0.0
    newest = venue.trades[-1]["time"] / 1000
    wait_until(lambda: (ts := watched.ticks[-1].ts) is not None and ts > newest + 1, "a tick behind the last trade")


def expected(venue: Venue, ticks: list[Tick]) -> Counter[Content]:
    """What happened since the first trade that was taken: on a busy machine it may be a late one of the second tick."""
    taken = on_tape(ticks)
    begin = next(i for i, one in enumerate(venue.trades) if of_venue([one]) <= taken)
    return of_venue(venue.trades[begin:])


def test_a_venue_that_misbehaves_in_every_way_loses_no_trade_and_none_counts_twice() -> None:
    manners = Manners(rate=200, repeats=0.2, garbage=0.2, disorder_seconds=0.05, replay=50, recent=ALL)
    with watching(manners) as (venue, watched):
        for _ in range(3):
            watched.wait_for(len(watched.ticks) + 10)
            venue.break_connections()
            connections = venue.connections
            wait_until(lambda: venue.connections > connections, "another connection")  # noqa: B023
        watched.wait_for(len(watched.ticks) + 10)
        settle(venue, watched)
    assert on_tape(watched.ticks) == expected(venue, watched.ticks)
    assert [tick.t for tick in watched.ticks] == list(range(len(watched.ticks)))


def test_trades_that_the_venue_has_no_more_lie_in_intervals_that_are_told_as_unknown() -> None:
    with watching(Manners(rate=500, replay=5, recent=20)) as (venue, watched):
        venue.manners.is_away = True
        venue.break_connections()
        happened = len(venue.trades)
        wait_until(lambda: len(venue.trades) > happened + 400, "trades that nobody hears")
        venue.manners.is_away = False
        watched.wait_for(len(watched.ticks) + 20)
        settle(venue, watched)
    taken, ticks = on_tape(watched.ticks), watched.ticks
    assert max(taken.values()) == 1
    lost = expected(venue, ticks) - taken
    assert lost
    (before, after) = next((a, b) for a, b in itertools.pairwise(ticks) if b.t > a.t + 1)
    assert before.ts is not None
    assert after.ts is not None
    assert round((after.ts - before.ts) / 0.05) == after.t - before.t
    times = [one["time"] / 1000 for one in venue.trades if of_venue([one]) <= lost]
    assert before.ts <= min(times)
    assert max(times) < after.ts + 0.05


def test_a_line_that_has_died_is_left_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("market.sources.hyperliquid.connection._DEAD_SECONDS", 1.0)
    with watching(Manners(rate=100, recent=ALL)) as (venue, watched):
        venue.manners.is_deaf = True
        wait_until(lambda: venue.connections > 1, "another connection")
        venue.manners.is_deaf = False
        watched.wait_for(len(watched.ticks) + 20)
        settle(venue, watched)
    assert on_tape(watched.ticks) == expected(venue, watched.ticks)


def test_a_quiet_venue_is_asked_and_its_silence_gives_ticks() -> None:
    with watching(Manners(rate=50, tells_tops=False)) as (venue, watched):
        venue.manners.rate = 0.0
        watched.wait_for(len(watched.ticks) + 20)
        assert venue.pings


def test_a_venue_that_answers_and_closes_slowly_holds_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("market.sources.hyperliquid.connection._ANSWER_SECONDS", 0.5)
    with watching(Manners(rate=100, recent=ALL)) as (venue, watched):
        venue.manners.closes_slowly = venue.manners.answers_slowly = True
        venue.break_connections()
        watched.wait_for(len(watched.ticks) + 20)
    assert max(on_tape(watched.ticks).values()) == 1


def test_another_process_goes_on_where_one_was_stopped() -> None:
    with stand_in.running(Manners(rate=200, recent=ALL)) as venue:
        first = Watched(venue)
        first.wait_for(20)
        first.close()
        second = Watched(venue, first.source.checkpoint())
        second.wait_for(20)
        settle(venue, second)
        second.close()
    ticks = first.ticks + second.ticks
    assert on_tape(ticks) == expected(venue, ticks)
    assert [tick.t for tick in ticks] == list(range(len(ticks)))
    assert first.source.price_range == second.source.price_range
    names: dict[int, str] = {}
    assert all(
        names.setdefault(i, name) == name
        for tick in first.ticks
        for i, name in zip(tick.agent_ids.tolist(), tick.names or (), strict=True)
    )


def test_a_checkpoint_is_of_one_venue() -> None:
    with stand_in.running(Manners(rate=200)) as venue:
        watched = Watched(venue)
        watched.wait_for(1)
        watched.close()
    other = source_from("hyperliquid:BTC?url=ws://localhost/ws", SourceSettings(tick_seconds=0.05))
    with pytest.raises(SourceError, match=r"hyperliquid:BTC: the checkpoint cannot be used: .*it is of ws://127"):
        other.restore(watched.source.checkpoint())
    for damaged in ("", "7", "{}", "[]", '{"venue":"ws://localhost/ws","feed":{"ticks":{}}}'):
        with pytest.raises(SourceError, match="cannot be used"):
            other.restore(damaged)


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("hyperliquid:B C", "COIN must be the venue's name"),
        ("hyperliquid:BTC?url=http://h/ws", "option url must be a URL that begins with ws://"),
        ("hyperliquid:BTC?url=ws://me:secret@h/ws", "option url must hold no user and password"),
        ("hyperliquid:BTC?silence=-1", "option silence must be a number of seconds"),
        ("hyperliquid:BTC?coin=ETH", "there is no option 'coin', only url, silence, low, high"),
        ("hyperliquid", "source must be one of"),
    ],
)
def test_a_setting_that_cannot_be_is_told_at_once(setting: str, words: str) -> None:
    with pytest.raises(SourceError, match=words):
        source_from(setting, SourceSettings())


def test_a_password_in_the_url_is_not_shown() -> None:
    with pytest.raises(SourceError) as caught:
        source_from("hyperliquid:BTC?url=wss://me:secret@h/ws", SourceSettings())
    assert "secret" not in str(caught.value)


def test_an_interval_that_is_no_whole_number_of_microseconds_is_told_at_once() -> None:
    with pytest.raises(SourceError, match="hyperliquid:BTC: trades need a tick interval of whole microseconds"):
        source_from("hyperliquid:BTC", SourceSettings(tick_seconds=1e-7))
