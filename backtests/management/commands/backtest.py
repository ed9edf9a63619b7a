"""`manage.py backtest`: plays recorded bars through a strategy, with a progress bar, and shows what came of it."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import partial
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.db import Error as DatabaseError

from backtests.bar import iso
from backtests.catalog import strategies_in
from backtests.engine.engine import DEFAULT_CASH, DEFAULT_FEE
from backtests.engine.progress import Span
from backtests.engine.recorded_bars import check_bars, whole_span
from backtests.errors import BacktestError
from backtests.models import DONE, Backtest, new_id
from backtests.request import DEFAULT_RESOLUTION, LATEST_MS, asked
from backtests.running import lifecycle, run_backtest
from components import system_bus
from runtime import commands
from runtime.db_threads import START_SECONDS, persistently
from runtime.progress import Progress

_TRADES_SHOWN = 10

#: Ctrl-C waits so long for a database that is unavailable; the backtest then counts as failed, its worker is silent.
_CANCEL_SECONDS = 5.0


class Command(commands.Command):
    help = "Plays recorded bars through a strategy. Everything recorded of the market, if no range is given."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("strategy", help=f"one of those in {', '.join(settings.CONFIG.strategies)} (IG_STRATEGIES)")
        parser.add_argument("--symbol", default=settings.CONFIG.symbol, help="the market (IG_SYMBOL)")
        parser.add_argument("--resolution", default=DEFAULT_RESOLUTION, help="of the bars (default: %(default)s)")
        parser.add_argument("--from", help="epoch milliseconds or ISO 8601 (default: the first bar)")
        parser.add_argument("--to", help="epoch milliseconds or ISO 8601 (default: the last bar)")
        parser.add_argument("--cash", type=float, default=DEFAULT_CASH, help="to begin with (default: %(default)g)")
        parser.add_argument("--fee", type=float, default=DEFAULT_FEE, help="part of a trade's value (%(default)g)")
        parser.add_argument(
            "--param", action="append", default=[], metavar="NAME=VALUE", help="a parameter of the strategy"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            backtest_id = new_id()
            claim = partial(_claimed, backtest_id, options)
            backtest, span = persistently(claim, backtest_id, seconds=START_SECONDS)
            self._run(backtest, span)
            persistently(backtest.refresh_from_db, f"what came of {backtest}")
        except BacktestError as error:
            raise CommandError(str(error)) from error
        except DatabaseError as error:
            raise CommandError(f"the database cannot be used (has `manage.py migrate` been run?): {error}") from error
        if backtest.status != DONE:
            raise CommandError(f"{backtest.backtest_id} {backtest.status}: {backtest.error or 'by somebody else'}")
        self.stdout.write(table_of(backtest))

    def _run(self, backtest: Backtest, span: Span) -> None:
        with Progress((span.last_ms - span.first_ms) // 1000, "market seconds") as progress:
            try:
                run_backtest.run_claimed(
                    backtest,
                    system_bus.publish,
                    on_bar=lambda bar: progress.at((bar.close_time - span.first_ms) // 1000),
                )
            except KeyboardInterrupt:
                what = f"the cancellation of {backtest}"
                persistently(lambda: lifecycle.cancel(backtest.backtest_id), what, seconds=_CANCEL_SECONDS)


def _claimed(backtest_id: str, options: dict[str, Any]) -> tuple[Backtest, Span]:
    """The backtest that is asked for, running, and the span of its bars. Raises BacktestError, django.db.Error."""
    fields = {name: options[name] for name in ("strategy", "symbol", "resolution", "from", "to", "cash", "fee")}
    whole = whole_span(fields["symbol"]) or Span(0, LATEST_MS)  # without bars the check of them says why
    fields["from"] = whole.first_ms if fields["from"] is None else fields["from"]
    fields["to"] = whole.last_ms if fields["to"] is None else fields["to"]
    fields["params"] = dict(_param(text) for text in options["param"])
    wanted = asked(fields, strategies_in(settings.CONFIG.strategies), settings.CONFIG.symbol)
    span = check_bars(wanted)
    return lifecycle.create_running(backtest_id, **asdict(wanted)), span


def _param(text: str) -> tuple[str, Any]:
    """NAME=VALUE; a value that is no JSON is a text. Raises CommandError."""
    name, equals, value = text.partition("=")
    if not equals:
        raise CommandError(f"--param must be NAME=VALUE, got {text!r}")
    try:
        return name, json.loads(value)
    except (ValueError, RecursionError):
        return name, value


def table_of(backtest: Backtest) -> str:
    """Figures and last trades of a backtest that is done."""
    result: Any = backtest.result
    value = result["equity"][-1][1]
    figures = [
        ("backtest", backtest.backtest_id),
        ("strategy", " ".join([backtest.strategy, *(f"{name}={one}" for name, one in backtest.params.items())])),
        ("bars", f"{result['bars']:,} of {backtest.symbol}, {backtest.resolution}"),
        ("from", iso(result["equity"][0][0])),
        ("to", iso(result["equity"][-1][0])),
        ("value", f"{backtest.cash:,.2f} -> {value:,.2f}"),
        ("return", f"{result['return']:+.2%}"),
        ("max. drawdown", f"{result['max_drawdown']:.2%}"),
        ("Sharpe ratio", f"{result['sharpe']:.2f}"),
        ("exposure", f"{result['exposure']:.2%}"),
        ("trades", f"{result['trades_count']:,}, fees {result['fees']:,.2f}"),
        ("refused", f"{result['refused_count']:,}"),
    ]
    lines = [f"{name:<14}{text}" for name, text in figures]
    if trades := result["trades"][-_TRADES_SHOWN:]:
        lines += ["", f"{'last trades':<22}{'side':<6}{'price':>16}{'size':>16}{'fee':>12}"]
        lines += [
            f"{iso(one['time']):<22}{one['side']:<6}{one['price']:>16,.4f}{one['size']:>16,.6f}{one['fee']:>12,.4f}"
            for one in trades
        ]
    return "\n".join(lines)
