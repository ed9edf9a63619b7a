"""The table of bars that strategies compute with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from marketcamera.bars.bar import Bar
from marketcamera.errors import MarketCameraError

if TYPE_CHECKING:
    import pandas

FIELDS = ("open", "high", "low", "close", "volume")


def chosen_fields(fields: str | Iterable[str] | None) -> list[str]:
    """The columns asked for, in that order. Raises ValueError."""
    if fields is None:
        return list(FIELDS)
    chosen = [fields] if isinstance(fields, str) else list(fields)
    if not chosen or set(chosen) - set(FIELDS) or len(set(chosen)) != len(chosen):
        raise ValueError(f"fields must be some of {', '.join(FIELDS)}, each once, got {fields!r}")
    return chosen


def chosen_zone(zone: str | tzinfo | None) -> tzinfo | None:
    """The zone that is meant. Raises ValueError."""
    if zone is None or isinstance(zone, tzinfo):
        return zone
    try:
        return UTC if zone == "UTC" else ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):  # OSError: a folder of the zones' database
        raise ValueError(f"tz must be the name of a time zone, or None for UTC without one, got {zone!r}") from None


def bar_table(bars: Sequence[Bar], fields: Iterable[str] = FIELDS, zone: tzinfo | None = UTC) -> pandas.DataFrame:
    """A row a bar: float64 columns on a DatetimeIndex of close times, named `close_time`, to the nanosecond.

    Times are in the zone; without one they are UTC, and do not say so.
    Raises MarketCameraError for a time that pandas cannot hold (its years are 1678 to 2261).
    """
    import pandas as pd

    times = [bar.close_time for bar in bars]
    try:
        index = pd.DatetimeIndex(pd.to_datetime(times, unit="ms", utc=True), name="close_time").as_unit("ns")
        index = index if zone is UTC else index.tz_convert(zone)
    except (ValueError, OverflowError):
        far = max(times, key=abs)
        raise MarketCameraError(f"a bar closes at {far} ms, which is no time that pandas can hold") from None
    columns = {name: [getattr(bar, name) for bar in bars] for name in fields}
    return pd.DataFrame(columns, index=index, dtype="float64")
