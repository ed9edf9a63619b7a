"""`manage.py segments`: the manifest as a table."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import Error as DatabaseError
from django.template.defaultfilters import filesizeformat

from recorder.management.command_options import add_symbol, stores, tell_lost
from recorder.manifest.row_writer import pages
from recorder.models import Market, Segment, SegmentQuerySet
from recorder.segment.layout import KINDS
from runtime import commands
from runtime.db_threads import START_SECONDS, persistently

_STATES = ("finished", "pending", "cold", "removed", "missing")
_ROW = "{:<16} {:<8} {:>22} {:>10} {:>10} {:>5} {:<16} {}"


class Command(commands.Command):
    help = "Lists segments: market, kind, range of t, lines, size, gaps, state and name."

    def add_arguments(self, parser: CommandParser) -> None:
        add_symbol(parser)
        parser.add_argument("--kind", choices=KINDS, help="only these")
        parser.add_argument("--state", choices=_STATES, help="only those that are so")
        parser.add_argument("--pinned", action="store_true", help="only those that every clean-up keeps")
        parser.add_argument("--from-t", type=int, help="only those that hold this t or a later one")
        parser.add_argument("--to-t", type=int, help="only those that hold this t or an earlier one")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self._list(options)
        except DatabaseError as error:
            raise CommandError(f"the database cannot be used: {error}") from error

    def _list(self, options: dict[str, Any]) -> None:
        self.stdout.write(_ROW.format("market", "kind", "t", "lines", "size", "gaps", "state", "name").rstrip())
        count = lines = size = 0
        chosen, lost = persistently(lambda: stores(options["symbol"]), "the markets", seconds=START_SECONDS)
        for market in chosen:
            for segment in pages(_chosen(market, options)):
                self.stdout.write(_row(market, segment))
                if segment.state in ("finished", "pending"):
                    count, lines, size = count + 1, lines + segment.lines, size + segment.bytes
        self.stdout.write(f"{count:,} segments on disk, {lines:,} lines, {_human(size)}")
        if lost:
            raise CommandError("\n".join(tell_lost(symbol) for symbol in lost))


def _chosen(market: Market, options: dict[str, Any]) -> SegmentQuerySet:
    found = Segment.objects.of(market, options["kind"]).defer("seek_points").order_by("kind", "start_t", "name")
    if options["from_t"] is not None:
        found = found.filter(end_t__gte=options["from_t"])
    if options["to_t"] is not None:
        found = found.filter(start_t__lte=options["to_t"])
    if options["pinned"]:
        found = found.filter(pinned=True)
    match options["state"]:
        case "finished":
            found = found.finished().on_disk()
        case "pending":
            found = found.filter(pending=True).kept()
        case "cold":
            found = found.in_bucket_alone()
        case "removed":
            found = found.exclude(removed_at=None)
        case "missing":
            found = found.filter(removed_at=None, missing=True)
    return found


def _row(market: Market, segment: Segment) -> str:
    span = f"{segment.start_t}..{segment.end_t}" if segment.end_t >= segment.start_t else "none"
    state = f"{segment.state}, pinned" if segment.pinned else segment.state
    return _ROW.format(
        market.symbol,
        segment.kind,
        span,
        f"{segment.lines:,}",
        _human(segment.bytes),
        segment.gaps,
        state,
        segment.file,
    )


def _human(size: int) -> str:
    return filesizeformat(size).replace("\xa0", " ")
