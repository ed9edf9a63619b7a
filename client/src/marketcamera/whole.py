"""Whole numbers that a program gives, of any type that is one, as NumPy's integers are."""

from __future__ import annotations

from operator import index
from typing import SupportsIndex


def whole(name: str, value: SupportsIndex, least: int) -> int:
    """The argument `name` as an int. Raises ValueError for what is no integer, or below `least`."""
    try:
        number = least - 1 if isinstance(value, bool) else index(value)
    except TypeError:
        number = least - 1
    if number < least:
        raise ValueError(f"{name} must be an integer of at least {least}, got {value!r}")
    return number


def span(t0: SupportsIndex, t1: SupportsIndex | None) -> tuple[int, int | None]:
    """A range of t, to the end where t1 is None. Raises ValueError."""
    first, last = whole("t0", t0, 0), None if t1 is None else whole("t1", t1, 0)
    if last is not None and last < first:
        raise ValueError(f"t0 must be at least 0 and t1 at least t0, got {first} and {last}")
    return first, last
