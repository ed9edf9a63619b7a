"""The fields of a trade: what is read as what, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from market.trades.trade import TradeError, amount, moment, party, taker

AT = 1_700_000_000.25


@pytest.mark.parametrize(
    "value",
    [
        1_700_000_000.25,
        "1700000000.25",
        Decimal("1700000000.25"),
        1_700_000_000_250,
        "1700000000250",
        1_700_000_000_250_000,
        1_700_000_000_250_000_000,
        "2023-11-14T22:13:20.25Z",
        "2023-11-14 22:13:20.250",
        " 2023-11-14 22:13:20.250 UTC",
        "2023-11-14T23:13:20.25+01:00",
        datetime(2023, 11, 14, 22, 13, 20, 250_000),
        datetime(2023, 11, 14, 22, 13, 20, 250_000, UTC),
        datetime(2023, 11, 15, 0, 13, 20, 250_000, timezone(timedelta(hours=2))),
    ],
)
def test_a_time_is_told_by_its_form_and_size(value: Any) -> None:
    assert moment(value) == AT


@pytest.mark.parametrize(
    "value", ["1700000000999999999", 1_700_000_000_999_999_999, "1700000000.9999999", "2023-11-14T22:13:20.9999999Z"]
)
def test_what_is_finer_than_a_microsecond_is_cut_not_rounded_into_the_next_interval(value: Any) -> None:
    assert moment(value) == 1_700_000_000.999999


@pytest.mark.parametrize("text", ["84133.0", "1700000000.3"])
def test_a_float_means_the_decimal_it_is_written_as(text: str) -> None:
    assert moment("1700000000.3") == moment(1_700_000_000.3) == 1_700_000_000.3
    assert amount(text) == amount(float(text)) == amount(Decimal(text)) == float(text)


@pytest.mark.parametrize(
    ("read", "value"),
    [
        *((moment, v) for v in ("", "soon", None, True, 0, -5, 3e7, "nan", "sNaN", "1e999999", float("inf"), [1])),
        *((amount, v) for v in ("", "1,5", "1_000", "nan", "inf", 0, -1, "-0.0", True, None, 2**54, Decimal("NaN"))),
        *((party, v) for v in ("", "  ", None, 1.5, True, "a\nb", "a\x00", "\ud800", "x" * 129, ["a"])),
        *((taker, v) for v in ("maker", 2, True, 0.5)),
    ],
)
def test_what_no_trade_can_have_is_refused_in_one_sentence(read: Callable[[Any], Any], value: Any) -> None:
    with pytest.raises(TradeError, match=r"\Amust be .*, got .+\Z"):
        read(value)


def test_names_may_be_numbers_of_accounts_and_of_any_script() -> None:
    assert party(17) == "17"
    assert party(" Bäckerei 東京 ") == "Bäckerei 東京"
    assert party("x" * 128) == "x" * 128


@pytest.mark.parametrize(
    ("value", "side"),
    [
        ("buy", "buy"),
        ("B", "buy"),
        (1, "buy"),
        (" Sell", "sell"),
        ("A", "sell"),
        (-1, "sell"),
        ("", None),
        (None, None),
    ],
)
def test_the_side_of_the_taker_has_many_spellings(value: Any, side: str | None) -> None:
    assert taker(value) == side
