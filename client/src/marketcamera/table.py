"""The table of bars that strategies compute with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from marketcamera.bars import Bar
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


def bar_table(bars: Sequence[Bar], fields: Iterable[str] = FIELDS) -> pandas.DataFrame:
    """A row a bar: float64 columns on a DatetimeIndex of close times, named `close_time`, in UTC, to the nanosecond.

    Raises MarketCameraError for a time that pandas cannot hold (its years are 1678 to 2261).
    """
    import pandas as pd

    times = [bar.close_time for bar in bars]
    try:
        index = pd.DatetimeIndex(pd.to_datetime(times, unit="ms", utc=True), name="close_time").as_unit("ns")
    except (ValueError, OverflowError):
        far = max(times, key=abs)
        raise MarketCameraError(f"a bar closes at {far} ms, which is no time that pandas can hold") from None
    columns = {name: [getattr(bar, name) for bar in bars] for name in fields}
    return pd.DataFrame(columns, index=index, dtype="float64")
