"""What clients may say, and how it is understood."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from api_socket.errors import SubscribeError
from api_socket.protocol import (
    CHANNELS,
    MOST_MESSAGE_BYTES,
    Ping,
    Subscribe,
    Topic,
    Unsubscribe,
    error,
    parse,
    pong,
    subscribed,
    unsubscribed,
)
from streaming.protocol import messages_in

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
)


def refusal(payload: str | bytes) -> tuple[str, str]:
    with pytest.raises(SubscribeError) as refused:
        parse(payload)
    return refused.value.code, refused.value.detail


def content(wire: bytes) -> Any:
    ((payload, binary),) = messages_in(wire)
    assert not binary
    return json.loads(payload)


@pytest.mark.parametrize("channel", CHANNELS)
def test_every_channel_can_be_subscribed_to(channel: str) -> None:
    text = json.dumps({"type": "subscribe", "channel": channel, "symbol": "0700.HK", "params": {}})
    assert parse(text) == Subscribe(Topic(channel, "0700.HK"))


@pytest.mark.parametrize("more", ["", ',"symbol":null', ',"params":null,"symbol":null', ',"unknown":[1]'])
def test_without_a_symbol_all_are_meant(more: str) -> None:
    assert parse('{"type":"subscribe","channel":"alerts"' + more + "}") == Subscribe(Topic("alerts"))


def test_unsubscribe_and_ping_are_understood_as_text_and_as_bytes() -> None:
    assert parse('{"type":"unsubscribe","channel":"alerts"}') == Unsubscribe(Topic("alerts"))
    assert parse(b'{"type":"ping","timestamp":1701234567.89}') == Ping(1701234567.89)
    assert parse('{"type":"ping"}') == Ping(None)


def test_the_answers_are_those_of_the_contract() -> None:
    topic = Topic("market_data", "IG-USD")
    answer = {"channel": "market_data", "symbol": "IG-USD", "data": {}}
    assert content(subscribed(topic)) == {"type": "subscribed", **answer}
    assert content(unsubscribed(topic)) == {"type": "unsubscribed", **answer}
    assert content(subscribed(Topic("alerts")))["symbol"] is None
    assert content(pong(Ping(1701234567.89))) == {"type": "pong", "timestamp": 1701234567.89}


@pytest.mark.parametrize("payload", ["", "x", "ping", "{", '{"type":', "[1]", "null", "5", '"subscribe"', b"\xff\xfe"])
def test_what_is_no_json_object_is_refused(payload: str | bytes) -> None:
    assert refusal(payload) == ("invalid_message_format", "消息必须是有效的JSON格式")


def test_an_unknown_type_is_refused_by_name() -> None:
    assert refusal('{"type":"unknown_type"}') == ("unsupported_message_type", "不支持的消息类型: unknown_type")
    assert refusal("{}") == ("unsupported_message_type", "不支持的消息类型: null")
    assert refusal('{"type":["subscribe"]}') == ("unsupported_message_type", "不支持的消息类型: […]")


@pytest.mark.parametrize("channel", ['"prices"', '""', "null", "5", '["alerts"]', '{"a":1}', '"Alerts"'])
def test_an_unknown_channel_is_refused(channel: str) -> None:
    code, detail = refusal('{"type":"subscribe","channel":' + channel + "}")
    assert (code, detail[:6]) == ("unknown_channel", "未知的频道:")
    assert refusal('{"type":"unsubscribe"}')[0] == "unknown_channel"


@pytest.mark.parametrize("symbol", ['""', '"../x"', "5", "[]", "true", '"' + "A" * 33 + '"', '"腾讯"', '"A\\n"'])
def test_a_symbol_that_cannot_be_one_is_refused(symbol: str) -> None:
    assert refusal('{"type":"subscribe","channel":"alerts","symbol":' + symbol + "}")[0] == "unknown_symbol"


def test_params_and_timestamp_have_their_types() -> None:
    assert refusal('{"type":"subscribe","channel":"alerts","params":[]}')[0] == "invalid_message_format"
    deep = "[" * 500 + "]" * 500
    assert refusal('{"type":"ping","timestamp":' + deep + "}")[0] == "invalid_message_format"
    assert refusal('{"type":"ping","timestamp":true}')[0] == "invalid_message_format"


def test_a_message_that_is_too_long_ends_the_connection() -> None:
    with pytest.raises(SubscribeError) as refused:
        parse(" " * (MOST_MESSAGE_BYTES + 1))
    assert (refused.value.code, refused.value.close) == ("message_too_large", 1009)


@given(st.text() | st.binary() | JSON.map(json.dumps))
@example('{"type":' + "[" * 5000 + "]" * 5000 + "}")
@example('{"type":"\\ud800"}')
def test_whatever_comes_is_understood_or_refused_with_an_answer(payload: str | bytes) -> None:
    assert_answered(payload)


@given(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["subscribe", "unsubscribe", "ping"]) | JSON},
        optional={
            "channel": st.sampled_from(CHANNELS) | JSON,
            "symbol": st.sampled_from(["IG-USD"]) | JSON,
            "params": JSON,
            "timestamp": JSON,
        },
    )
)
def test_so_is_whatever_looks_much_like_a_message(message: dict[str, Any]) -> None:
    assert_answered(json.dumps(message))


def assert_answered(payload: str | bytes) -> None:
    try:
        command = parse(payload)
    except SubscribeError as refused:
        answer = content(error(refused))
        assert answer.keys() == {"type", "error", "detail"}
        assert 0 < len(answer["detail"]) < 120
    else:
        assert content(pong(command) if isinstance(command, Ping) else subscribed(command.topic))["type"]
