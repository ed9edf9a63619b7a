"""Another server's ticks as a source: where it begins, what it passes over, what ends it."""

from __future__ import annotations

import itertools
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from websockets.sync.server import ServerConnection

from market.sources.named import source_from
from market.sources.options import SourceSettings
from market.sources.source import Source, SourceError
from market.sources.upstream import UpstreamSource, place, position_of
from marketcamera import HistoryUnavailable, Stream
from tests.client.made import Script, behind, gap, market, message, say, serving
from tests.processes import PATIENCE_SECONDS, wait_until

MARKET = market(40)


@contextmanager
def upstream(*messages: dict[str, Any], query: str = "") -> Iterator[tuple[UpstreamSource, Script]]:
    """A source whose server says this, or all of a market, to each connection."""

    def part(connection: ServerConnection, asked: dict[str, str]) -> None:
        say(connection, list(messages) or behind(MARKET, asked))
        connection.recv()

    script = Script(part)
    with serving(script) as url:
        source = source_from(url + query, SourceSettings(0, 1))
        assert isinstance(source, UpstreamSource)
        try:
            yield source, script
        finally:
            source.close()


def ts(source: UpstreamSource, count: int) -> list[int]:
    return [tick.t for tick in itertools.islice(source, count)]


def test_it_gives_the_ticks_and_tells_where_it_stands() -> None:
    with upstream(query="?since=9") as (source, script):
        assert source.checkpoint() == ""
        assert source.first() is None
        assert source.wait(PATIENCE_SECONDS)
        first = source.first()
        assert first is not None
        assert first.t == 10
        assert source.checkpoint() == "9"
        assert ts(source, 5) == [10, 11, 12, 13, 14]
        assert source.checkpoint() == "14"
    assert script.queries == [{"types": "tick", "since": "9"}]


def test_it_goes_on_from_a_checkpoint() -> None:
    with upstream(query="?since=9&symbol=X") as (source, script):
        source.restore("24")
        assert ts(source, 3) == [25, 26, 27]
    assert script.queries == [{"types": "tick", "since": "24", "symbol": "X"}]


OLD, NEW = "a" * 32, "b" * 32


@contextmanager
def begun_anew(*, store: str = NEW) -> Iterator[tuple[UpstreamSource, Script]]:
    """A source whose server first tells of the old recording, and from the second connection on has another."""

    def old(connection: ServerConnection, asked: dict[str, str]) -> None:
        say(connection, [*behind(market(30), asked)[:5], {"type": "caught_up", "t": 29, "store": OLD}])
        connection.socket.close()

    def new(connection: ServerConnection, asked: dict[str, str]) -> None:
        if asked.get("store", store) != store:
            t = int(asked["since"]) + 1
            say(connection, [gap("tick", t, t, "store_changed") | {"store": store}])
            asked = asked | {"since": "-1"}
        say(connection, behind(MARKET, asked))
        connection.recv()

    script = Script(old, new)
    with serving(script) as url:
        source = UpstreamSource(f"{url}?since=9")
        try:
            yield source, script
        finally:
            source.close()


def test_another_recording_ends_it_and_a_new_run_begins_with_all_of_that() -> None:
    with begun_anew() as (source, script):
        given = [tick.t for tick in source]
        assert given == [10, 11, 12, 13, 14]
        assert source.replaced
        assert source.wait(0), "nothing is waited for any more"
        assert source.checkpoint() == f"-1 {NEW}"
        assert next(iter(source), None) is None
        other = UpstreamSource(source.name)
        other.begin_behind(source.checkpoint())
        assert other.wait(PATIENCE_SECONDS)
        first = other.first()
        assert first is not None
        assert (first.t, other.checkpoint()) == (0, f"-1 {NEW}")
        assert ts(other, 3) == [0, 1, 2]
        assert other.checkpoint() == f"2 {NEW}"
        assert not other.replaced
        other.close()
    assert script.queries[1] == {"types": "tick", "since": "14", "store": OLD}


def test_a_run_of_other_prices_there_is_one_here(monkeypatch: pytest.MonkeyPatch) -> None:
    def told(stream: Stream, t: int) -> tuple[float, float]:
        return (0.0, 200.0) if t < 15 else (0.0, 400.0)

    monkeypatch.setattr(Stream, "price_range", told)
    with upstream(query="?since=9") as (source, _):
        assert [tick.t for tick in source] == [10, 11, 12, 13, 14]
        assert (source.price_range, source.replaced, source.checkpoint()) == ((0.0, 200.0), True, "14")
    with upstream(query="?since=9") as (source, _):
        source.begin_behind("14")
        assert ts(source, 3) == [15, 16, 17]
        assert source.price_range == (0.0, 400.0)
    with upstream(query="?since=9") as (source, _):
        source.restore("14")  # a run that goes on has the prices that it had
        source.price_range = (0.0, 200.0)
        assert next(iter(source), None) is None
        assert (source.replaced, source.checkpoint()) == (True, "14")


