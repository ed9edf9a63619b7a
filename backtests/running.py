"""Running a backtest in this process, from its claim to its result."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db import Error as DatabaseError

from backtests import lifecycle
from backtests.bar import Bar
from backtests.catalog import strategies_in, strategy_named
from backtests.client_prices import recorded_prices
from backtests.engine import Terms, play
from backtests.errors import BacktestError, BadRequest
from backtests.messages import Tell
from backtests.models import Backtest
from backtests.progress import Span
from backtests.recorded import bars_between, span_between
from backtests.strategy import check_parameters
from backtests.watch import Watch

log = logging.getLogger(__name__)


def run(backtest_id: str, tell: Tell, on_start: Callable[[Watch], Any] | None = None, **options: Any) -> None:
    """Run a backtest if it still waits; its row and its messages say what came of it. Raises django.db.Error.

    `on_start` gets the watch over it; `options` are those of `Watch`.
    """
    backtest = lifecycle.claim(backtest_id)
    if backtest is not None:
        run_claimed(backtest, tell, on_start, **options)


def run_claimed(
    backtest: Backtest,
    tell: Tell,
    on_start: Callable[[Watch], Any] | None = None,
    on_bar: Callable[[Bar], Any] | None = None,
    **options: Any,
) -> None:
    """Run a backtest that is this process's own. Raises django.db.Error."""
    asked = (backtest.symbol, backtest.resolution, backtest.from_ms, backtest.to_ms)
    span = span_between(*asked) or Span(backtest.from_ms, backtest.to_ms)
    watch = Watch(backtest, span, tell, **options)
    if on_start is not None:
        on_start(watch)
    watch.start()
    done = False
    try:
        done = _play(backtest, watch, on_bar)
    finally:
        watch.end(done=done)


def _play(backtest: Backtest, watch: Watch, on_bar: Callable[[Bar], Any] | None) -> bool:
    """Whether it was done; if not, its row says why."""

    def at(bar: Bar) -> None:
        watch.at(bar)
        if on_bar is not None:
            on_bar(bar)

    try:
        return lifecycle.finish(backtest.backtest_id, _result(backtest, at))
    except (BacktestError, DatabaseError) as error:
        # A strategy asks the database too, through the client: then it is not the strategy that has failed.
        away = error if isinstance(error, DatabaseError) else error.__cause__
        if isinstance(away, DatabaseError):
            log.error("%s: %s", backtest, away)
            lifecycle.fail(backtest.backtest_id, "the database went away while it ran")
        else:
            lifecycle.fail(backtest.backtest_id, str(error))
    return False


def _result(backtest: Backtest, at: Callable[[Bar], None]) -> dict[str, Any]:
    """Raises BacktestError, django.db.Error."""
    strategy = strategy_named(backtest.strategy, strategies_in(settings.CONFIG.strategies))
    terms = Terms(
        strategy=backtest.strategy,
        symbol=backtest.symbol,
        resolution=backtest.resolution,
        cash=backtest.cash,
        fee=backtest.fee,
        params=check_parameters(strategy, backtest.params),
        begin_ms=backtest.from_ms,
    )
    bars = bars_between(backtest.symbol, backtest.resolution, backtest.from_ms, backtest.to_ms)
    with recorded_prices(backtest.from_ms) as before_bar:
        result = play(strategy, terms, bars, at, before_bar)
    if not result["bars"]:
        raise BadRequest(f"there are no bars of {backtest.symbol} in the range any more")
    return result
