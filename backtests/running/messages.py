"""Messages on the channel `backtest_progress`, as the bus takes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from backtests.engine.progress import Span, progress_of
from backtests.engine.recorded_bars import span_between
from backtests.models import Backtest

CHANNEL = "backtest_progress"

#: Where messages go: the bus, or the pipe to whoever has one.
Tell = Callable[[dict[str, Any]], object]


def message(backtest: Backtest, span: Span, at_ms: int, seconds: float, *, over: bool) -> dict[str, Any]:
    """The progress of a backtest: bars up to `at_ms` were played in this many seconds."""
    return {
        "channel": CHANNEL,
        "backtest_id": backtest.backtest_id,
        "symbol": backtest.symbol,
        "data": progress_of(span, at_ms, seconds, over=over),
    }


def last_message(backtest: Backtest) -> dict[str, Any]:
    """The last message of a backtest that no worker runs any more, from its row. Raises django.db.Error."""
    asked = (backtest.from_ms, backtest.to_ms)
    span = span_between(backtest.symbol, backtest.resolution, *asked) or Span(*asked)
    at_ms = span.first_ms + int(backtest.progress * (span.last_ms - span.first_ms))
    return message(backtest, span, at_ms, 0.0, over=True)
