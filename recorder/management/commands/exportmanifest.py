"""`manage.py exportmanifest`: the manifest as files, for a store that travels without its database."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import Error as DatabaseError

from recorder.errors import RecorderError
from recorder.management.command_options import add_symbol, stores, tell_lost
from recorder.manifest.inventory import followed
from recorder.manifest.json_file import ManifestFile
from recorder.manifest.json_files import every_finished
from recorder.manifest.lists import manifest_of
from recorder.models import Market
from recorder.segment.layout import KINDS
from recorder.store.store_paths import directory_of, is_here, locked
from runtime import commands
from runtime.db_threads import START_SECONDS, persistently


class Command(commands.Command):
    help = (
        "Writes manifest.json for each kind, in the form of /manifest/{kind}, oldest first: what can be fetched, or,"
        " without --out, the files that a market keeps beside its segments, which list removed ones too."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_symbol(parser)
        parser.add_argument(
            "--out",
            type=Path,
            help="directory to write to, one below it for each kind; needs --symbol where there are several markets"
            " (default: beside the segments, which nobody may write meanwhile)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        out: Path | None = options["out"]
        try:
            chosen, lost = persistently(lambda: stores(options["symbol"]), "the markets", seconds=START_SECONDS)
            if out is not None and len(chosen) > 1:
                raise CommandError(f"--out takes one market, and there are {len(chosen)}: say --symbol")
            problems = [*map(tell_lost, lost), *(why for market in chosen if (why := self._try(market, out)))]
        except OSError as error:
            raise CommandError(str(error)) from error
        except DatabaseError as error:
            raise CommandError(f"the database cannot be used: {error}") from error
        if problems:
            raise CommandError("\n".join(problems))

    def _try(self, market: Market, out: Path | None) -> str:
        """Export a market's manifest; returns an error as text, which does not prevent the export of other markets."""
        if out is None and not is_here(market.symbol):
            self.stdout.write(f"{market}: nothing is recorded in {directory_of(market.symbol)}")
            return ""
        try:
            self._export(market, out)
        except (RecorderError, OSError) as error:
            return str(error)
        return ""

    def _export(self, market: Market, out: Path | None) -> None:
        directory = directory_of(market.symbol)
        with locked(directory, market.symbol) if out is None else nullcontext():
            for kind in KINDS:
                file = ManifestFile(directory if out is None else out, kind)
                listed = every_finished if out is None else manifest_of
                count = persistently(partial(_write, file, listed, market, kind), f"{market}: the manifest")
                self.stdout.write(f"{file.path}: {count:,} segments")


def _write(file: ManifestFile, listed: Callable[..., Iterable[dict[str, Any]]], market: Market, kind: str) -> int:
    with followed(market, kind, file.path.parent):
        return file.write(listed(market, kind))
