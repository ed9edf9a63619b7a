"""What can go wrong with bars: each error takes facts and writes the sentence."""

from __future__ import annotations

from recorder.errors import RecorderError


class BarsError(RecorderError):
    """Base of everything that can go wrong with a market's bars."""


class BarsStopped(BarsError):
    """No bars are kept any more: they were closed, or could not be made of a tick, whatever that failed of."""

    def __init__(self, symbol: str, cause: BaseException | None = None) -> None:
        why = "they were closed" if cause is None else f"a tick failed of {type(cause).__name__}: {cause}"
        super().__init__(f"the bars of {symbol} are kept no more: {why}")
