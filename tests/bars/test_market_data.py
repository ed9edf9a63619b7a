"""The bar feed and the bars over HTTP, by a real server that is killed in between, with a client of the feed's kind."""

from __future__ import annotations

import json
import signal
import sqlite3
import time
from contextlib import ExitStack, contextmanager, suppress

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from bars.making.resolutions import PERIOD_MS
from tests.end_to_end.reading import assert_error
from tests.network import CALM
from tests.processes import PATIENCE_SECONDS, wait_until

SYMBOL = "IG-USD"
#: A market day in some minutes; a bar of a minute about every two seconds.
FAST = {"IG_SPEED": 30, "IG_SEED": 5, "IG_START_TS": 1769255900, "IG_CAM_W": 50, "IG_FLUSH_SECONDS": 0.2}


@contextmanager
def feed(live, **fields):
    """A client that says CONNECT once, as soon as it may; the answer, and the socket."""
    with connect(f"{live.ws_url}/market_data", max_size=None, max_queue=None, **CALM) as client:
        yield ask(client, **fields), client


def ask(client, **fields):
    message = {"type": "CONNECT", "request_id": "1", "symbols": [SYMBOL], "resolutions": ["1s"], **fields}
    client.send(json.dumps(message))
    while (answer := hear(client))["type"] == "BAR":
        pass
    return answer


def hear(client):
    return json.loads(client.recv(timeout=PATIENCE_SECONDS))


def hear_bars(client, count, timeframe=None):
    """So many bars (of a resolution), and every one that came in between."""
    heard = []
    while sum(timeframe in (None, bar["timeframe"]) for bar in heard) < count:
        heard.append(hear(client))
        assert heard[-1]["type"] == "BAR"
    return heard


def of_http(live, resolution, **query):
    """What the API has of a resolution, in the feed's form."""
    parameters = "".join(f"&{name}={value}" for name, value in {"limit": 10_000, **query}.items())
    answer = live.json(f"/api/v1/bars?symbol={SYMBOL}&resolution={resolution}{parameters}")
    assert (answer["symbol"], answer["resolution"], answer["gaps"]) == (SYMBOL, resolution, [])
    assert all(bar.pop("closed") is True for bar in answer["bars"])
    return [tuple(bar.values()) for bar in answer["bars"]]


def figures(bar):
    prices = [bar[name] for name in ("open", "high", "low", "close", "volume")]
    assert all(isinstance(price, str) for price in prices)
    assert type(bar["open_time"]) is type(bar["close_time"]) is int
    return (bar["open_time"], bar["close_time"], *map(float, prices))


def kept(site):
    with sqlite3.connect(site.database) as database:
        columns = "resolution, open_ms, open, high, low, close, volume, matches, first_t, last_t, next_ms"
        return database.execute(f"SELECT {columns} FROM bars_bar ORDER BY resolution, open_ms").fetchall()


@pytest.mark.long
def test_live_stored_and_rebuilt_bars_are_one_through_kill_9(site):
    fast, heard = {**FAST, "IG_SPEED": 60}, {}
    for _ in range(2):
        live = site.serve(**fast)
        with feed(live, resolutions=["1s", "5s", "1m"]) as (answer, client):
            assert answer["type"] == "CONNECTED"
            bars = hear_bars(client, 2, "1m")
        live.kill()
        for resolution in ("1s", "5s", "1m"):
            opened = [bar["open_time"] for bar in bars if bar["timeframe"] == resolution]
            step = PERIOD_MS[resolution]
            assert opened == list(range(opened[0], opened[-1] + step, step))
        for bar in bars:
            # What the crash took from the tape is made again: then a bar comes once more, the same to the last digit.
            assert heard.setdefault((bar["timeframe"], bar["open_time"]), figures(bar)) == figures(bar)
    live = site.serve(**fast)
    newest = max(opened for _, opened in heard)
    wait_until(lambda: of_http(live, "1s")[-1][0] > newest, "bars that are stored behind what was heard")
    stored = {(resolution, bar[0]): bar for resolution in ("1s", "5s", "1m") for bar in of_http(live, resolution)}
    assert heard.items() <= stored.items()
    assert live.stop() == 0
    assert "Traceback" not in live.log()
    before = kept(site)
    # No second and no minute of the market is missing but the last, which are not closed.
    seconds = [row[1] for row in before if row[0] == "1s"]
    assert seconds == list(range(seconds[0], seconds[-1] + 1000, 1000))
    made = site.run("rebuildbars", **fast)
    assert made.returncode == 0, made.stderr
    assert kept(site) == before
    assert f"{len(before):,} bars of" in made.stdout


