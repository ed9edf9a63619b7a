"""`manage.py copysegments`: copies finished segments to the cold store."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.db import Error as DatabaseError

from recorder.child import end_with_server
from recorder.cold.bucket import Bucket
from recorder.cold.configured import cold_bucket
from recorder.cold.copying import Copying
from recorder.cold.state_row import ColdState
from recorder.management.command_options import add_symbol, markets
from recorder.models import Market, Segment
from recorder.store.store_paths import directory_of
from runtime import commands
from runtime.db_threads import START_SECONDS, persistently
from runtime.each import sum_of_each
from runtime.progress import Progress

#: A market that makes segments faster than they are copied must not keep others waiting.
_SERVER_SECONDS = 60.0


class Command(commands.Command):
    help = "Copies finished segments and their digests to the cold store (IG_COLD_STORE), the oldest first."

    def add_arguments(self, parser: CommandParser) -> None:
        add_symbol(parser)
        parser.add_argument("--for-server", action="store_true", help="say nothing, and end with the standard input")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["for_server"]:
            end_with_server()
        bucket = cold_bucket()
        if bucket is None:
            raise CommandError("there is no cold store: IG_COLD_STORE is not set")
        try:
            chosen = persistently(lambda: markets(options["symbol"]), "the markets", seconds=START_SECONDS)
            left = sum_of_each(chosen, partial(self._copy, bucket=bucket, quiet=options["for_server"]))
        except DatabaseError as error:
            raise CommandError(f"the database cannot be used: {error}") from error
        except OSError as error:
            raise CommandError(str(error)) from error
        if left and not options["for_server"]:
            raise CommandError("1 segment is not copied" if left == 1 else f"{left:,} segments are not copied")

    def _copy(self, market: Market, *, bucket: Bucket, quiet: bool) -> int:
        """Copy the segments of a market and report on it; returns how many are still to be copied."""
        copying = Copying(market, directory_of(market.symbol), bucket, settings.CONFIG.cold_zstd_level)
        if quiet:
            end = time.monotonic() + _SERVER_SECONDS
            copying.run(is_over=lambda: time.monotonic() >= end)
            return 0
        count = partial(persistently, lambda: Segment.objects.of(market).uncopied().count(), "the manifest")
        with Progress(count(), "segments") as progress:
            copied = copying.run(on_copied=progress.update)
        state = persistently(lambda: ColdState.objects.filter(market=market).first(), "the cold store")
        reason = "" if state is None or not state.reason else f"; {state.reason}"
        self.stdout.write(f"{market}: {copied:,} segments copied to {bucket.address}{reason}")
        return count()
