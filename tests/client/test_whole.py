"""Whole numbers of any type, and nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from marketcamera.whole import span, whole


@pytest.mark.parametrize("value", [7, np.int64(7), np.uint8(7)])
def test_every_integer_is_one(value: Any) -> None:
    number = whole("t", value, 7)
    assert (type(number), number) == (int, 7)
    assert span(value, None) == (7, None)
    assert span(0, value) == (0, 7)


@pytest.mark.parametrize("value", ["7", 7.0, np.float64(7), True, None, 6])
def test_nothing_else_is(value: Any) -> None:
    with pytest.raises(ValueError, match="t must be an integer of at least 7, got "):
        whole("t", value, 7)


def test_a_range_does_not_end_before_it_begins() -> None:
    assert span(5, 5) == (5, 5)
    with pytest.raises(ValueError, match="got 5 and 4"):
        span(5, 4)
