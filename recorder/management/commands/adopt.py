"""`manage.py adopt`: imports a store of files from elsewhere into a market."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.db import Error as DatabaseError

from recorder.errors import RecorderError
from recorder.importing.adoption import Adopted, adopt
from recorder.management.command_options import made
from recorder.manifest import inventory
from recorder.manifest.json_files import ManifestFiles
from recorder.models import Market, Segment
from recorder.recovery.reconcile import reconcile
from recorder.segment.layout import KINDS
from recorder.store.store_paths import directory_of, is_of_another, locked
from runtime import commands
from runtime.db_threads import START_SECONDS, persistently
from runtime.progress import Progress


class Command(commands.Command):
    help = "Takes in the segments of a store from elsewhere: all of them, or none and the reasons why."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "directory", type=Path, help="holds ticks/, frames/, metrics/, with manifest.json or without"
        )
        parser.add_argument("--symbol", help="the market that gets them (IG_SYMBOL)")
        parser.add_argument("--move", action="store_true", help="move the files instead of copying them")
        parser.add_argument("--pin", action="store_true", help="pin them, so that no clean-up removes them")

    def handle(self, *args: Any, **options: Any) -> None:
        symbol, store, move = options["symbol"] or settings.CONFIG.symbol, options["directory"], options["move"]
        try:
            directory = directory_of(symbol)
            _check(store, directory, move)
            _check_place(symbol, directory)
            directory.mkdir(parents=True, exist_ok=True)
            with locked(directory, symbol), _emptied(store, move):
                market = made(symbol)
                reconcile(market, directory)
                done = self._adopt(market, directory, store, move=move, pin=options["pin"])
                ManifestFiles(market, directory).restore()
                for kind in KINDS:
                    persistently(partial(inventory.compare, market, kind, directory / kind), "the inventory")
        except (RecorderError, OSError) as error:
            raise CommandError(str(error)) from error
        except DatabaseError as error:
            raise CommandError(f"the database cannot be used: {error}") from error
        self._tell(done, symbol, store)

    def _adopt(self, market: Market, directory: Path, store: Path, **options: bool) -> Adopted:
        step = settings.CONFIG.max_time_step_seconds
        with Progress(None, "segments") as progress:
            return adopt(market, directory, store, most_step_seconds=step, on_done=progress.at, **options)

    def _tell(self, done: Adopted, symbol: str, store: Path) -> None:
        for note in done.notes:
            self.stdout.write(f"  {note}")
        lines = sum(row.lines for row in done.rows)
        self.stdout.write(
            f"{symbol}: {len(done.rows):,} segments with {lines:,} lines taken in from {store},"
            f" {len(done.already):,} were there already"
        )


def _check(store: Path, directory: Path, move: bool) -> None:
    if not store.is_dir():
        raise CommandError(f"{store} is no directory")
    here, root = store.resolve(), settings.CONFIG.store_dir.resolve()
    if here == directory.resolve():
        raise CommandError(f"{store} is the market's own directory; `manage.py repair` makes rows for files there")
    if move and here.is_relative_to(root):
        raise CommandError(f"{store} belongs to a market of this installation: copy it, do not move it")


def _check_place(symbol: str, directory: Path) -> None:
    """A market whose segments are elsewhere would take its rows for those of files that were lost."""
    rows = Segment.objects.of(symbol).kept()
    if is_of_another(symbol) and persistently(rows.exists, "the manifest", seconds=START_SECONDS):
        raise CommandError(
            f"{symbol} has its segments on another machine, and none in {directory}: adopt there; if its disk was lost,"
            " first copy `store_id` from the cold store"
        )


def _emptied(store: Path, move: bool) -> AbstractContextManager[None]:
    """Files are moved only from a store that no process writes."""
    return locked(store, f"of {store}") if move else nullcontext()