def test_a_server_that_does_not_tell_its_prices_now_is_not_asked_for_each_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def told(stream: Stream, t: int) -> tuple[float, float]:
        asked.append(t)
        raise HistoryUnavailable("http://h", "it does not answer")

    monkeypatch.setattr(Stream, "price_range", told)
    with upstream(query="?since=9") as (source, _):
        assert ts(source, 20) == list(range(10, 30))
        assert (source.price_range, source.replaced) == (Source.price_range, False)
    assert asked == [10]


def test_one_that_is_to_go_on_in_another_recording_is_over_before_its_first_tick() -> None:
    with upstream(gap("tick", 25, 25, "store_changed") | {"store": NEW}, message("tick", 0)) as (source, script):
        source.restore(f"24 {OLD}")
        assert next(iter(source), None) is None
        assert source.replaced
        assert source.checkpoint() == f"-1 {NEW}"
    assert script.queries == [{"types": "tick", "since": "24", "store": OLD}]


def test_a_new_run_takes_whatever_recording_there_is_by_then() -> None:
    with upstream(gap("tick", 0, 0, "store_changed") | {"store": NEW}, message("tick", 0)) as (source, _):
        source.begin_behind(f"-1 {OLD}")
        assert ts(source, 1) == [0]
        assert not source.replaced
        assert source.checkpoint() == f"0 {NEW}"


def test_where_it_stands_is_told_of_the_ticks_it_gave_and_not_of_what_was_read_ahead() -> None:
    with begun_anew() as (source, _):
        assert ts(source, 3) == [10, 11, 12]
        wait_until(lambda: source._reader is not None and source._reader._queue.qsize() >= 3, "what is read ahead")
        assert source.checkpoint() == "12", "the server had not told its recording then"
        assert not source.replaced


@pytest.mark.parametrize(
    ("text", "position"), [("", (None, None)), ("24", (24, None)), (f"-1 {OLD}", (-1, OLD)), (f"7 {OLD}", (7, OLD))]
)
def test_checkpoints_of_every_version_are_read(text: str, position: tuple[int | None, str | None]) -> None:
    assert position_of(text) == position
    assert place(*position) == text


def test_it_waits_no_longer_than_it_is_told() -> None:
    with upstream({"type": "heartbeat", "t": 3}) as (source, _):
        assert not source.wait(0.05)


def test_a_gap_is_logged_and_left_as_a_jump(caplog: pytest.LogCaptureFixture) -> None:
    with upstream(gap("tick", 3, 7, "expired"), message("tick", 8), query="?since=2") as (source, _):
        with caplog.at_level(logging.WARNING):
            assert ts(source, 1) == [8]
    assert "t=3 to 7 are gone there (expired)" in caplog.text


def test_a_refusal_ends_it() -> None:
    words = {"type": "error", "error": "unknown_symbol", "detail": "there is no market 'X'"}
    with upstream(words) as (source, _), pytest.raises(SourceError, match="there is no market 'X'") as caught:
        ts(source, 1)
    assert str(caught.value).startswith(source.name)


def test_another_server_may_have_been_down_for_a_week_or_play_an_old_tape() -> None:
    times = [1.7e9, 1.7e9 + 7 * 86_400, 1.5e9]
    with upstream(*({**message("tick", t), "ts": time} for t, time in enumerate(times)), query="?since=-1") as (
        source,
        _,
    ):
        assert [tick.ts for tick in itertools.islice(source, 3)] == times


@pytest.mark.parametrize(
    "make",
    [
        lambda: source_from("ws://", SourceSettings(0, 1)),
        lambda: source_from("ws://h/ws/stream?batch=5", SourceSettings(0, 1)),
        lambda: source_from("ws://me:secret@h", SourceSettings(0, 1)),
    ],
)
def test_a_url_that_cannot_be_is_told_at_once(make: Callable[[], object]) -> None:
    with pytest.raises(SourceError) as caught:
        make()
    assert "secret" not in str(caught.value)


def test_a_market_without_another_server_needs_no_client() -> None:
    lines = ["import sys, market.sources.named", "assert not {'marketcamera', 'websockets'} & set(sys.modules)"]
    subprocess.run([sys.executable, "-c", "\n".join(lines)], check=True)
