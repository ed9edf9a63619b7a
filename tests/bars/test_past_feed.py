"""The past on the bar feed, by a real server: the bars that were live, as they close on the clock of a replay."""

from __future__ import annotations

import json
import sqlite3
from contextlib import ExitStack, contextmanager

import pytest
from websockets.sync.client import connect

from bars.making.resolutions import PERIOD_MS
from tests.network import CALM
from tests.processes import PATIENCE_SECONDS, Site, wait_until

SYMBOL = "IG-USD"
START_TS = 1769256000
BEGIN = START_TS * 1000
FAST = {"IG_SPEED": 30, "IG_SEED": 5, "IG_START_TS": START_TS, "IG_CAM_W": 50, "IG_FLUSH_SECONDS": 0.2}
RESOLUTIONS = ["1s", "5s", "1m"]
LOST = (123, 456)
#: Of one address.
MOST_REPLAYS = 6


@pytest.fixture(scope="module")
def server(tmp_path_factory, migrated_database):
    """A running market with some minutes behind it, in which ticks were lost at the thirtieth second."""
    site = Site(tmp_path_factory.mktemp("past"), migrated_database)
    try:
        made = site.run("runmarket", "--ticks", "3000", "--speed", "0", **FAST)
        assert made.returncode == 0, made.stderr
        with sqlite3.connect(site.database) as database:
            row = "SELECT id, ?, ?, ? FROM recorder_market"
            database.execute(f"INSERT INTO bars_gap (market_id, at_ms, from_t, to_t) {row}", (BEGIN + 30_000, *LOST))
        live = site.serve(**FAST, IG_MAX_REPLAYS=2 * MOST_REPLAYS)
        yield live
        assert "Traceback" not in live.log()
        assert live.stop() == 0
    finally:
        site.end()


class Client:
    """One socket."""

    def __init__(self, socket):
        self.socket = socket

    def ask(self, **fields):
        """CONNECT, and its answer."""
        message = {"type": "CONNECT", "symbols": [SYMBOL], "resolutions": RESOLUTIONS, **fields}
        return self.say(message, "CONNECTED", "ERROR")[-1]

    def say(self, message, *until):
        self.socket.send(json.dumps(message))
        return self.hear_until(*until)

    def hear_until(self, *types, count=1):
        """Everything up to the first message of these types, or the last of so many."""
        heard = []
        while sum(message["type"] in types for message in heard) < count:
            self.text = self.socket.recv(timeout=PATIENCE_SECONDS)
            heard.append(json.loads(self.text))
        return heard


@contextmanager
def client_of(server, query="", **options):
    with connect(f"{server.ws_url}/market_data{query}", max_size=None, max_queue=None, **CALM, **options) as socket:
        yield Client(socket)


def replay(from_s, to_s=None, speed=0):
    """A part of the past in seconds behind the market's begin."""
    return {"from": BEGIN + from_s * 1000, "to": None if to_s is None else BEGIN + to_s * 1000, "speed": speed}


def recorded(server, resolution, from_s, to_s):
    """What HTTP has of it."""
    span = f"from={BEGIN + from_s * 1000}&to={BEGIN + to_s * 1000}"
    return server.json(f"/api/v1/bars?symbol={SYMBOL}&resolution={resolution}&{span}")["bars"]


