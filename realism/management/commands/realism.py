"""`manage.py realism`: the stylised facts of a market's returns, beside those of real markets."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import Error as DatabaseError

from realism.card import card_of
from realism.facts_table import table_of
from recorder.management.command_options import add_symbol, markets, tick_number
from runtime import commands
from runtime.db_threads import START_SECONDS, persistently


class Command(commands.Command):
    help = "Prints what the recorded bars of a market show of the stylised facts of returns."

    def add_arguments(self, parser: CommandParser) -> None:
        add_symbol(parser)
        parser.add_argument("--t0", type=tick_number, help="the first tick (the recording's first if not given)")
        parser.add_argument("--t1", type=tick_number, help="the last tick (the recording's last if not given)")

    def handle(self, *args: Any, **options: Any) -> None:
        t0, t1 = options["t0"], options["t1"]
        if t0 is not None and t1 is not None and t1 < t0:
            raise CommandError(f"--t1 must not be before --t0, got {t0} and {t1}")
        try:
            for market in persistently(lambda: markets(options["symbol"]), "the markets", seconds=START_SECONDS):
                card = card_of(market.symbol, t0, t1)
                for span in card.spans:
                    ticks = f", t={span.t0:,}..{span.t1:,}" if span.bars else ""
                    self.stdout.write(f"{market} {span.horizon}: {span.bars:,} bars{ticks}")
                self.stdout.write("\n".join(table_of(card.findings)))
        except DatabaseError as error:
            raise CommandError(f"the database cannot be used: {error}") from error
