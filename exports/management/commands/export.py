"""`manage.py export`: writes a recording to a folder, as tables or as MCAP, and goes on where it ended."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.db import Error as DatabaseError

from bars.making.resolutions import PERIOD_MS
from exports.errors import ExportError
from marketcamera.errors import MarketCameraError
from marketcamera.tables.columns import TABLES
from recorder.errors import RecorderError
from recorder.management.command_options import markets, tick_number
from runtime import commands
from runtime.db_threads import START_SECONDS, persistently
from runtime.progress import Progress

if TYPE_CHECKING:
    from exports.folder import Folder


class Command(commands.Command):
    help = "Writes a recording to a folder, as tables in Parquet or as MCAP. Said again, it goes on where it ended."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("directory", type=Path, help="the folder, empty or of an earlier export of this market")
        parser.add_argument("--symbol", default=settings.CONFIG.symbol, help="the market (%(default)s)")
        parser.add_argument("--kind", action="append", choices=TABLES, help="a table; repeat it for several (all)")
        parser.add_argument("--t0", type=tick_number, help="the first t (that of the recording)")
        parser.add_argument("--t1", type=tick_number, help="the last t (that of the newest tick on disk)")
        parser.add_argument("--format", default="parquet", choices=["parquet", "mcap"], help="(%(default)s)")
        parser.add_argument(
            "--partition", default="day", choices=["day", "none"], help="a folder for each day, in UTC (%(default)s)"
        )
        parser.add_argument("--resolution", default="1m", choices=PERIOD_MS, help="that of bars (%(default)s)")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["t1"] is not None and (options["t0"] or 0) > options["t1"]:
            raise CommandError(f"--t0 must not be above --t1, got {options['t0']} and {options['t1']}")
        if options["format"] == "mcap" and options["kind"]:
            raise CommandError("MCAP has ticks, metrics and frames in one file; leave out --kind")
        try:
            persistently(lambda: markets(options["symbol"]), "the markets", seconds=START_SECONDS)
            self._export(options)
        except DatabaseError as error:
            raise CommandError(f"the database cannot be used: {error}") from error
        except (ExportError, RecorderError, MarketCameraError, OSError) as error:
            raise CommandError(str(error)) from error
        except ModuleNotFoundError as error:
            if error.name != "mcap":
                raise
            raise CommandError("MCAP needs the mcap package: pip install -r requirements-export.txt") from None

    def _export(self, options: dict[str, Any]) -> None:
        from exports.exporting import kinds_of, opened  # not before this can say that pyarrow is missing
        from exports.folder import Layout

        layout = Layout(options["format"], options["partition"] == "day", options["resolution"], options["t0"] or 0)
        with opened(options["directory"], options["symbol"], layout) as folder:
            last_t = folder.last_t or 0
            to_t = last_t if options["t1"] is None else min(last_t, options["t1"])
            self._fill(folder, options["kind"] or kinds_of(layout), to_t)

    def _fill(self, folder: Folder, kinds: Sequence[str], to_t: int) -> None:
        to_do = sum(max(0, to_t - folder.begin_of(kind) + 1) for kind in kinds)
        with Progress(to_do, "ticks") as progress:
            for kind in kinds:
                for _ in folder.export(kind, to_t, progress.update):
                    pass
        for kind in kinds:
            self._tell(folder, kind)

    def _tell(self, folder: Folder, kind: str) -> None:
        parts = [part for part in folder.log.parts if part.kind == kind]
        if not parts:
            self.stdout.write(f"{kind}: nothing")
            return
        rows, files = sum(part.rows for part in parts), sum(len(part.files) for part in parts)
        gaps = sum(len(part.gaps) for part in parts)
        missing = f", {gaps:,} gaps" if gaps else ""
        self.stdout.write(f"{kind}: {rows:,} rows in {files:,} files, t={parts[0].from_t}..{parts[-1].to_t}{missing}")