@pytest.fixture(scope="module")
def server(tmp_path_factory, migrated_database):
    """A running market that asks for a token, with some minutes behind it."""
    from tests.processes import Site

    site = Site(tmp_path_factory.mktemp("feed"), migrated_database)
    settings = {**FAST, "IG_MAX_CONNECTIONS_PER_ADDRESS": 5}
    try:
        made = site.run("runmarket", "--ticks", "4000", "--speed", "0", **settings)
        assert made.returncode == 0, made.stderr
        live = site.serve(**settings)
        yield live
        assert "Traceback" not in live.log()
        assert live.stop() == 0
    finally:
        site.end()


def test_history_comes_first_and_live_bars_follow_without_hole_or_repeat(server):
    with feed(server, resolutions=["1s", "5s"], history=20) as (_, client):
        heard = hear_bars(client, 60, "1s")
    for timeframe in ("1s", "5s"):
        opened = [bar["open_time"] for bar in heard if bar["timeframe"] == timeframe]
        assert len(opened) >= 20
        step = PERIOD_MS[timeframe]
        assert opened == list(range(opened[0], opened[-1] + step, step))
    assert [bar["timeframe"] for bar in heard[:40]] == ["1s"] * 20 + ["5s"] * 20


def test_who_asks_is_told_where_the_history_ends_and_of_which_recording_bars_are(server):
    store = server.ask("/health").json()["meta"]["store"]
    with feed(server, resolutions=["1s", "5s"], history=20, history_end=True) as (answer, client):
        assert (answer["symbols"], answer["stores"], answer["history_end"]) == (SYMBOL, store, True)
        assert len(hear_bars(client, 40)) == 40
        assert hear(client) == {"type": "HISTORY_END"}
        assert hear(client)["type"] == "BAR"
    with feed(server, history_end=True, replay={"from": 0, "to": 1, "speed": 0}) as (answer, client):
        assert answer["stores"] == store
        assert hear(client) == {"type": "HISTORY_END"}
    assert server.ask("/api/v1/bars").headers["Market-Camera-Store"] == store


def test_another_connect_replaces_the_list_and_repeats_nothing(server):
    with feed(server, resolutions=["1s", "5s"]) as (_, client):
        before = hear_bars(client, 12)
        client.send(json.dumps({"type": "CONNECT", "symbols": [SYMBOL], "resolutions": ["1s"], "history": 1000}))
        while (message := hear(client))["type"] == "BAR":
            before.append(message)
        assert message["type"] == "CONNECTED"
        behind = hear_bars(client, 20)
    assert {bar["timeframe"] for bar in behind} == {"1s"}
    opened = [bar["open_time"] for bar in [*before, *behind] if bar["timeframe"] == "1s"]
    assert opened == list(range(opened[0], opened[-1] + 1000, 1000))


def test_unknown_names_are_left_out_and_told(server):
    with feed(server, symbols=["NOPE", SYMBOL, "a b"], resolutions=["2m", "1s"]) as (answer, client):
        assert answer["type"] == "CONNECTED"
        assert (answer["unknown_symbols"], answer["unknown_resolutions"]) == ("NOPE,a b", "2m")
        assert all(isinstance(value, str) for value in answer.values())
        hear_bars(client, 1)


def test_only_a_refused_connect_is_an_error_and_the_next_one_may_be_taken(server):
    with feed(server, symbols=["NOPE"]) as (answer, client):
        assert answer == {"type": "ERROR", "message": "there is no market NOPE"}
        assert ask(client)["type"] == "CONNECTED"
        hear_bars(client, 2)
        for junk in ("", "{", "[]", '{"type":"PING"}', "null", b"\xff\x00", "[" * 5000):
            client.send(junk)
        assert {bar["type"] for bar in hear_bars(client, 3)} == {"BAR"}


def test_a_client_that_says_too_much_is_closed_without_an_error(server):
    with feed(server) as (_, client):
        with pytest.raises(ConnectionClosed) as closed:
            for _ in range(5000):
                client.send("x")
            while True:
                assert hear(client)["type"] == "BAR"
    assert closed.value.rcvd.code == 4429
    with feed(server) as (_, client):
        with pytest.raises(ConnectionClosed) as closed:
            client.send("x" * 70_000)
            while True:
                assert hear(client)["type"] == "BAR"
    assert closed.value.rcvd.code == 1009


def test_limits_are_those_of_the_stream(server):
    with ExitStack() as streams:
        for _ in range(5):  # each as soon as no client of the test before is left
            wait_until(lambda: _is_streamed_to(server, streams), "a stream")
        with connect(f"{server.ws_url}/market_data", **CALM) as client:
            assert hear(client)["type"] == "ERROR"
            with pytest.raises(ConnectionClosed) as closed:
                hear(client)
        assert closed.value.rcvd.code == 4429
    wait_until(lambda: _is_let_in(server), "room for another client")


