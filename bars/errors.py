"""What can go wrong with bars: each error takes facts and writes the sentence."""

from __future__ import annotations

from recorder.errors import RecorderError


class BarsError(RecorderError):
    """Base of everything that can go wrong with a market's bars."""


class BarsStopped(BarsError):
    """The thread that keeps bars has ended, so none would be kept any more."""

    def __init__(self, symbol: str, cause: BaseException | None) -> None:
        why = "it was closed" if cause is None else f"it died of {type(cause).__name__}: {cause}"
        super().__init__(f"the bars of {symbol} are kept no more: {why}")
