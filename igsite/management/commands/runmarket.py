"""`manage.py runmarket`: the pipeline alone, without a web server."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from channels.layers import get_channel_layer
from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.db import Error as DatabaseError
from django.db import connections

from components import system_bus
from igsite.config import ConfigError, with_changes
from market.tick import MarketError
from pipeline.runs import MarketRuns
from recorder.errors import RecorderError
from runtime import commands, garbage
from runtime.progress import Progress
from runtime.stopping import stop_at_signals
from streaming.group.publisher import Publisher

log = logging.getLogger(__name__)

#: How long the last messages may take to reach Redis.
_LAST_WORDS_SECONDS = 2.0


class Command(commands.Command):
    help = "Runs the market: makes, films and records ticks, and publishes them where REDIS_URL is set."

    def add_arguments(self, parser: CommandParser) -> None:
        end = parser.add_mutually_exclusive_group()
        end.add_argument("--ticks", type=int, help="make so many ticks more, seal the segments and end")
        end.add_argument("--stay", action="store_true", help="when the source has ended, hold still until SIGTERM")
        parser.add_argument("--speed", help="market seconds a real second, 0 is flat out (IG_SPEED)")
        parser.add_argument("--source", help="where ticks come from, as docs/sources.md lists (IG_SOURCE)")
        parser.add_argument("--symbol", help="the market's symbol (IG_SYMBOL)")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["ticks"] is not None and options["ticks"] < 1:
            raise CommandError(f"--ticks must be at least 1, got {options['ticks']}")
        garbage.except_what_is_there()
        changes = {name: options[name] for name in ("speed", "source", "symbol") if options[name] is not None}
        try:
            config = with_changes(settings.CONFIG, changes)
            market_runs = MarketRuns(config, home_symbol=settings.CONFIG.symbol, alone=True)
        except (ConfigError, MarketError, RecorderError) as error:
            raise CommandError(str(error)) from error
        except DatabaseError as error:
            raise CommandError(f"the database cannot be used (has `manage.py migrate` been run?): {error}") from error
        stop_at_signals(market_runs.stop)
        ticks = options["ticks"]
        try:
            with _published(config.symbol) as outlet, Progress(ticks, "ticks") if ticks else nullcontext() as progress:
                market_runs.run(outlet=outlet, most_ticks=ticks, on_tick=progress.at if progress else None)
        except (MarketError, RecorderError) as error:
            raise CommandError(str(error)) from error
        if options["stay"]:
            _hold_still(market_runs.stop)


def _hold_still(stop: threading.Event) -> None:
    """Wait for the signal, with nothing held: who starts again whatever ends would have the source filmed once more."""
    connections.close_all()
    if not stop.is_set():
        log.info("the source has ended; this process holds still until it is told to end")
        stop.wait()


@contextmanager
def _published(symbol: str) -> Iterator[Publisher | None]:
    """A publisher on a loop of its own; none without Redis, where nobody outside this process could listen."""
    if not settings.CONFIG.redis_url:
        yield None
        return
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="publisher", daemon=True)
    thread.start()
    publisher = Publisher(symbol, get_channel_layer(), loop)
    system_bus.use(loop)
    try:
        yield publisher
    finally:
        publisher.drain(_LAST_WORDS_SECONDS)
        system_bus.drain(_LAST_WORDS_SECONDS)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