def _is_streamed_to(server, streams):
    """Whether another client was let in, which leaves with the streams."""
    client = streams.enter_context(connect(f"{server.ws_url}/ws/stream?types=frame", **CALM))
    client.send('{"type":"ping"}')
    with suppress(ConnectionClosed):
        return json.loads(client.recv(timeout=PATIENCE_SECONDS))["type"] != "error"


def _is_let_in(server):
    with suppress(ConnectionClosed), connect(f"{server.ws_url}/market_data", **CALM) as client:
        return ask(client)["type"] == "CONNECTED"
    return False


def test_a_client_that_reads_nothing_for_a_while_loses_no_bar(server):
    with feed(server, resolutions=["1s"], history=300) as (_, client):
        begin = time.monotonic()
        wait_until(lambda: time.monotonic() - begin > 1, "a second")  # some thirty bars
        opened = [bar["open_time"] for bar in hear_bars(client, 360)]
    assert opened == list(range(opened[0], opened[-1] + 1000, 1000))


@pytest.mark.long
def test_a_token_is_asked_for_where_one_is_set_and_a_restart_leaves_no_hole(site):
    settings = {**FAST, "IG_FEED_TOKEN": "geheim"}
    live = site.serve(**settings)
    with feed(live) as (answer, client):
        assert answer["type"] == "ERROR"
        assert ask(client, csrf_token="geheim")["type"] == "CONNECTED"
        last = hear_bars(client, 3)[-1]
        assert live.stop(signal.SIGTERM) == 0
        assert "geheim" not in live.log()
    again = site.serve(**{**settings, "PORT": live.port})
    with feed(again, csrf_token="geheim", history=1000) as (answer, client):
        assert answer["type"] == "CONNECTED"
        opened = [bar["open_time"] for bar in hear_bars(client, 8)]
    assert last["open_time"] in opened or opened[0] < last["open_time"]
    assert opened == list(range(opened[0], opened[-1] + 1000, 1000))


# -- over HTTP


def test_coarse_bars_are_made_of_the_fine_ones(server):
    coarse = of_http(server, "5m")
    minutes = of_http(server, "1m")  # as new at least
    assert coarse
    for opened, closed, *prices in coarse:
        of_it = [bar for bar in minutes if opened <= bar[0] < closed]
        assert prices[0] == of_it[0][2]
        assert prices[1:3] == [max(bar[3] for bar in of_it), min(bar[4] for bar in of_it)]
        assert prices[3] == of_it[-1][5]
        assert prices[4] == sum(bar[6] for bar in of_it)


def test_a_range_is_of_whole_bars_from_its_beginning_on(server):
    bars = of_http(server, "5s")
    assert of_http(server, "5s", **{"from": bars[3][0], "to": bars[9][1]}) == bars[3:10]
    assert of_http(server, "5s", **{"from": bars[3][0], "limit": 2}) == bars[3:5]
    assert of_http(server, "5s", **{"to": bars[9][1], "limit": 2}) == bars[8:10]
    assert of_http(server, "5s", **{"from": bars[3][0] + 1, "to": bars[9][1] - 1}) == bars[4:9]
    assert of_http(server, "1d") == []


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("resolution=2m", 400, "bad_parameter"),
        ("from=soon", 400, "bad_parameter"),
        ("to=%00", 400, "bad_parameter"),
        ("limit=0", 400, "bad_parameter"),
        ("limit=10001", 400, "bad_parameter"),
        ("from=9&to=8", 400, "bad_parameter"),
        ("symbol=%2e%2e", 400, "bad_parameter"),
        ("symbol=NOPE", 404, "unknown_symbol"),
    ],
)
def test_a_bad_query_is_told(server, query, status, code):
    assert_error(server.ask(f"/api/v1/bars?{query}"), status, code)


@pytest.mark.parametrize("bound", ["-9999999999999999", "9999999999999999", "0001-01-01", "9999-12-31"])
def test_times_nobody_lives_in_are_no_error(server, bound):
    for resolution in PERIOD_MS:
        assert server.ask(f"/api/v1/bars?resolution={resolution}&from={bound}&limit=1").status == 200
        assert server.ask(f"/api/v1/bars?resolution={resolution}&to={bound}&limit=1").status == 200


def test_bars_are_public_and_read_only(server):
    answer = server.ask("/api/v1/bars", headers={"Origin": "http://elsewhere.example"})
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert server.ask("/api/v1/bars", method="HEAD").body == b""
    assert_error(server.ask("/api/v1/bars", method="POST"), 405, "method_not_allowed")
