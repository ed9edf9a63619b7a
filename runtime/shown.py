"""External values in the form in which messages show them."""

from __future__ import annotations

MOST_CHARACTERS = 60


def shown(value: object) -> str:
    """A value as an error message shows it, cut short.

    A list or an object that is not empty is only named, because it may be nested deeper than `repr` supports.
    """
    if value and isinstance(value, list | dict):
        return "[…]" if isinstance(value, list) else "{…}"
    return cut(repr(value[: 2 * MOST_CHARACTERS]) if isinstance(value, str) else repr(value))


def cut(text: str) -> str:
    """A text of at most MOST_CHARACTERS."""
    return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 1] + "…"
