"""The past over the real socket: the bytes of the live stream, at any pace, by commands, across kills of the server."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import zstandard
from websockets.sync.client import ClientConnection, connect

from marketcamera import Gap, Stream
from tests.monitoring.scraped import Scrape
from tests.network import CALM
from tests.processes import PATIENCE_SECONDS, ROOT, Live, Site, free_port, wait_until

FAST = {"IG_SPEED": 30, "IG_CAM_W": 20, "IG_CAM_STRIDE": 5, "IG_SEED": 7, "IG_CAM_METRIC_DOWNSAMPLE": 2}
#: One process here takes six streams.
ROOMY = {**FAST, "IG_OUTBOX_BYTES": 1 << 28}
#: The parts are whole arrays of `batch=10`, and begin and end at ticks that no client lacks in part.
OPTIONS = ("", "types=frame", "types=tick&fields=matches", "every=3", "batch=10", "types=tick,metric&encoding=zstd")
TICKS = 60


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory, migrated_database: Path) -> Iterator[Live]:
    site = Site(tmp_path_factory.mktemp("past"), migrated_database)
    try:
        made = site.run("runmarket", "--ticks", "600", "--speed", "0", **FAST)
        assert made.returncode == 0, made.stderr
        yield site.serve(**{**ROOMY, "IG_SPEED": 5})  # who waits for the present waits for some ticks alone
    finally:
        site.end()


def socket(market: Live, query: str) -> ClientConnection:
    return connect(f"{market.ws_url}/ws/stream?{query}", compression=None, max_size=None, max_queue=None, **CALM)


def heard_to(client: ClientConnection, end: str) -> list[dict[str, Any]]:
    """Messages up to the first of a type."""
    heard = [json.loads(client.recv(PATIENCE_SECONDS))]
    while heard[-1]["type"] != end:
        heard.append(json.loads(client.recv(PATIENCE_SECONDS)))
    return heard


def say(client: ClientConnection, **command: Any) -> None:
    client.send(json.dumps(command))


def ts_of(messages: list[dict[str, Any]]) -> list[int]:
    return [one["t"] for one in messages if one["type"] == "tick"]


def test_a_replay_has_the_bytes_of_the_live_stream(market: Live) -> None:
    """Of each set of options the same part, heard live and then again, from memory and from the disk."""
    live = {options: socket(market, options) for options in OPTIONS}
    # The connections are there before the clients are among those who get what comes.
    served = lambda: Scrape(market).value("market_camera_clients", protocol="websocket") or 0  # noqa: E731
    wait_until(lambda: served() >= len(live), "all of them served")
    with socket(market, "types=tick") as client:
        newest = json.loads(client.recv(PATIENCE_SECONDS))
    assert newest["type"] == "tick", newest
    t0 = (newest["t"] // 30 + 1) * 30
    with ThreadPoolExecutor(len(live)) as threads:  # all read all the time, so that none is a slow client
        parts = threads.map(lambda options: _live_part(live[options], t0, options), OPTIONS)
        marked = dict(zip(OPTIONS, parts, strict=True))
    for options in OPTIONS:
        with socket(market, f"{options}&replay={t0}..{t0 + TICKS - 1}&speed=0") as client:
            heard = []
            while b"replay_end" not in (one := _plain(client.recv(PATIENCE_SECONDS), options)[0]):
                heard.append(one)
        assert heard == marked[options], options
        assert heard, options


def _live_part(client: ClientConnection, t0: int, options: str) -> list[bytes]:
    with client:
        part = []
        while True:
            text, ts = _plain(client.recv(PATIENCE_SECONDS), options)
            if ts and ts[0] >= t0 + TICKS + 20:  # arrays come late: of each kind the next has come
                return part
            if ts and t0 <= ts[0] < t0 + TICKS:
                part.append(text)


def _plain(payload: str | bytes, options: str) -> tuple[bytes, list[int]]:
    """A message as bytes, and the t it holds; what a compressed one holds is compared as it was sent."""
    raw = payload.encode() if isinstance(payload, str) else payload
    read = json.loads(zstandard.ZstdDecompressor().decompress(raw) if "zstd" in options else raw)
    if isinstance(read, dict) and read["type"] == "replay_end":
        return b"replay_end", []
    return raw, [one["t"] for one in (read if isinstance(read, list) else [read]) if one["type"] != "heartbeat"]


def test_a_day_is_asked_for_by_its_time_and_followed_to_the_present(market: Live) -> None:
    ticks = market_ticks(market, 100, 130)
    begin, end = (datetime.fromtimestamp(ticks[at]["ts"], UTC).isoformat() for at in (5, 20))
    begin, end = begin.replace("+00:00", "Z"), end.replace("+00:00", "Z")
    with socket(market, f"types=tick&replay={begin}..{end}&speed=0") as client:
        assert heard_to(client, "replay_end")[:-1] == ticks[5:21]
    with socket(market, f"types=tick&replay={begin}..&speed=0") as client:
        past = ts_of(heard_to(client, "caught_up"))
        present = [json.loads(client.recv(PATIENCE_SECONDS))["t"] for _ in range(20)]
        assert past + present == [*range(105, 105 + len(past) + 20)]


def market_ticks(market: Live, t0: int, t1: int) -> list[dict[str, Any]]:
    return [json.loads(line) for line in market.ask(f"/range?t0={t0}&t1={t1}").body.splitlines()]


def test_commands_act_at_once(market: Live) -> None:
    with socket(market, "types=tick&replay=0..599&speed=0.001") as client:
        assert json.loads(client.recv(PATIENCE_SECONDS))["t"] == 0
        say(client, type="seek", t=300)
        say(client, type="pause")
        assert heard_to(client, "replay") == [{"type": "replay", "t": 300, "speed": 0.001, "paused": False}]
        heard = heard_to(client, "replay")
        assert heard[-1]["paused"]
        assert ts_of(heard) in ([], [300])
        client.send("ping")
        assert heard_to(client, "pong") == [{"type": "pong"}]
        say(client, type="play", speed=0)
        heard = heard_to(client, "replay_end")
        assert ts_of(heard)[-1] == 599
        say(client, type="rewind")
        (wrong,) = heard_to(client, "error")
        assert wrong == {
            "type": "error",
            "error": "bad_command",
            "detail": "type must be one of pause, play, seek, got 'rewind'",
        }
        say(client, type="seek", t=598)
        assert ts_of(heard_to(client, "replay_end")) == [598, 599]


def test_after_a_seek_nothing_older_arrives(market: Live) -> None:
    """Though the client did not read, and the server stood at its full buffer."""
    with socket(market, "replay=0..&speed=0") as client:
        say(client, type="seek", t=500)
        heard = heard_to(client, "replay")
        assert heard[-1]["t"] == 500
        behind = heard_to(client, "caught_up")[:-1]
        assert ts_of(behind) == [*range(500, 500 + len(ts_of(behind)))]
        assert min(one["t"] for one in behind) == 500


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("replay=5..&since=4", "since and replay ask for different parts of the recording; give one of them"),
        ("replay=now", "replay must be T0..T1 or T0.., each a t or a time such as 2026-11-28T10:00:00Z, got 'now'"),
        ("speed=3", "speed is that of a replay, which is not asked for"),
    ],
)
def test_what_cannot_be_replayed_is_refused(market: Live, query: str, detail: str) -> None:
    with socket(market, query) as client:
        assert heard_to(client, "error") == [{"type": "error", "error": "bad_parameter", "detail": detail}]


def run(command: list[str]) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command, cwd=ROOT / "client" / "src", capture_output=True, timeout=PATIENCE_SECONDS)


@pytest.mark.long
def test_the_command_line_takes_the_address_of_a_replay(market: Live, tmp_path: Path) -> None:
    """A copy ends with its part; one that was begun goes on where it was."""
    copy, url = tmp_path / "copy.ndjson", f"{market.ws_url}?replay=200..299&speed=0"
    command = [sys.executable, "-m", "marketcamera"]
    record = [*command, "record", str(copy), "--types", "tick", "--url"]
    for _ in range(2):
        made = subprocess.run(
            [*record, url], cwd=ROOT / "client" / "src", capture_output=True, timeout=PATIENCE_SECONDS
        )
        assert made.returncode == 0, made.stderr
        assert [json.loads(line)["t"] for line in copy.read_text().splitlines()] == [*range(200, 300)]
        lines = copy.read_text().splitlines(keepends=True)
        copy.write_text("".join(lines[:40]))  # for the second time round
    tail = [*command, "tail", "--url", url, "--types", "tick"]
    assert [json.loads(line)["t"] for line in run(tail).stdout.splitlines()] == [*range(200, 300)]


@pytest.mark.long
def test_a_replay_goes_on_where_it_was_across_kills_of_the_server(site: Site) -> None:
    """Every message once, in order, at a pace that takes it beyond the present of each server."""
    made = site.run("runmarket", "--ticks", "1500", "--speed", "0", **FAST)
    assert made.returncode == 0, made.stderr
    port = free_port()
    server = site.serve(PORT=port, **FAST)
    stream, heard = Stream(f"{server.ws_url}?replay=10..1400&speed=40"), list[Any]()
    thread = threading.Thread(target=lambda: heard.extend(stream))
    thread.start()
    for share in (300, 800):
        wait_until(lambda t=share: (stream.position or 0) >= t, "the replay to come so far")
        server.kill()
        server = site.serve(PORT=port, **FAST)
    thread.join(PATIENCE_SECONDS)
    assert not thread.is_alive()
    assert not [one for one in heard if isinstance(one, Gap)]
    for kind in ("tick", "metric", "frame"):
        told = [one["t"] for one in site.messages(f"{kind}s") if 10 <= one["t"] <= 1400]
        assert [one.t for one in heard if one.kind == kind] == told
    order = {"frame": 0, "metric": 1, "tick": 2}
    assert heard == sorted(heard, key=lambda one: (one.t, order[one.kind]))
