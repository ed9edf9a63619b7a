"""Running a backtest in this process, from its claim to its result."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from django.conf import settings
from django.db import Error as DatabaseError

from backtests.bar import Bar
from backtests.catalog import strategies_in, strategy_named
from backtests.engine.client_prices import recorded_prices
from backtests.engine.engine import Terms, play
from backtests.engine.progress import Span
from backtests.engine.recorded_bars import bars_between, span_between
from backtests.errors import BacktestError, BadRequest, Unwritten
from backtests.models import Backtest
from backtests.running import lifecycle
from backtests.running.messages import Tell
from backtests.running.watch import Watch
from backtests.strategy import check_parameters
from runtime.db_threads import PATIENCE_SECONDS, UNAVAILABLE, persistently

log = logging.getLogger(__name__)


def run(backtest_id: str, tell: Tell, on_start: Callable[[Watch], Any] | None = None, **options: Any) -> None:
    """Run a backtest if it still waits; its row and its messages contain the result. Raises django.db.Error.

    `on_start` receives the watch over it; `options` are those of `Watch`. Each step waits for an unavailable database,
    and no connection is held between steps.
    """
    claim = partial(lifecycle.claim, backtest_id)
    backtest = persistently(claim, f"{backtest_id}: its claim", again=partial(claim, again=True))
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
    found = persistently(lambda: span_between(*asked), f"{backtest}: its span")
    span = found or Span(backtest.from_ms, backtest.to_ms)
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
        result = _result(backtest, watch, at)
        watch.played()
        return _write(backtest, result)
    except Exception as error:
        _fail(backtest, _reason(error, watch))
        if not isinstance(error, (BacktestError, DatabaseError)):
            raise
    return False


def _result(backtest: Backtest, watch: Watch, at: Callable[[Bar], None]) -> dict[str, Any]:
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
    ask = partial(persistently, what=f"{backtest}: its bars", pause=watch.pause)
    bars = bars_between(backtest.symbol, backtest.resolution, backtest.from_ms, backtest.to_ms, ask)
    with recorded_prices(backtest.from_ms, partial(ask, keep_open=True)) as before_bar:
        result = play(strategy, terms, bars, at, before_bar)
    if not result["bars"]:
        raise BadRequest(f"there are no bars of {backtest.symbol} in the range any more")
    return result


def _write(backtest: Backtest, result: dict[str, Any]) -> bool:
    """Write the result; returns False if another process ended the backtest meanwhile. Raises Unwritten."""
    try:
        return persistently(lambda: lifecycle.finish(backtest.backtest_id, result), f"{backtest}: its result")
    except DatabaseError as error:
        figures = {name: value for name, value in result.items() if not isinstance(value, list)}
        log.error("%s: its result could not be written and is lost: %s; %s", backtest, figures, error)
        raise Unwritten(_what_happened(error)) from error


def _fail(backtest: Backtest, reason: str) -> None:
    """Note why it failed; where the database does not take that either, the log has it."""
    try:
        persistently(lambda: lifecycle.fail(backtest.backtest_id, reason), f"{backtest}: its failure")
    except DatabaseError as error:
        log.error("%s failed, and the database does not hear of it: %s; %s", backtest, reason, error)


def _reason(error: Exception, watch: Watch) -> str:
    """Why it failed. A strategy asks the database too, through the client: then it is not the strategy that failed."""
    cause = error if isinstance(error, DatabaseError) else error.__cause__
    if watch.reason is not None:  # whatever it was interrupted at
        return watch.reason
    if isinstance(error, Unwritten) or not isinstance(cause, DatabaseError):
        return str(error) if isinstance(error, BacktestError) else f"{type(error).__name__}: {error}"
    log.error("%s: %s", watch.backtest, cause)
    return f"{_what_happened(cause)} while it ran"


def _what_happened(error: DatabaseError) -> str:
    """The error as clients see it: the database's own words, which are in the log, may name its host."""
    if isinstance(error, UNAVAILABLE):
        return f"the database was unavailable for {PATIENCE_SECONDS:g} s"
    return f"the database refused it ({type(error).__name__})"
