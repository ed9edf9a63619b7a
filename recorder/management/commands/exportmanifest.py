"""`manage.py exportmanifest`: the manifest as files, for a store that travels without its database."""

from __future__ import annotations

import os
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import orjson
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error as DatabaseError

from recorder.errors import RecorderError
from recorder.format import KINDS
from recorder.management.asking import add_symbol, stores, tell_lost
from recorder.manifest import manifest_of
from recorder.models import Market
from recorder.rows import START_SECONDS, persistently
from recorder.stores import directory_of, locked


class Command(BaseCommand):
    help = "Writes manifest.json for each kind, in the form of /manifest/{kind}: what can be fetched, oldest first."

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
        """Export a market's manifest; what went wrong, which keeps no other market from it."""
        if out is None and not directory_of(market.symbol).is_dir():
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
                segments = persistently(partial(manifest_of, market, kind), f"{market}: the manifest")
                path = (directory if out is None else out) / kind / "manifest.json"
                write_whole(path, orjson.dumps(segments, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
                self.stdout.write(f"{path}: {len(segments):,} segments")


def write_whole(path: Path, data: bytes) -> None:
    """Put a file in its place, whole or not at all. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.new")
    with new.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
