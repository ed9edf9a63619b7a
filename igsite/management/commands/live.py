"""`manage.py live`: the whole of Market Camera in one process, with nothing else to install."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from channels.layers import get_channel_layer
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error as DatabaseError

from igsite.config import Config, ConfigError, with_changes
from igsite.management.commands.serve import answer_to_own_names
from igsite.parsers import LOCALHOST
from igsite.timer import run_scheduled
from market.tick import MarketError
from monitoring import task_runs
from pipeline.runs import MarketRuns
from recorder import child
from recorder.errors import RecorderError
from runtime.threads import running
from server.admission.descriptors import wanted
from server.listen_addresses import host_and_port
from server.protocols.websocket_intake import frames_allowed
from server.proxy_headers import proxy_options
from server.server import Server, endpoints
from streaming.group.publisher import Publisher
from streaming.relay.relays import relays

log = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Runs the market and serves it: pages, sockets and HTTP, in one process."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", help="where to listen (PORT)")
        parser.add_argument("--bind", help="the address to listen on; 0.0.0.0 is all of IPv4 (IG_BIND)")
        parser.add_argument("--speed", help="market seconds a real second, 0 is flat out (IG_SPEED)")
        parser.add_argument("--source", help="where ticks come from, as docs/sources.md lists (IG_SOURCE)")
        parser.add_argument(
            "--stall-seconds", help="a client that takes nothing for so long is cut off (IG_STALL_SECONDS)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        names = ("bind", "port", "speed", "source", "stall_seconds")
        changes = {name: options[name] for name in names if options[name] is not None}
        try:
            config = with_changes(settings.CONFIG, changes)
            market = EmbeddedMarket(MarketRuns(config, home_symbol=config.symbol))
        except (ConfigError, MarketError, RecorderError) as error:
            raise CommandError(str(error)) from error
        except DatabaseError as error:
            raise CommandError(f"the database cannot be used (has `manage.py migrate` been run?): {error}") from error
        from igsite.asgi import application, beside, on_stop

        server = Server(
            application,
            endpoints(config.bind, config.port),
            on_start=[market.run],
            beside={**beside, **_chores(config)},
            on_stop={"market": market.stop, **on_stop},
            stall_seconds=config.stall_seconds,
            permessage_deflate=config.permessage_deflate,
            drain_seconds=config.drain_seconds,
            wanted=wanted(config),
            frames_a_second=frames_allowed(config),
            **proxy_options(config),
        )
        answer_to_own_names(config)
        self._tell_addresses(config)
        try:
            server.run()
        except (MarketError, RecorderError) as error:
            raise CommandError(f"the market stopped: {error}") from error

    def _tell_addresses(self, config: Config) -> None:
        everywhere = config.bind in ("0.0.0.0", "::")
        at = f"http://{host_and_port(LOCALHOST if everywhere else config.bind, config.port)}"
        if config.bind == LOCALHOST:
            who = "for this machine alone (IG_BIND=0.0.0.0: for others too)"
        else:
            who = f"for whoever reaches {config.bind}"
        self.stdout.write(
            f"Market Camera, {who}\n  live     {at}/live/\n  replay   {at}/replay/\n  admin    {at}/admin/"
            f"   (make a user: {sys.executable} manage.py createsuperuser)\n  stop it with Ctrl-C"
        )
        self.stdout.flush()


def _chores(config: Config) -> dict[str, Callable[[], Awaitable[None]]]:
    """The work of Celery elsewhere."""
    copies = {} if config.cold_store is None else {"copies": partial(child.run, child.COPIES, _note)}
    return {"scheduled tasks": run_scheduled, "digests": partial(child.run, child.DIGESTS, _note), **copies}


def _note(task: str, seconds: float, well: bool) -> None:
    task_runs.note(task, seconds, well=well)


class EmbeddedMarket:
    """A market's runs on a thread beside the server's loop, which is there before anybody is let in."""

    def __init__(self, market_runs: MarketRuns) -> None:
        self._market_runs, self._thread = market_runs, running(1, "market")
        self._ended: asyncio.Future[None] | None = None

    async def run(self) -> None:
        """Run until the source ends or `stop`; raises what the pipeline died of, which ends the server."""
        relays.open(settings.CONFIG.symbol, at_rest=True)
        relay = await relays.get()
        await relay.filling.filled.wait()  # or until that failed: the market waits for nothing that may never be
        loop = asyncio.get_running_loop()
        publisher = Publisher(relay.symbol, get_channel_layer(), loop)
        self._ended = loop.run_in_executor(self._thread, partial(self._market_runs.run, outlet=publisher))
        await asyncio.shield(self._ended)
        if not self._market_runs.stop.is_set():
            log.info("the source has ended; all that was recorded is still served")

    async def stop(self) -> None:
        """Let the pipeline seal its segments."""
        self._market_runs.stop.set()
        if self._ended is not None:
            await asyncio.wait((self._ended,))
