"""What goes over the stream: framing, control messages, and the query a client connects with."""

from __future__ import annotations

import json
from urllib.parse import parse_qs

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from streaming.protocol import (
    KINDS,
    Moment,
    StreamError,
    control,
    error,
    gap,
    is_ping,
    messages_in,
    parse_request,
    websocket_frame,
)


@given(payload=st.binary(max_size=300), binary=st.booleans())
@example(b"", False)
@example(b"x" * 125, False)
@example(b"x" * 126, False)
@example(b"x" * 65_535, True)
@example(b"x" * 65_536, False)
def test_a_frame_is_what_another_implementation_makes(payload: bytes, binary: bool) -> None:
    opcode = Opcode.BINARY if binary else Opcode.TEXT
    assert websocket_frame(payload, binary=binary) == Frame(opcode, payload).serialize(mask=False)


@given(messages=st.lists(st.tuples(st.binary(max_size=300), st.booleans())))
@example([(b"x" * 125, False), (b"y" * 126, True), (b"z" * 65_535, False), (b"w" * 65_536, True), (b"", False)])
def test_frames_in_one_piece_come_apart_again(messages: list[tuple[bytes, bool]]) -> None:
    wire = b"".join(websocket_frame(payload, binary=binary) for payload, binary in messages)
    assert messages_in(wire) == messages


def test_control_messages_are_the_contracts() -> None:
    assert json.loads(control("pong")) == {"type": "pong"}
    assert json.loads(control("heartbeat", t=7)) == {"type": "heartbeat", "t": 7}
    told = {"type": "gap", "kind": "tick", "from_t": 3, "to_t": 5, "reason": "slow"}
    assert json.loads(gap("tick", 3, 5, "slow")) == told
    refused = {"type": "error", "error": "unknown_symbol", "detail": "there is no market 'é'"}
    assert json.loads(error("unknown_symbol", "there is no market 'é'")) == refused


def test_messages_of_one_t_go_out_frame_metric_tick() -> None:
    assert KINDS == ("frame", "metric", "tick")


def test_a_moment_weighs_what_its_messages_do() -> None:
    assert Moment(1, b"12345").size == 5
    assert Moment(1, b"12345", b"123", b"1").size == 9


@pytest.mark.parametrize("text", ["ping", " ping\n", '{"type":"ping"}', '{"type": "ping", "timestamp": 1.5}'])
def test_a_ping_is_known(text: str) -> None:
    assert is_ping(text)


@pytest.mark.parametrize(
    "text",
    [None, "", "Ping", "pingping", '"ping"', "{}", "[]", "null", '{"type":"pong"}', '{"type":["ping"]}', "{", "NaN", "ping" + " " * 200],
)
def test_whatever_else_is_said_is_no_ping(text: str | None) -> None:
    assert not is_ping(text)


@given(st.text(max_size=250))
def test_no_text_upsets_it(text: str) -> None:
    assert is_ping(text) in (True, False)


def query(text: str) -> dict[str, list[str]]:
    return parse_qs(text, keep_blank_values=True)


def test_by_default_a_client_gets_every_kind_of_the_default_market() -> None:
    request = parse_request({})
    assert request.symbol is None
    assert request.options.types == {"frame", "metric", "tick"}


@pytest.mark.parametrize(
    ("text", "types"),
    [
        ("types=tick", {"tick"}),
        ("types=tick,metric", {"tick", "metric"}),
        ("types=metric,tick,frame", {"tick", "metric", "frame"}),
        ("types=frame,frame", {"frame"}),
    ],
)
def test_a_client_chooses_its_kinds(text: str, types: set[str]) -> None:
    assert parse_request(query(text)).options.types == types


def test_equal_choices_are_equal_options() -> None:
    one, other = parse_request(query("types=tick,frame")), parse_request(query("types=frame,tick,tick"))
    assert one.options == other.options
    assert hash(one.options) == hash(other.options)


@pytest.mark.parametrize("symbol", ["A", "0700.HK", "IG-USD", "a_b", "Z" * 32])
def test_a_symbol_is_taken(symbol: str) -> None:
    assert parse_request({"symbol": [symbol]}).symbol == symbol


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("types=", "types must be some of tick, metric, frame, got ''"),
        ("types=ticks", "types must be some of tick, metric, frame, got 'ticks'"),
        ("types=tick,", "types must be some of tick, metric, frame, got ''"),
        ("types=tick, metric", "types must be some of tick, metric, frame, got ' metric'"),
        ("types=tick&types=frame", "types is given 2 times"),
        ("symbol=", "symbol must be 1 to 32 of A-Z a-z 0-9 . _ -, got ''"),
        ("symbol=a/b", "symbol must be 1 to 32 of A-Z a-z 0-9 . _ -, got 'a/b'"),
        ("symbol=.a", "symbol must be 1 to 32 of A-Z a-z 0-9 . _ -, got '.a'"),
        ("symbol=a%00", "symbol must be 1 to 32 of A-Z a-z 0-9 . _ -, got 'a\\x00'"),
        ("symbol=a%0A", "symbol must be 1 to 32 of A-Z a-z 0-9 . _ -, got 'a\\n'"),
    ],
)
def test_a_bad_parameter_is_said_with_what_came(text: str, detail: str) -> None:
    with pytest.raises(StreamError) as refused:
        parse_request(query(text))
    assert (refused.value.code, refused.value.close, refused.value.detail) == ("bad_parameter", 4400, detail)


@pytest.mark.parametrize("text", ["symbol=" + "A" * 33, "types=" + "x" * 5000, "nonsense=1", "é=é", "=", "y" * 9000])
def test_a_refusal_stays_short_whatever_came(text: str) -> None:
    with pytest.raises(StreamError) as refused:
        parse_request(query(text))
    assert refused.value.code == "bad_parameter"
    assert len(refused.value.detail) < 300
