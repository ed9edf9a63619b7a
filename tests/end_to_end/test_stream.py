"""The socket `/ws/stream` through the real server, with another implementation's client."""

from __future__ import annotations

import itertools
import json
import socket as sockets
from typing import Any

import pytest
import zstandard
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.sync.client import connect

from tests.end_to_end.conftest import MARKET
from tests.end_to_end.reading import (
    OTHER,
    assert_is_frame,
    assert_is_metric,
    assert_is_tick,
    hear,
    hear_until,
    socket,
)
from tests.network import CALM
from tests.processes import PATIENCE_SECONDS, Live

WINDOW, STRIDE = MARKET["IG_CAM_W"], MARKET["IG_CAM_STRIDE"]
METRIC_EVERY = MARKET["IG_CAM_METRIC_DOWNSAMPLE"]
KIND_ORDER = {"frame": 0, "metric": 1, "tick": 2}


def hear_ticks(client: Any, ticks: int) -> list[dict[str, Any]]:
    """Messages until so many ticks were among them."""
    heard: list[dict[str, Any]] = []
    while sum(message["type"] == "tick" for message in heard) < ticks:
        heard.append(hear(client))
    return heard


# -- what a client gets


def test_who_only_listens_gets_ticks_metrics_and_frames(market: Live) -> None:
    with socket(market) as client:
        heard = hear_ticks(client, 25)
    kinds = {kind: [m for m in heard if m["type"] == kind] for kind in KIND_ORDER}
    for tick in kinds["tick"]:
        assert_is_tick(tick)
    for metric in kinds["metric"]:
        assert_is_metric(metric)
    for frame in kinds["frame"]:
        assert_is_frame(frame, WINDOW, STRIDE)
    assert len(kinds["frame"]) >= 4


def test_a_client_learns_which_recording_it_gets(market: Live) -> None:
    store_id = (market.store / "store_id").read_text().strip()
    assert market.json("/health")["meta"]["store"] == store_id
    with socket(market) as client:
        assert client.response is not None
        assert client.response.headers["Market-Camera-Store"] == store_id
    with socket(market, f"?since=80&store={store_id}&types=tick") as client:
        heard = hear_until(client, type="caught_up")
    assert (heard[0]["t"], heard[-1]["store"]) == (81, store_id)
    assert not [message for message in heard if message["type"] == "gap"]
    for query in (f"?store={'0' * 32}&types=tick", f"?symbol={OTHER}"):
        with socket(market, query) as client:
            assert hear(client)["type"] != "gap", "an id without a position does nothing"
    body = market.json("/incremental?from_t=10&limit=2")
    assert (body["store"], [tick["t"] for tick in body["data"]]) == (store_id, [11, 12])


def test_the_newest_of_each_kind_comes_at_once(market: Live) -> None:
    market.wait_for_ticks(100)
    with socket(market) as client:
        first = [hear(client) for _ in range(3)]
    assert [message["type"] for message in first] == ["frame", "metric", "tick"]
    frame, metric, tick = (message["t"] for message in first)
    assert tick - STRIDE < frame <= tick
    assert frame % STRIDE == 0
    assert tick - METRIC_EVERY < metric <= tick


def test_then_everything_new_comes_in_order_without_a_hole(market: Live) -> None:
    with socket(market) as client:
        newest = [hear(client) for _ in range(3)]
        heard = hear_ticks(client, 30)
    places = [(message["t"], KIND_ORDER[message["type"]]) for message in heard]
    assert places == sorted(set(places)), "frame, metric, tick of one t, then the next t"
    first, last = newest[-1]["t"] + 1, heard[-1]["t"]
    assert [m["t"] for m in heard if m["type"] == "tick"] == list(range(first, last + 1))
    assert [m["t"] for m in heard if m["type"] == "metric"] == [
        t for t in range(first, last + 1) if t % METRIC_EVERY == 0
    ]
    assert [m["t"] for m in heard if m["type"] == "frame"] == [t for t in range(first, last + 1) if t % STRIDE == 0]


def test_metric_and_tick_of_one_t_agree(market: Live) -> None:
    with socket(market) as client:
        heard = hear_ticks(client, 10)
    ticks = {m["t"]: m for m in heard if m["type"] == "tick"}
    for metric in [m for m in heard if m["type"] == "metric" and m["t"] in ticks]:
        tick = ticks[metric["t"]]
        assert (metric["s"], metric["ts"]) == (tick["s"], tick["ts"])
        assert (metric["N"], metric["matches_n"]) == (len(tick["agents"]), len(tick["matches"]))
        mean = sum(agent["experience"] for agent in tick["agents"]) / len(tick["agents"])
        assert metric["avg_exp"] == pytest.approx(mean, abs=1e-6)


