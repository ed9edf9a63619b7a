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

from market.sources import SourceError, source_from
from market.upstream import UpstreamSource
from tests.client.made import Script, behind, gap, market, message, say, serving

MARKET = market(40)


@contextmanager
def upstream(*messages: dict[str, Any], query: str = "") -> Iterator[tuple[UpstreamSource, Script]]:
    """A source whose server says this, or all of a market, to each connection."""

    def part(connection: ServerConnection, asked: dict[str, str]) -> None:
        say(connection, list(messages) or behind(MARKET, asked))
        connection.recv()

    script = Script(part)
    with serving(script) as url:
        source = source_from(url + query, seed=0, adjust_interval=1)
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
        assert source.first().t == 10
        assert source.checkpoint() == "9"
        assert ts(source, 5) == [10, 11, 12, 13, 14]
        assert source.checkpoint() == "14"
    assert script.queries == [{"types": "tick", "since": "9"}]


def test_it_goes_on_from_a_checkpoint() -> None:
    with upstream(query="?since=9&symbol=X") as (source, script):
        source.restore("24")
        assert ts(source, 3) == [25, 26, 27]
    assert script.queries == [{"types": "tick", "since": "24", "symbol": "X"}]


def test_it_waits_no_longer_than_it_is_told() -> None:
    with upstream({"type": "heartbeat", "t": 3}) as (source, _):
        assert not source.wait(0.05)


def test_a_gap_is_logged_and_left_as_a_jump(caplog: pytest.LogCaptureFixture) -> None:
    with upstream(gap("tick", 3, 7, "expired"), message("tick", 8), query="?since=2") as (source, _):
        with caplog.at_level(logging.WARNING):
            assert ts(source, 1) == [8]
    assert "t=3 to 7 are gone there (expired)" in caplog.text


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"type": "error", "error": "unknown_symbol", "detail": "there is no market 'X'"}, "there is no market 'X'"),
        ({**message("tick", 3), "agents": []}, "t=3: 0 agents but 1 actions"),
        ({"type": "tick", "ts": 1.0}, "a tick lacks 't'"),
        ({**message("tick", 3), "ts": 1.7e12}, "t=3: ts must be Unix seconds from 1971 to 2199, got 1700000000000 (it"),
    ],
)
def test_what_no_waiting_helps_against_ends_it(words: dict[str, Any], told: str) -> None:
    with upstream(words) as (source, _), pytest.raises(SourceError) as caught:
        ts(source, 1)
    assert told in str(caught.value)
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
        lambda: source_from("ws://", seed=0, adjust_interval=1),
        lambda: source_from("ws://h/ws/stream?batch=5", seed=0, adjust_interval=1),
        lambda: source_from("ws://me:secret@h", seed=0, adjust_interval=1),
    ],
)
def test_a_url_that_cannot_be_is_told_at_once(make: Callable[[], object]) -> None:
    with pytest.raises(SourceError) as caught:
        make()
    assert "secret" not in str(caught.value)


def test_a_market_without_another_server_needs_no_client() -> None:
    lines = ["import sys, market.upstream", "assert not {'marketcamera', 'websockets'} & set(sys.modules)"]
    subprocess.run([sys.executable, "-c", "\n".join(lines)], check=True)
