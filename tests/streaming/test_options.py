"""What a stream client may choose, and what is said to a query that cannot be served."""

from __future__ import annotations

from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming.options import Options, parse_request
from streaming.protocol import StreamError

LARGEST = 2**53 - 1


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


def test_by_default_nothing_is_left_out_and_nothing_was_missed() -> None:
    request = parse_request({})
    assert request.since is None
    assert request.options == Options(every=1, batch=0, fields=None, encoding="json")


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("every=10", "every", 10),
        ("batch=1", "batch", 1),
        ("batch=1000", "batch", 1000),
        ("fields=agents", "fields", {"agents"}),
        ("fields=matches,agents", "fields", {"agents", "matches"}),
        ("fields=", "fields", set()),
        ("fields=agents,actions,matches", "fields", None),
        ("encoding=json", "encoding", "json"),
        ("encoding=zstd", "encoding", "zstd"),
    ],
)
def test_a_choice_is_taken(text: str, name: str, value: object) -> None:
    assert getattr(parse_request(query(text)).options, name) == value


@pytest.mark.parametrize("since", [-1, 0, 12345, LARGEST])
def test_a_client_says_where_it_was(since: int) -> None:
    request = parse_request(query(f"since={since}"))
    assert request.since == since
    assert request.options == Options(), "where a client was is no option: all share what comes"


def test_a_client_says_which_recording_it_knows() -> None:
    assert parse_request(query("since=5")).store is None
    assert parse_request(query(f"since=5&store={'a1' * 16}")).store == "a1" * 16
    assert parse_request(query(f"store={'a1' * 16}")).store is None, "without a position it says nothing"


@pytest.mark.parametrize("text", ["", "a" * 31, "a" * 33, "A" * 32, "g" * 32, "%0a" + "a" * 31])
def test_an_id_that_no_store_has_is_a_bad_parameter(text: str) -> None:
    for before in ("", "since=5&"):
        with pytest.raises(StreamError, match="store must be 32 lower-case hexadecimal digits") as caught:
            parse_request(query(f"{before}store={text}"))
        assert (caught.value.code, caught.value.close) == ("bad_parameter", 4400)


def test_of_ticks_and_metrics_every_nth_is_taken_and_every_frame() -> None:
    options = parse_request(query("every=10&types=tick,frame")).options
    assert [t for t in range(31) if options.takes("tick", t)] == [0, 10, 20, 30]
    assert all(options.takes("frame", t) for t in range(31))
    assert not any(options.takes("metric", t) for t in range(31))


@pytest.mark.parametrize("symbol", ["A", "0700.HK", "IG-USD", "a_b", "Z" * 32])
def test_a_symbol_is_taken(symbol: str) -> None:
    assert parse_request({"symbol": [symbol]}).symbol == symbol


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("every=0", "every must be from 1 to 1000000000, got 0"),
        ("every=", "every must be an integer, got ''"),
        ("every=1.0", "every must be an integer, got '1.0'"),
        ("batch=0", "batch must be from 1 to 1000, got 0"),
        ("batch=1001", "batch must be from 1 to 1000, got 1001"),
        ("batch=-1", "batch must be from 1 to 1000, got -1"),
        ("since=-2", "since must be from -1 to 9007199254740991, got -2"),
        ("since=9007199254740992", "since must be from -1 to 9007199254740991, got 9007199254740992"),
        ("since=last", "since must be an integer, got 'last'"),
        ("since=%D9%A1", "since must be an integer, got '١'"),
        ("fields=price", "fields must be some of agents, actions, matches, got 'price'"),
        ("fields=agents,", "fields must be some of agents, actions, matches, got ''"),
        ("encoding=", "encoding must be one of json, zstd, got ''"),
        ("encoding=gzip", "encoding must be one of json, zstd, got 'gzip'"),
        ("types=", "types must be some of frame, metric, tick, got ''"),
        ("types=ticks", "types must be some of frame, metric, tick, got 'ticks'"),
        ("types=tick,", "types must be some of frame, metric, tick, got ''"),
        ("types=tick, metric", "types must be some of frame, metric, tick, got ' metric'"),
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


@given(st.dictionaries(st.sampled_from(["types", "every", "batch", "fields", "since", "encoding", "symbol", "x"]),
                       st.lists(st.text(max_size=40), min_size=1, max_size=2)))  # fmt: skip
def test_whatever_comes_is_a_request_or_a_refusal(given_query: dict[str, list[str]]) -> None:
    try:
        request = parse_request(given_query)
    except StreamError as refused:
        assert refused.close == 4400
    else:
        assert request.options.types
        assert request.options.every >= 1


@pytest.mark.parametrize(
    "text",
    [
        "since=" + "9" * 5000,
        "every=" + "1" * 5000,
        "symbol=" + "A" * 33,
        "types=" + "x" * 5000,
        "nonsense=1",
        "é=é",
        "=",
        "y" * 9000,
    ],
)
def test_a_refusal_stays_short_whatever_came(text: str) -> None:
    with pytest.raises(StreamError) as refused:
        parse_request(query(text))
    assert refused.value.code == "bad_parameter"
    assert len(refused.value.detail) < 300


def test_who_names_no_types_gets_those_of_the_server() -> None:
    assert parse_request({}, ("tick",)).options == Options(types=frozenset({"tick"}))
    assert parse_request(query("since=5"), ("tick",)).options.types == {"tick"}
    assert parse_request(query("types=frame,metric"), ("tick",)).options.types == {"frame", "metric"}
    assert parse_request({}, ("frame", "tick", "metric")).options == Options()
