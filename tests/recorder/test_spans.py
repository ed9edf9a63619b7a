"""Spans of t."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from recorder.spans import Span, meets, merged, without

SPANS = st.tuples(st.integers(0, 40), st.integers(0, 5)).map(lambda one: (one[0], one[0] + one[1]))


@given(SPANS, st.lists(SPANS, max_size=8))
def test_a_span_meets_others_where_without_them_something_of_it_is_missing(span: Span, others: list[Span]) -> None:
    assert meets(span, merged(others)) is (without(span, others) != [span])
