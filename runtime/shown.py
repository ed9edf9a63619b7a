"""What came from outside, as a sentence about it shows it."""

from __future__ import annotations

MOST_CHARACTERS = 60


def shown(value: object) -> str:
    """A value as an error shows it, cut short; of a list or an object with anything in it only that it is one, since it
    may be nested deeper than `repr` goes."""
    if value and isinstance(value, list | dict):
        return "[…]" if isinstance(value, list) else "{…}"
    return cut(repr(value[: 2 * MOST_CHARACTERS]) if isinstance(value, str) else repr(value))


def cut(text: str) -> str:
    """A text of at most MOST_CHARACTERS."""
    return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 1] + "…"
