"""What goes over the stream: framing, control messages and pings."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from streaming.protocol import (
    KINDS,
    Moment,
    control,
    error,
    gap,
    is_ping,
    messages_in,
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
    [None, "", "Ping", "pingping", '"ping"', "{}", "[]", "null", '{"type":"pong"}', '{"type":["ping"]}', "{", "NaN",
     "ping" + " " * 200],
)  # fmt: skip
def test_whatever_else_is_said_is_no_ping(text: str | None) -> None:
    assert not is_ping(text)


@given(st.text(max_size=250))
def test_no_text_upsets_it(text: str) -> None:
    assert is_ping(text) in (True, False)
