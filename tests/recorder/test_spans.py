"""Spans of t."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from recorder.spans import Span, meets, merged, near, without

SPANS = st.tuples(st.integers(0, 40), st.integers(0, 5)).map(lambda one: (one[0], one[0] + one[1]))


@given(SPANS, st.lists(SPANS, max_size=8))
def test_a_span_meets_others_where_without_them_something_of_it_is_missing(span: Span, others: list[Span]) -> None:
    assert meets(span, merged(others)) is (without(span, others) != [span])


@given(st.tuples(st.integers(-5, 50), st.integers(-5, 50)), st.lists(SPANS, max_size=12))
def test_without_those_near_it_the_same_of_a_span_is_left_as_without_all(span: Span, others: list[Span]) -> None:
    assert without(span, near(span, merged(others))) == without(span, others)


def test_near_a_span_are_few_of_many() -> None:
    many = [(t, t + 5) for t in range(0, 1_000_000, 10)]
    assert near((500_003, 500_024), many) == [(500_000, 500_005), (500_010, 500_015), (500_020, 500_025)]
    assert near((500_006, 500_009), many) == [(500_000, 500_005)]
    assert (near((-9, -1), many), near((2_000_000, 2_000_001), many)) == ([], [(999_990, 999_995)])
