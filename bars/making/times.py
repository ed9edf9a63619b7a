"""Times in the forms that clients send: milliseconds, or ISO 8601."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from runtime.shown import shown

_MILLISECONDS = re.compile(r"-?[0-9]{1,16}", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_ms(text: str) -> int:
    """Milliseconds since 1970 from a number of them, or from an ISO 8601 time, which is UTC by default.

    A space before the offset is a plus that was not quoted in a URL. Raises ValueError.
    """
    if _MILLISECONDS.fullmatch(text):
        return int(text)
    if "T" in text:
        text = text.replace(" ", "+")
    try:
        time = datetime.fromisoformat(text)
        if time.tzinfo is None:
            time = time.replace(tzinfo=UTC)
        return (time - _EPOCH) // timedelta(milliseconds=1)
    except (ValueError, OverflowError):
        raise ValueError(f"must be milliseconds or a time by ISO 8601, got {shown(text)}") from None