def test_market_time_rises_by_the_interval(market: Live) -> None:
    with socket(market, "?types=tick") as client:
        ticks = hear_ticks(client, 10)
    for before, after in itertools.pairwise(ticks):
        assert after["ts"] - before["ts"] == pytest.approx(0.1, abs=1e-5)


def test_all_clients_get_the_same_text_that_http_and_the_tape_have(market: Live) -> None:
    with socket(market, "?types=tick") as one, socket(market, "?types=tick,frame") as other:
        t = max(hear(one)["t"], hear_ticks(other, 1)[-1]["t"]) + 5
        texts = []
        for client in (one, other):
            text = client.recv(timeout=PATIENCE_SECONDS)
            while json.loads(text)["type"] != "tick" or json.loads(text)["t"] < t:
                text = client.recv(timeout=PATIENCE_SECONDS)
            texts.append(text)
    assert texts[0] == texts[1]
    assert isinstance(texts[0], str)
    assert texts[0].encode() in market.ask(f"/incremental?from_t={t - 1}&limit=1").body


@pytest.mark.parametrize(
    "types", ["tick", "metric", "frame", "tick,frame", "metric,tick", "frame,metric,tick", "tick,tick"]
)
def test_a_client_gets_the_types_it_asks_for(market: Live, types: str) -> None:
    with socket(market, f"?types={types}") as client:
        heard = [hear(client) for _ in range(8)]
    assert {message["type"] for message in heard} == set(types.split(","))


def test_a_slash_at_the_end_does_no_harm(market: Live) -> None:
    with socket(market, path="/ws/stream/") as client:
        assert hear(client)["type"] == "frame"


def test_the_market_may_be_named(market: Live) -> None:
    with socket(market, "?symbol=IG-USD&types=tick") as client:
        assert len(hear_ticks(client, 3)) == 3


def test_a_silent_market_has_a_socket_too(market: Live) -> None:
    with socket(market, f"?symbol={OTHER}") as client:
        client.send("ping")
        assert hear_until(client, type="pong")


# -- what a client says


@pytest.mark.parametrize("text", ["ping", '{"type":"ping"}', '{ "type" : "ping", "timestamp": 1.5 }'])
def test_a_ping_is_answered(market: Live, text: str) -> None:
    with socket(market) as client:
        client.send(text)
        assert hear_until(client, type="pong")[-1] == {"type": "pong"}


def test_each_ping_has_its_pong(market: Live) -> None:
    with socket(market, f"?symbol={OTHER}&types=frame") as client:
        for _ in range(50):
            client.send("ping")
        pongs = 0
        while pongs < 50:
            pongs += hear(client)["type"] == "pong"


@pytest.mark.parametrize(
    "said",
    [b"ping", b"", b"\x00\xff" * 500, "", "hello", "{", "[]", "null", '{"type":1}', '{"type":"subscribe"}',
     "☃" * 1000, "9" * 4096, "[" * 4096, '{"a":' * 800, "ping" * 1000],
    ids=range(15),
)  # fmt: skip
def test_whatever_else_is_said_changes_nothing(market: Live, said: str | bytes) -> None:
    with socket(market, "?types=tick") as client:
        client.send(said)
        t = hear(client)["t"]
        client.send("ping")
        heard = hear_until(client, type="pong")
        assert [m["t"] for m in heard if m["type"] == "tick"] == list(range(t + 1, t + len(heard)))
        hear_ticks(client, 3)


# Of more than 8 MiB behind its refusal the server reads nothing, and the reset may overtake the reason.
@pytest.mark.parametrize("said", ["x" * 4097, "[" * 50_000, b"x" * 4097, "x" * 7_000_000], ids=range(4))
def test_more_than_four_kibibytes_are_too_much(market: Live, said: str | bytes) -> None:
    with socket(market) as client:
        with pytest.raises(ConnectionClosed) as closed:
            client.send(said)
            hear_until(client, type="never")
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009
    market.json("/health")


def test_many_fragments_of_one_message_are_too_much_as_well(market: Live) -> None:
    with socket(market) as client:
        with pytest.raises(ConnectionClosed) as closed:
            client.send("x" * 100_000 for _ in range(70))
            hear_until(client, type="never")
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009


def test_who_never_ends_a_message_is_cut_off(market: Live) -> None:
    with socket(market) as client:
        with pytest.raises(ConnectionClosed):
            client.send("x" * 1_000_000 for _ in iter(int, 1))
    market.json("/health")


