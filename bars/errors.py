"""The errors of bars: each takes facts and writes the sentence."""

from __future__ import annotations

from recorder.errors import RecorderError


class BarsError(RecorderError):
    """The base class of all errors of a market's bars."""


class BarsStopped(BarsError):
    """No further bars are stored: the keeper was closed, or a tick made it impossible to continue."""

    def __init__(self, symbol: str, cause: BaseException | None = None) -> None:
        why = "they were closed" if cause is None else f"a tick failed of {type(cause).__name__}: {cause}"
        super().__init__(f"the bars of {symbol} are kept no more: {why}")
