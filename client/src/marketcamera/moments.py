"""Moments in time, in the ways users write them, as milliseconds since 1970 and as seconds."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any


def milliseconds(moment: Any) -> int:
    """From an ISO 8601 text, a date (its midnight), a datetime or pandas Timestamp, or milliseconds as an integer.

    What has no zone is in UTC. Parts of a millisecond are cut off. Raises ValueError.
    """
    if isinstance(moment, bool):
        raise _wrong(moment)
    if isinstance(moment, int):
        return moment
    if isinstance(moment, str):
        moment = _parsed(moment)
    elif isinstance(moment, date) and not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day)
    elif hasattr(moment, "item"):  # NumPy's integers and datetime64
        return milliseconds(_of_numpy(moment))
    if not isinstance(moment, datetime) or moment != moment:  # NaT is not equal to itself
        raise _wrong(moment)
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    seconds = aware.replace(microsecond=0).timestamp()
    return int(seconds) * 1000 + aware.microsecond // 1000


def _parsed(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text.strip())
    except ValueError:
        raise _wrong(text) from None


def _of_numpy(moment: Any) -> Any:
    plain = moment.astype("datetime64[ms]").item() if hasattr(moment, "astype") and moment.dtype.kind == "M" else None
    return moment.item() if plain is None else plain


def _wrong(moment: Any) -> ValueError:
    return ValueError(f"a moment is an ISO 8601 text, a date, a datetime or milliseconds, got {moment!r}")
