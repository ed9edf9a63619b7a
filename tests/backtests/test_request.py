"""What a client may ask for, and what it hears when it may not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtests.catalog import strategies_in
from backtests.errors import BadRequest
from backtests.request import Asked, asked, read

STRATEGIES = strategies_in(["backtests.strategies"])
LEAST = {"strategy": "ma_cross", "from": 0, "to": 1000}


def refusal(**changes: Any) -> str:
    with pytest.raises(BadRequest) as refused:
        asked({**LEAST, **changes}, STRATEGIES, "IG-USD")
    return str(refused.value)


def test_everything_but_strategy_and_range_has_a_default() -> None:
    expected = Asked("ma_cross", "IG-USD", "1m", 0, 1000, 100_000.0, 0.0005, {"fast": 10, "slow": 30})
    assert asked(LEAST, STRATEGIES, "IG-USD") == expected
    nulls = dict.fromkeys(("symbol", "resolution", "cash", "fee", "params"))
    assert asked({**LEAST, **nulls, "further": 1}, STRATEGIES, "IG-USD") == expected


@pytest.mark.parametrize(
    ("value", "ms"),
    [
        (1_767_571_200_000, 1_767_571_200_000),
        (1_767_571_200_000.0, 1_767_571_200_000),
        ("1767571200000", 1_767_571_200_000),
        ("2026-01-05", 1_767_571_200_000),
        ("2026-01-05T00:00:00Z", 1_767_571_200_000),
        ("2026-01-05T02:00:00.250+02:00", 1_767_571_200_250),
    ],
)
def test_times_come_as_milliseconds_or_iso_8601(value: Any, ms: int) -> None:
    assert asked({**LEAST, "to": value}, STRATEGIES, "IG-USD").to_ms == ms


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"strategy": None}, "strategy is missing; it must be one of buy_and_hold, ma_cross"),
        ({"strategy": "best"}, "strategy must be one of buy_and_hold, ma_cross, got 'best'"),
        ({"strategy": ["ma_cross"]}, "strategy must be one of buy_and_hold, ma_cross, got […]"),
        ({"strategy": {"name": "ma_cross"}}, "strategy must be one of buy_and_hold, ma_cross, got {…}"),
        ({"symbol": "../x"}, "symbol must be 1 to 32 of A-Z a-z 0-9 . _ -, got '../x'"),
        ({"symbol": 7}, "symbol must be 1 to 32 of A-Z a-z 0-9 . _ -, got 7"),
        ({"resolution": "2m"}, "resolution must be one of 1s, 5s, 1m, 5m, 15m, 1h, 4h, 1d, got '2m'"),
        ({"resolution": {}}, "resolution must be one of 1s, 5s, 1m, 5m, 15m, 1h, 4h, 1d, got {}"),
        ({"from": None}, "from is missing; it must be epoch milliseconds or an ISO 8601 time"),
        ({"to": "soon"}, "to must be epoch milliseconds or an ISO 8601 time, got 'soon'"),
        ({"to": "2026-13-01"}, "to must be epoch milliseconds or an ISO 8601 time, got '2026-13-01'"),
        ({"to": True}, "to must be epoch milliseconds or an ISO 8601 time, got True"),
        ({"to": 1.5}, "to must be epoch milliseconds or an ISO 8601 time, got 1.5"),
        ({"to": float("inf")}, "to must be epoch milliseconds or an ISO 8601 time, got inf"),
        ({"from": -1}, "from must lie in the years 1970 to 9999, got -1"),
        ({"to": 10**18}, "to must lie in the years 1970 to 9999, got 1000000000000000000"),
        ({"from": 1000}, "from must be before to, got from=1000 and to=1000"),
        ({"from": 2000}, "from must be before to, got from=2000 and to=1000"),
        ({"cash": float("nan")}, "cash must be a finite number, got nan"),
        ({"cash": "100"}, "cash must be a finite number, got '100'"),
        ({"cash": True}, "cash must be a finite number, got True"),
        ({"cash": 0}, "cash must be above 0 and at most 1e+15, got 0"),
        ({"cash": 1e16}, "cash must be above 0 and at most 1e+15, got 1e+16"),
        ({"fee": float("-inf")}, "fee must be a finite number, got -inf"),
        ({"fee": 1}, "fee must be from 0 to below 1, as a part of a trade's value, got 1"),
        ({"fee": -0.1}, "fee must be from 0 to below 1, as a part of a trade's value, got -0.1"),
        ({"params": []}, "params must be an object, got []"),
        ({"params": {"fast": "5"}}, "params.fast must be an integer, got '5'"),
    ],
)
def test_a_wrong_field_is_refused_with_what_came(changes: dict[str, Any], said: str) -> None:
    assert refusal(**changes) == said


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000, b"1" * 5000, b'{"a":' * 50_000])
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest, match=r"^the body must be a JSON object"):
        read(body, STRATEGIES, "IG-USD")


@pytest.mark.parametrize("body", [b"[]", b"null", b"7", b'"x"', b"NaN"])
def test_json_that_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest, match=r"^the body must be a JSON object, got "):
        read(body, STRATEGIES, "IG-USD")


@pytest.mark.parametrize("opening", ["[", '{"a":'])
@pytest.mark.parametrize("field", ["strategy", "symbol", "from", "cash", "params", None])
def test_however_deep_it_is_nested_it_is_refused(field: str | None, opening: str) -> None:
    closing = "]" if opening == "[" else "}"
    for depth in range(800, 1100):
        deep = opening * depth + "1" + closing * depth
        body = deep if field is None else json.dumps({**LEAST, field: "DEEP"}).replace('"DEEP"', deep)
        with pytest.raises(BadRequest):
            read(body.encode(), STRATEGIES, "IG-USD")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.dictionaries(
        st.sampled_from(["strategy", "symbol", "resolution", "from", "to", "cash", "fee", "params"]),
        JSON | st.sampled_from(["ma_cross", "1m", "2026-01-01", 5, {"fast": 3}]),
    )
)
def test_whatever_comes_is_taken_or_refused_with_a_sentence(fields: dict[str, Any]) -> None:
    try:
        assert isinstance(read(json.dumps(fields).encode(), STRATEGIES, "IG-USD"), Asked)
    except BadRequest as refused:
        assert 10 < len(str(refused)) < 300