def opened(messages, resolution="1s"):
    """When the bars of a resolution begin, in seconds behind the market's begin."""
    bars = [message for message in messages if message["type"] == "BAR" and message["timeframe"] == resolution]
    return [(bar["open_time"] - BEGIN) // 1000 for bar in bars]


def test_bars_come_in_the_order_of_their_close_with_history_losses_and_an_end(server):
    with client_of(server) as client:
        assert client.ask(replay=replay(20, 130), history=3, request_id=7)["request_id"] == 7
        *heard, end = client.hear_until("REPLAY_END")
    assert end == {"type": "REPLAY_END", "time": BEGIN + 130_000}
    history, behind = heard[:6], heard[6:]
    assert [opened(history, each) for each in RESOLUTIONS] == [[17, 18, 19], [5, 10, 15], []]
    at_loss = next(index for index, message in enumerate(behind) if message["type"] == "GAP")
    assert opened(behind[:at_loss])[-1] == 28, "which is told before the bars that close at that moment"
    lost = {"reason": "lost", "from_t": LOST[0], "to_t": LOST[1]}
    assert behind.pop(at_loss) == {"type": "GAP", "symbol": SYMBOL, "time": BEGIN + 30_000, **lost}
    assert [opened(behind, each) for each in RESOLUTIONS] == [
        [*range(20, 130)], [*range(20, 130, 5)], [0, 60]
    ]  # fmt: skip
    closes = [(bar["close_time"], PERIOD_MS[bar["timeframe"]]) for bar in behind]
    assert closes == sorted(closes)


def test_a_bar_of_the_past_is_the_live_one_to_the_last_byte_and_the_present_follows(server):
    with client_of(server) as live, client_of(server) as past:
        assert live.ask(resolutions=["1s"])["type"] == "CONNECTED"
        first = live.hear_until("BAR")[0]
        texts = {first["open_time"]: live.text}
        for _ in range(30):
            (bar,) = live.hear_until("BAR")
            texts[bar["open_time"]] = live.text
        past.ask(resolutions=["1s"], replay={"from": first["open_time"], "speed": 0})
        heard = past.hear_until("CAUGHT_UP")[:-1] + past.hear_until("BAR", count=40)
        begin = opened([first])[0]
        assert opened(heard) == list(range(begin, begin + len(heard)))
        past.say({"type": "PAUSE"}, "BAR")  # which is no replay any more: ignored
        past.ask(resolutions=["1s"], replay={"from": first["open_time"], "to": bar["close_time"], "speed": 0})
        for expected in texts.values():
            past.hear_until("BAR")
            assert past.text == expected


def test_it_is_paused_moved_and_played_at_another_speed(server):
    with client_of(server) as client:
        client.ask(resolutions=["1s"], replay=replay(20, 290, speed=10))  # half a minute
        assert opened(client.hear_until("BAR", count=5)) == [20, 21, 22, 23, 24]
        *_, told = client.say({"type": "PAUSE"}, "REPLAY")
        assert (told["speed"], told["paused"]) == (10, True)
        wrong = [
            ({"type": "PLAY", "speed": -1}, "speed must be"),
            ({"type": "PLAY", "speed": "fast"}, "speed must be"),
            ({"type": "SEEK"}, "time must be milliseconds or a time by ISO 8601, got None"),
            ({"type": "SEEK", "time": "soon"}, "time must be milliseconds"),
            ({"type": "SEEK", "time": BEGIN + 291_000}, f"this replay ends at {BEGIN + 290_000}, got"),
        ]
        for command, reason in wrong:
            (answer,) = client.say(command, "REPLAY")
            assert answer.pop("refused").startswith(reason)
            assert answer == told, "and it stays as it was, paused"
        (moved,) = client.say({"type": "SEEK", "time": "2026-01-24T12:00:50Z"}, "REPLAY")
        assert moved == {"type": "REPLAY", "time": BEGIN + 50_000, "speed": 10, "paused": True}
        (playing,) = client.say({"type": "PLAY", "speed": 0}, "REPLAY")
        assert (playing["speed"], playing["paused"]) == (0, False)
        assert opened(client.hear_until("REPLAY_END")) == list(range(50, 290))
        client.say({"type": "SEEK", "time": BEGIN + 288_000}, "REPLAY")
        assert opened(client.hear_until("REPLAY_END")) == [288, 289]


def test_a_client_that_only_changed_its_address_hears_nothing_that_it_does_not_know(server):
    with client_of(server, "?replay=2026-01-24T12:00:25Z..2026-01-24T12:00:40Z&speed=0") as client:
        assert client.ask(resolutions=["1s"])["type"] == "CONNECTED"
        assert opened(client.hear_until("BAR", count=15)) == list(range(25, 40))
        assert client.ask(resolutions=["1s", "5s"], history=2)["type"] == "CONNECTED", "on the same clock"
        assert opened(client.hear_until("BAR", count=2), "5s") == [30, 35]
        heard = client.say({"type": "SEEK", "time": BEGIN + 38_000}, "REPLAY_END")
        assert [message["type"] for message in heard] == ["REPLAY", "BAR", "BAR", "BAR", "REPLAY_END"]


def test_as_many_replays_as_may_be_are_under_way_and_those_that_have_ended_do_not_count(server):
    with ExitStack() as clients:
        others = [clients.enter_context(client_of(server)) for _ in range(MOST_REPLAYS)]
        ended = others.pop()
        ended.ask(replay=replay(20, 21))
        ended.hear_until("REPLAY_END")
        for client in others:
            wait_until(lambda c=client: c.ask(replay=replay(20, speed=0.001))["type"] == "CONNECTED", "room for it")
        share = f"its share while {MOST_REPLAYS} of {2 * MOST_REPLAYS} are left"
        refused = f"{MOST_REPLAYS} replays are under way from 127.0.0.1, {share}"
        with client_of(server) as client:
            assert client.ask(replay=replay(20, speed=0.001))["type"] == "CONNECTED"
            (answer,) = ended.say({"type": "SEEK", "time": BEGIN + 20_000}, "REPLAY")
            assert answer["refused"] == refused
            assert others[0].ask(replay=replay(20, 21))["type"] == "CONNECTED", "in place of its own"
            with client_of(server) as one_more:
                assert one_more.ask()["type"] == "CONNECTED", "to the present"
            with client_of(server, source_address=("127.0.0.2", 0)) as other:
                assert other.ask(replay=replay(20, speed=0.001))["type"] == "CONNECTED", "of another address"


@pytest.mark.parametrize(
    ("query", "fields", "reason"),
    [
        ("", {"replay": 5}, 'replay must be an object {"from":ms,"to":ms,"speed":60}, got 5'),
        ("", {"replay": {"from": "soon"}}, "replay.from must be milliseconds or a time"),
        ("", {"replay": {"from": 9, "to": 8}}, "replay must not end before it begins, got from=9 and to=8"),
        ("", {"replay": {"from": 9, "at": 8}}, "replay has the fields from, to, speed, got 'at'"),
        ("", {"replay": {"from": 9, "speed": True}}, "speed must be"),
        ("?replay=5", {}, "replay must be T0..T1 or T0.., each milliseconds or a time by ISO 8601, got '5'"),
        ("?replay=9..8", {}, "replay must not end before it begins"),
        ("?replay=5..&speed=nan", {}, "speed must be"),
    ],
)
def test_a_wrong_part_of_the_past_is_refused_by_its_name(server, query, fields, reason):
    with client_of(server, query) as client:
        answer = client.ask(**fields)
        assert answer["type"] == "ERROR"
        assert answer["message"].startswith(reason)
        assert client.ask(replay=replay(20, 21))["type"] == "CONNECTED"
