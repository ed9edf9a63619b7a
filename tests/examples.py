"""How many examples a property is tried with that costs more than others."""

from __future__ import annotations

from hypothesis import settings


def at_most(count: int) -> int:
    """So many, and fewer where `tests/conftest.py` asks for fewer of all."""
    return min(count, settings.default.max_examples)
