"""`manage.py digest`: makes the digests that finished segments lack."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import Error as DatabaseError
from django.utils import timezone

from recorder.child import end_with_server
from recorder.digests.making import alone, make_all, make_digests, miss_unrolled, segments_to_do
from recorder.management.command_options import add_symbol, markets
from recorder.models import Market, Segment
from recorder.store.store_paths import directory_of, is_here
from runtime import commands
from runtime.db_threads import START_SECONDS, persistently
from runtime.each import sum_of_each
from runtime.progress import Progress


class Command(commands.Command):
    help = "Makes the digests that finished segments lack, from which the overview of a recording is drawn."

    def add_arguments(self, parser: CommandParser) -> None:
        add_symbol(parser)
        parser.add_argument("--all", action="store_true", help="make all digests anew, also those that are there")
        parser.add_argument(
            "--for-server",
            action="store_true",
            help="say nothing, and end with the standard input",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["for_server"]:
            end_with_server()
        try:
            chosen = persistently(lambda: markets(options["symbol"]), "the markets", seconds=START_SECONDS)
            left = sum_of_each(chosen, partial(self._digest, anew=options["all"], quiet=options["for_server"]))
        except DatabaseError as error:
            raise CommandError(f"the database cannot be used: {error}") from error
        except OSError as error:
            raise CommandError(str(error)) from error
        if left:
            one, reason = ("digest", "reason") if left == 1 else ("digests", "reasons")
            raise CommandError(f"{left:,} {one} could not be made, for the {reason} above")

    def _digest(self, market: Market, *, anew: bool, quiet: bool) -> int:
        """Make the digests of a market and report on it; returns how many could not be made."""
        directory = directory_of(market.symbol)
        if not is_here(market.symbol):
            if not quiet:
                self.stdout.write(f"{market}: nothing is recorded in {directory}")
            return 0
        if quiet:
            make_digests(market, directory)
            return 0
        begun = timezone.now()
        make = make_all if anew else make_digests
        if not anew:
            miss_unrolled(market, directory)
        to_do = persistently(partial(segments_to_do, market, anew=anew), "digests")
        with alone(directory) as is_alone:
            pass  # whoever makes them holds the directory itself
        if not is_alone:
            self.stdout.write(f"{market}: another process makes digests now")
            return to_do
        with Progress(to_do, "segments") as progress:
            made = make(market, directory, partial(_on, progress))
        self.stdout.write(f"{market}: {made:,} digests")
        # What was sealed meanwhile is made with the next.
        left = persistently(partial(segments_to_do, market, anew=False, sealed_by=begun), "digests")
        return max(left, to_do - made if anew else 0)


def _on(progress: Progress, row: Segment) -> None:
    progress.update()
