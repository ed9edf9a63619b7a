"""Numbers as the feed writes them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bars.making.ohlcv import decimal_text


@pytest.mark.parametrize(
    ("number", "text"),
    [(100.0, "100.0"), (0.000001, "0.000001"), (1e22, "10000000000000000000000.0"), (49000.005, "49000.005")],
)
def test_a_number_is_written_without_an_exponent(number, text):
    assert decimal_text(number) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_reads_as_itself_again(number):
    text = decimal_text(number)
    assert float(text) == number
    assert "e" not in text.lower()
    assert "." in text
    assert Decimal(text).is_finite()
