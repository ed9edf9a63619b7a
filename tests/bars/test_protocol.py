"""What a client of the feed may say, and what becomes of everything else."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bars.feed.protocol import Connect, Refused, bar_message, connected, no_symbol, read_message, refusal
from bars.making.ohlcv import Ohlcv
from streaming.protocol import messages_in

ASKED = {"type": "CONNECT", "request_id": "1", "symbols": ["A", "B", "A"], "resolutions": ["1m", "2m", "1s"]}

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=9,
)


def read(token=None, **changes):
    return read_message(json.dumps({**ASKED, **changes}), token)


def text_of(wire):
    ((payload, binary),) = messages_in(wire)
    assert not binary
    return json.loads(payload)


def test_connect_means_symbols_and_resolutions_each_once():
    assert read() == Connect("1", ("A", "B"), ("1m", "1s"), ("2m",), 0)
    assert read(history=7).history == 7
    assert [read(history_end=asked).history_end for asked in (True, False, None)] == [True, False, False]
    assert [read(request_id=given).request_id for given in (5, "", True, 1.5)] == [5, "", None, None]
    assert read(symbols="A,B").symbols == ("A,B",)


def test_the_answer_is_flat_and_names_what_is_left_out():
    assert text_of(connected(read(), {"A": "a" * 32}, ["B"])) == {
        "type": "CONNECTED",
        "request_id": "1",
        "symbols": "A",
        "stores": "a" * 32,
        "resolutions": "1m,1s",
        "unknown_symbols": "B",
        "unknown_resolutions": "2m",
    }
    answer = text_of(connected(read(history_end=True), {"A": None, "B": "b" * 32}, []))
    assert (answer["symbols"], answer["stores"], answer["history_end"]) == ("A,B", "," + "b" * 32, True)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"symbols": []}, "symbols must be a list of names, got []"),
        ({"history_end": 1}, "history_end must be true or false, got 1"),
        ({"symbols": [1]}, "symbols must be a list of names, got […]"),
        ({"symbols": {"A": 1}}, "symbols must be a list of names, got {…}"),
        ({"symbols": None}, "symbols must be a list of names, got None"),
        ({"symbols": [str(i) for i in range(1001)]}, "symbols may hold 1000 names, got 1001"),
        ({"resolutions": ["7m"]}, "resolutions must name some of 1s, 5s, 1m, 5m, 15m, 1h, 4h, 1d, got 7m"),
        ({"history": 1001}, "history must be an integer from 0 to 1000, got 1001"),
        ({"history": True}, "history must be an integer from 0 to 1000, got True"),
    ],
)
def test_a_connect_that_makes_no_sense_is_refused_with_the_reason(changes, message):
    with pytest.raises(Refused) as refused:
        read(**changes)
    assert str(refused.value) == message
    assert text_of(refusal(message)) == {"type": "ERROR", "message": message}


@pytest.mark.parametrize("field", ["symbols", "resolutions", "history"])
def test_however_deep_it_is_nested_it_is_refused_or_ignored(field):
    for depth in range(500, 1100, 3):
        deep = "[" * depth + "1" + "]" * depth
        text = json.dumps({**ASKED, "type": "CONNECT", field: "DEEP"}).replace('"DEEP"', deep)
        try:
            assert read_message(text, None) is None
        except Refused as refused:
            assert str(refused).endswith("got […]")


def test_symbols_that_are_all_unknown_are_named():
    assert str(no_symbol(["NOPE", "x" * 99])) == "there is no market NOPE," + "x" * 59 + "…"


@pytest.mark.parametrize("given", [None, "", "wrong", 5, "Geheim"])
def test_a_wrong_token_is_refused(given):
    with pytest.raises(Refused, match="csrf_token is not the one this server asks for"):
        read(token="geheim", csrf_token=given)


def test_the_right_token_is_taken_and_without_a_setting_any():
    assert read(token="geheim", csrf_token="geheim") is not None
    assert read(csrf_token="whatever") is not None


@given(st.binary() | st.text() | json_values.map(json.dumps) | json_values.map(lambda v: json.dumps({"type": v})))
def test_whatever_is_no_connect_is_ignored(data):
    assert read_message(data, None) is None


@given(st.fixed_dictionaries({}, optional=dict.fromkeys((*ASKED, "history", "history_end", "csrf_token"), json_values)))
def test_a_connect_of_anything_is_understood_or_refused(fields):
    try:
        connect = read_message(json.dumps({**ASKED, **fields, "type": "CONNECT"}), None)
    except Refused as refused:
        assert text_of(refusal(str(refused)))["type"] == "ERROR"
        return
    assert text_of(connected(connect, dict.fromkeys(connect.symbols[:1]), connect.symbols[1:]))["type"] == "CONNECTED"


def test_a_bar_is_flat_with_decimal_texts_and_whole_milliseconds():
    bar = Ohlcv("1m", 60_000, 100.0, 110.0, 90.0, 105.005, 1000.0, 3, None, None, None, None, 0, 9, 120_000)
    assert text_of(bar_message("A", bar)) == {
        "type": "BAR",
        "symbol": "A",
        "timeframe": "1m",
        "open_time": 60_000,
        "close_time": 120_000,
        "open": "100.0",
        "high": "110.0",
        "low": "90.0",
        "close": "105.005",
        "volume": "1000.0",
    }
