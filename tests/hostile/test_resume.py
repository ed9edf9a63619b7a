"""Resume while ticks flow: from every kind of position, with every kind of option, each message exactly once."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zstandard
from websockets.sync.client import connect

from tests.followers import Follower, following
from tests.hostile.conftest import MARKET, PAST, STALL_SECONDS, TIMES_AS_LATE, market
from tests.network import CALM
from tests.processes import PATIENCE_SECONDS, Live

pytestmark = pytest.mark.long

LIVE_TICKS = 30
STRIDE, WINDOW = MARKET["IG_CAM_STRIDE"], MARKET["IG_CAM_W"]


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory, migrated_database: Path) -> Iterator[Live]:
    """A market of its own: a past that grew under other files' tests is long to read. And a calm one: these tests are
    about positions, and each waits for what is live."""
    with market(tmp_path_factory.mktemp("resume"), migrated_database, IG_SPEED=3) as server:
        yield server


def resumed(live: Live, since: int, query: str = "") -> list[dict[str, Any]]:
    """What a client hears that resumes, until well after it was told that it has caught up."""
    address = f"{live.ws_url}/ws/stream?since={since}{query}"
    heard: list[dict[str, Any]] = []
    with connect(address, max_size=None, compression="deflate", **CALM) as client:
        until = None
        while until is None or heard[-1].get("t", 0) < until:
            found = client.recv(timeout=PATIENCE_SECONDS)
            text = zstandard.ZstdDecompressor().decompress(found) if isinstance(found, bytes) else found
            message = json.loads(text)
            heard += message if isinstance(message, list) else [message]
            if until is None and heard[-1]["type"] == "caught_up":
                until = heard[-1]["t"] + LIVE_TICKS
    return heard


def ts(heard: list[dict[str, Any]], kind: str) -> list[int]:
    return [message["t"] for message in heard if message["type"] == kind]


POSITIONS = {
    "the very first": -1,
    "after the first": 0,
    "before the first frame": WINDOW - 1,
    "in the middle": PAST // 2,
    "near the end of what was made before": PAST - 1,
}


@pytest.mark.parametrize("since", POSITIONS.values(), ids=POSITIONS.keys())
def test_from_a_position_on_tape_everything_comes_once_and_in_order(live: Live, since: int) -> None:
    heard = resumed(live, since)
    assert [message["type"] for message in heard].count("caught_up") == 1
    data = [message for message in heard if message["type"] != "caught_up"]
    last = ts(data, "tick")[-1]
    assert ts(data, "tick") == list(range(since + 1, last + 1))
    assert ts(data, "metric") == list(range(since + 1, ts(data, "metric")[-1] + 1))
    frames = ts(data, "frame")
    assert frames == [t for t in range(max(since + 1, WINDOW), frames[-1] + 1) if t % STRIDE == 0]
    order = {"frame": 0, "metric": 1, "tick": 2}
    places = [(message["t"], order[message["type"]]) for message in data]
    assert places == sorted(places)


@pytest.mark.parametrize("back", [0, 1, 7, 450, 499, 500, 501, 560, 900])
def test_from_around_the_edge_of_memory_nothing_is_missing_or_doubled(live: Live, back: int) -> None:
    since = live.wait_for_ticks(0) - back
    heard = resumed(live, since, "&types=tick")
    found = ts(heard, "tick")
    assert found == list(range(since + 1, since + 1 + len(found)))


def test_ahead_of_the_market_only_later_ticks_come(live: Live) -> None:
    since = live.wait_for_ticks(0) + 300
    heard = resumed(live, since, "&types=tick")
    assert heard[0]["type"] == "caught_up"
    assert heard[0]["t"] < since
    found = ts(heard, "tick")
    assert found == list(range(since + 1, since + 1 + len(found)))


QUERIES = {
    "types=metric": ("metric", 1),
    "types=frame": ("frame", STRIDE),
    "types=tick&every=7": ("tick", 7),
    "types=tick&batch=64": ("tick", 1),
    "types=metric&batch=1000&every=3": ("metric", 3),
    "types=tick&fields=matches": ("tick", 1),
    "types=tick&encoding=zstd": ("tick", 1),
    "types=tick&batch=10&encoding=zstd&fields=": ("tick", 1),
}


@pytest.mark.parametrize("query", QUERIES)
def test_with_options_as_well(live: Live, query: str) -> None:
    kind, every = QUERIES[query]
    since = PAST - 701
    found = ts(resumed(live, since, f"&{query}"), kind)
    assert found == [t for t in range(since + 1, found[-1] + 1) if t % every == 0]
    assert found[-1] > PAST


def test_many_who_resume_at_once_do_not_hold_up_the_live_ones(live: Live, control: Live) -> None:
    live_ones, quiet = [Follower(live) for _ in range(2)], Follower(control)
    with following(*live_ones, quiet):
        for follower in live_ones:
            follower.wait_for_more(50)
        crowd = [Follower(live, since=-1, query=f"&every={1 + n % 3}") for n in range(24)]
        with following(*crowd):
            for follower in crowd:
                follower.wait_for(PAST)
        for follower in live_ones:
            follower.wait_for_more(50)
            follower.assert_nothing_is_untold()
            assert follower.was_let_be
            assert follower.longest_wait_seconds() < STALL_SECONDS + TIMES_AS_LATE * quiet.longest_wait_seconds()
    for n, follower in enumerate(crowd):
        assert follower.gaps == []
        assert follower.ts == [t for t in range(follower.ts[-1] + 1) if t % (1 + n % 3) == 0]


def test_the_deflated_stream_is_the_plain_one(live: Live) -> None:
    address = f"{live.ws_url}/ws/stream?since={live.wait_for_ticks(0) - 100}"
    streams = []
    for compression in ("deflate", None):
        with connect(address, max_size=None, compression=compression, **CALM) as client:
            assert bool(client.protocol.extensions) is (compression is not None)
            texts = itertools.takewhile(lambda text: "caught_up" not in text, client)
            streams.append([text for text, _ in zip(texts, range(150), strict=False)])
    assert streams[0] == streams[1]
    assert len(streams[0]) == 150