BROKEN = {
    "an unmasked frame": Frame(Opcode.TEXT, b"ping").serialize(mask=False),
    "a reserved opcode": bytes((0x83, 0x80, 0, 0, 0, 0)),
    "reserved bits": bytes((0xF1, 0x80, 0, 0, 0, 0)),
    "a fragmented ping": bytes((0x09, 0x80, 0, 0, 0, 0)),
    "a continuation of nothing": bytes((0x80, 0x80, 0, 0, 0, 0)),
    "text that is no UTF-8": Frame(Opcode.TEXT, b"\xff\xfe").serialize(mask=True),
    "a close code that is none": Frame(Opcode.CLOSE, b"\x00\x01").serialize(mask=True),
    "half a close code": Frame(Opcode.CLOSE, b"\x03").serialize(mask=True),
    "a length of 2^63": bytes((0x81, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)),
}


@pytest.mark.parametrize("wire", BROKEN.values(), ids=BROKEN.keys())
def test_who_breaks_the_protocol_is_let_go_and_nobody_else(market: Live, wire: bytes) -> None:
    with socket(market, "?types=tick") as bystander:
        with socket(market, "?types=tick") as client:
            hear(client)
            client.socket.sendall(wire)
            with pytest.raises(ConnectionClosed) as closed:
                hear_until(client, type="never")
            assert closed.value.rcvd is None or closed.value.rcvd.code in (1002, 1007, 1009)
        ticks = hear_ticks(bystander, 5)
        assert [m["t"] for m in ticks] == list(range(ticks[0]["t"], ticks[0]["t"] + 5))


def test_who_leaves_without_a_word_harms_nobody(market: Live) -> None:
    with socket(market, "?types=tick") as bystander:
        for _ in range(5):
            client = connect(f"{market.ws_url}/ws/stream", **CALM)
            client.socket.shutdown(sockets.SHUT_RDWR)
        ticks = hear_ticks(bystander, 10)
        assert [m["t"] for m in ticks] == list(range(ticks[0]["t"], ticks[0]["t"] + 10))


# -- what is refused


def refusal(market: Live, query: str = "", path: str = "/ws/stream") -> tuple[dict[str, Any], int]:
    """The error message and the close code."""
    with socket(market, query, path) as client:
        message = hear(client)
        with pytest.raises(ConnectionClosed) as closed:
            hear(client)
    assert closed.value.rcvd is not None
    assert message.keys() >= {"type", "error", "detail"}
    assert message["type"] == "error"
    return message, closed.value.rcvd.code


@pytest.mark.parametrize(
    "query",
    ["types=", "types=ticks", "types=tick,", "types=TICK", "types=tick&types=frame", "types=%00", "types=" + "x" * 5000,
     "symbol=", "symbol=..%2f", "symbol=%FF", "symbol=" + "A" * 33, "symbol=a&symbol=b", "nonsense=1", "Types=tick",
     "&&=", "every=0", "batch=-1", "batch=1001", "since=abc", "since=1e3", "encoding=gzip", "fields=everything"],
)  # fmt: skip
def test_a_bad_parameter_is_said_and_the_socket_closed(market: Live, query: str) -> None:
    message, code = refusal(market, f"?{query}")
    assert (message["error"], code) == ("bad_parameter", 4400)
    assert 0 < len(message["detail"]) < 300


def test_the_detail_shows_what_came(market: Live) -> None:
    message, _ = refusal(market, "?types=tick,candle")
    assert "'candle'" in message["detail"]


def test_an_unknown_symbol_is_said_and_the_socket_closed(market: Live) -> None:
    message, code = refusal(market, "?symbol=NOBODY")
    assert (message["error"], code) == ("unknown_symbol", 4404)
    assert "'NOBODY'" in message["detail"]


def test_a_refusal_comes_in_the_encoding_that_was_asked_for(market: Live) -> None:
    with socket(market, "?symbol=NOBODY&encoding=zstd") as client:
        message = client.recv(timeout=PATIENCE_SECONDS)
        assert isinstance(message, bytes)
        assert json.loads(zstandard.ZstdDecompressor().decompress(message))["error"] == "unknown_symbol"


@pytest.mark.parametrize(
    "path", ["/", "/ws", "/ws/", "/ws/streams", "/ws/stream/x", "/nothing", "/%00", "/" + "x" * 3000]
)
def test_a_socket_elsewhere_is_refused(market: Live, path: str) -> None:
    message, code = refusal(market, path=path)
    assert (message["error"], code) == ("not_found", 4404)
    assert len(message["detail"]) < 300


def test_a_plain_request_for_the_socket_is_told_so(market: Live) -> None:
    answer = market.ask("/ws/stream")
    assert answer.status in (400, 404, 426)
    assert "error" in answer.json()
