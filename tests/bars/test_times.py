"""Times as clients write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bars.making.times import to_ms


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("1769256000123", 1769256000123),
        ("-5", -5),
        ("2026-01-24", 1769212800000),
        ("2026-01-24T12:00:00", 1769256000000),
        ("2026-01-24T12:00:00.250Z", 1769256000250),
        ("2026-01-24T13:00:00+01:00", 1769256000000),
        ("2026-01-24T13:00:00 01:00", 1769256000000),
        ("2026-01-24 12:00:00", 1769256000000),
    ],
)
def test_a_time_is_milliseconds_or_iso_8601(text, ms):
    assert to_ms(text) == ms


@pytest.mark.parametrize("text", ["", "now", "1e5", "2026-13-01", "99999999999999999", "٣"])
def test_anything_else_is_refused_with_what_came(text):
    with pytest.raises(ValueError, match="must be milliseconds or a time by ISO 8601, got ") as refused:
        to_ms(text)
    assert repr(text) in str(refused.value)


@given(st.text())
def test_no_text_breaks_it(text):
    try:
        assert type(to_ms(text)) is int
    except ValueError as error:
        assert "must be milliseconds" in str(error)
