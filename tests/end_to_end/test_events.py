"""`GET /stream` through the real server: events byte by byte, refusals, limits, and plain daphne."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import pytest
from websockets.sync.client import connect

from tests.end_to_end.reading import OTHER
from tests.followers import EventFollower, following
from tests.network import CALM
from tests.processes import PATIENCE_SECONDS, ROOT, Live, Process, Site, environment, free_port, wait_until
from tests.streaming.events import Event, EventParser

EVENT_SOURCE = {"Accept": "text/event-stream"}


@contextmanager
def events(server: Live, query: str = "", port: int = 0, **headers: str) -> Iterator[HTTPResponse]:
    """An answer of `/stream` whose body is still to be read."""
    connection = HTTPConnection("127.0.0.1", port or server.port, timeout=PATIENCE_SECONDS)
    connection.request("GET", f"/stream{query}", headers={name.replace("_", "-"): one for name, one in headers.items()})
    try:
        yield connection.getresponse()
    finally:
        connection.close()


def heard(answer: HTTPResponse, count: int) -> list[Event]:
    """The first events of a stream."""
    parser = EventParser()
    while len(parser.events) < count and (piece := answer.read1()):
        parser.feed(piece)
    return parser.events[:count]


def test_a_stream_has_the_messages_of_a_socket_byte_by_byte(market: Live) -> None:
    t = market.wait_for_ticks(100)
    query = f"?types=tick,metric,frame&since={t - 60}"
    with connect(f"{market.ws_url}/ws/stream{query}", **CALM) as other, events(market, query) as answer:
        messages = [other.recv(timeout=PATIENCE_SECONDS) for _ in range(80)]
        found = heard(answer, 80)
    assert [one.data for one in found if one.type != "caught_up"][:79] == [
        text for text in messages if json.loads(text)["type"] != "caught_up"
    ][:79]
    assert all(one.type == one.json["type"] for one in found)
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    assert (answer.headers["Cache-Control"], answer.headers["X-Accel-Buffering"]) == ("no-store", "no")
    assert answer.headers["Market-Camera-Store"] == (market.store / "store_id").read_text().strip()


def test_the_last_id_counts_before_since(market: Live) -> None:
    store_id = (market.store / "store_id").read_text().strip()
    with events(market, "?types=tick&since=3&store=" + "0" * 32, Last_Event_ID=f"49:{store_id}") as answer:
        assert [one.json["t"] for one in heard(answer, 3)] == [50, 51, 52]
    with events(market, "?types=tick", Last_Event_ID=f"49:{'0' * 32}") as answer:
        gap, first = heard(answer, 2)
    assert (gap.json["reason"], gap.json["from_t"], gap.last_id) == ("store_changed", 50, "")
    assert (first.json["t"], first.last_id) == (0, f"0:{store_id}")


def test_options_are_those_of_the_socket(market: Live) -> None:
    with events(market, "?types=tick,metric&batch=5&every=2&fields=matches&since=9") as answer:
        metrics, ticks = heard(answer, 2)
    assert (metrics.type, ticks.type) == ("metric", "tick")
    assert [tick["t"] for tick in ticks.json] == [metric["t"] for metric in metrics.json] == [10, 12, 14]
    assert set(ticks.json[0]) == {"type", "t", "ts", "s", "matches"}
    with events(market, f"?symbol={OTHER}&types=frame&since=-1") as answer:
        assert heard(answer, 1)[0].type == "frame"


def test_a_replay_is_taken_up_wherever_it_was_and_told_to_stop_at_its_end(market: Live) -> None:
    def told(last_id: str) -> list[Event]:
        parser = EventParser(last_id)
        parser.feed(market.ask("/stream?replay=38..45&speed=0", headers={"Last-Event-ID": last_id}).body)
        return parser.events

    events_of_all = told("")
    kinds = [(one.type, one.json["t"]) for one in events_of_all]
    assert kinds[:5] == [("metric", 38), ("tick", 38), ("tick", 39), ("frame", 40), ("metric", 40)]
    assert kinds[-2:] == [("tick", 45), ("replay_end", 45)]
    for place, event in enumerate(events_of_all[:-1]):
        assert told(event.last_id) == events_of_all[place + 1 :]
    over = market.ask("/stream?replay=38..45&speed=0", headers={"Last-Event-ID": events_of_all[-1].last_id})
    assert (over.status, over.body) == (204, b"")


@pytest.mark.parametrize(
    ("query", "headers", "status", "message"),
    [
        ("?encoding=zstd", {}, 400, "encoding=zstd is for sockets; events are JSON"),
        ("?every=0", EVENT_SOURCE, 400, "every must be from 1 to 1000000000, got 0"),
        ("?until=3", {}, 400, "unknown parameter 'until'"),
        ("", {"Last-Event-ID": "7;x"}, 400, "Last-Event-ID must be an id of this stream (t, or t:store), got '7;x'"),
        ("?symbol=NONE", EVENT_SOURCE, 404, "there is no market 'NONE'"),
    ],
)
def test_what_cannot_be_served_is_an_error_with_its_status(
    market: Live, query: str, headers: dict[str, str], status: int, message: str
) -> None:
    answer = market.ask(f"/stream{query}", headers=headers)
    assert answer.status == status
    assert answer.json()["error"]["message"].startswith(message)


def test_other_methods(market: Live) -> None:
    head = market.ask("/stream?types=tick", "HEAD", {"Origin": "https://elsewhere.example"})
    assert (head.status, head.body) == (200, b"")
    assert head.headers["Access-Control-Allow-Origin"] == "*"
    for method in ("POST", "PUT", "DELETE"):
        assert market.ask("/stream", method).status == 405
    asked = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "GET"}
    allowed = market.ask("/stream", "OPTIONS", asked | {"Access-Control-Request-Headers": "last-event-id"})
    assert "last-event-id" in allowed.headers["Access-Control-Allow-Headers"]


def test_limits_are_told_to_a_browser_in_a_stream_and_to_others_by_their_status(site: Site) -> None:
    server = site.serve(IG_MAX_CONNECTIONS_PER_ADDRESS=2, IG_SPEED=10)
    server.wait_for_ticks(5)
    with events(server) as one, connect(f"{server.ws_url}/ws/stream", **CALM) as other:
        heard(one, 1), other.recv(timeout=PATIENCE_SECONDS)
        refused = server.ask("/stream")
        assert (refused.status, refused.headers["Retry-After"]) == (429, "2")
        assert refused.json()["error"]["code"] == "too_many_connections"
        browser = server.ask("/stream", headers=EVENT_SOURCE)
    assert (browser.status, browser.body.partition(b"\n\n")[0]) == (200, b"retry: 5000")
    parser = EventParser()
    parser.feed(browser.body)
    assert [(event.type, event.json["error"]) for event in parser.events] == [("error", "too_many_connections")]
    # The place of a stream is free again when its connection has ended.
    wait_until(lambda: two_are_let_in(server), "both places again")


def two_are_let_in(server: Live) -> bool:
    with events(server) as one, events(server) as other:
        return [len(heard(answer, 1)) for answer in (one, other) if answer.status == 200] == [1, 1]


def test_a_connection_goes_on_behind_a_stream_that_was_refused(market: Live) -> None:
    connection = HTTPConnection("127.0.0.1", market.port, timeout=PATIENCE_SECONDS)
    for path in ("/stream?every=0", "/health", "/stream?symbol=NONE", "/health"):
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == (200 if path == "/health" else 400 if "every" in path else 404)
    connection.close()


def test_curl_reads_a_stream(market: Live) -> None:
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("curl is not on this machine")
    with subprocess.Popen([curl, "-sN", f"{market.url}/stream?types=tick&since=9"], stdout=subprocess.PIPE) as reader:
        assert reader.stdout is not None
        lines = [reader.stdout.readline() for _ in range(6)]
        reader.kill()
    assert lines[:3] == [b"retry: 1000\n", b"\n", b"event: tick\n"]
    assert json.loads(lines[4].removeprefix(b"data: "))["t"] == 10


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.long
def test_plain_daphne_serves_events_too(market: Live, tmp_path: Path) -> None:
    port = free_port()
    arguments = [sys.executable, "-m", "daphne", "-p", str(port), "igsite.asgi:application"]
    settings = environment(market.store, market.site.database, PYTHONPATH=str(ROOT))
    daphne = Process(arguments, settings, tmp_path / "daphne.log", cwd=tmp_path)
    try:
        wait_until(lambda: listens(port), "daphne")
        with events(market, "?types=tick&since=20", port) as answer:
            found = heard(answer, 5)
        assert [one.json["t"] for one in found] == [21, 22, 23, 24, 25]
    finally:
        daphne.stop()


@pytest.mark.long
def test_who_takes_nothing_is_cut_off_and_harms_nobody(site: Site) -> None:
    assert site.run("runmarket", "--ticks", "3000", "--speed", "0", IG_CAM_W=20).returncode == 0
    server = site.serve("live", "--stall-seconds", "2", IG_SPEED=10, IG_CAM_W=20)
    with closing(socket.socket()) as stalled, following(EventFollower(server, query="&since=2500")) as (other,):
        stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stalled.connect(("127.0.0.1", server.port))
        stalled.sendall(b"GET /stream?since=-1 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        cut_off = f"cut off 127.0.0.1:{stalled.getsockname()[1]}: it took nothing for 2 s"
        wait_until(lambda: cut_off in server.log(), "the end of who takes nothing")
        stalled.settimeout(PATIENCE_SECONDS)
        with pytest.raises(ConnectionError):  # what was on its way, then a reset
            while stalled.recv(1 << 20):
                pass
        other.wait_for_more(20)
        assert other.ts[0] == 2501
        other.assert_heard_each_tick_once()
    assert "Traceback" not in server.log()
