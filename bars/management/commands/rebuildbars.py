"""`manage.py rebuildbars`: the bars of a market made again from its tape."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import Error as DatabaseError

from bars.making.rebuild import Rebuild
from market.tick import MarketError
from recorder.errors import RecorderError
from recorder.management.command_options import add_symbol, markets
from recorder.models import Market
from recorder.store.store_paths import directory_of, is_here, locked
from recorder.tape.history import History
from runtime import commands
from runtime.db_threads import START_SECONDS, persistently
from runtime.progress import Progress


class Command(commands.Command):
    help = (
        "Makes every bar again whose ticks are on the tape. Bars of ticks that a clean-up removed stay. The market must"
        " not be running."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_symbol(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            for market in persistently(lambda: markets(options["symbol"]), "the markets", seconds=START_SECONDS):
                self._rebuild(market)
        except DatabaseError as error:
            raise CommandError(f"the database cannot be used: {error}") from error
        except (MarketError, RecorderError, OSError) as error:
            raise CommandError(str(error)) from error

    def _rebuild(self, market: Market) -> None:
        if not is_here(market.symbol):
            self.stdout.write(f"{market}: nothing is recorded")
            return
        directory = directory_of(market.symbol)
        with locked(directory, market.symbol):
            history = History(market.symbol, directory)
            first_t, last_t = history.first_t() or 0, history.last_t()
            with Progress(0 if last_t is None else last_t - first_t + 1, "ticks") as progress:
                rebuild = Rebuild(market, history, lambda t: progress.at(t - first_t + 1))
                rebuild.run()
        self.stdout.write(f"{market}: {rebuild.bars:,} bars of {rebuild.ticks:,} ticks")
