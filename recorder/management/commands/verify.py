"""`manage.py verify`: checks whether a recording is whole and unchanged."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import Error as DatabaseError
from django.db.models import Sum

from recorder.cold.configured import cold_bucket
from recorder.digests.proving import DigestProof, count_of
from recorder.management.command_options import add_symbol, stores, tell_lost
from recorder.models import Market, Segment, SegmentQuerySet
from recorder.store.store_paths import directory_of
from recorder.store.upstream_changes import splices_of
from recorder.verify.cold_objects import ColdObjects
from recorder.verify.deep_verify import DeepVerification, Tally
from recorder.verify.verification import Fault, Verification, runs_of
from runtime import commands
from runtime.db_threads import START_SECONDS, persistently
from runtime.progress import Progress

_MOST_SHOWN = 50


class Command(commands.Command):
    help = (
        "Checks every finished segment: size, checksum, frames, lines, the order of t. Status 1 if anything is wrong."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_symbol(parser)
        parser.add_argument(
            "--deep", action="store_true", help="make metrics, frames and digests again from the ticks and compare them"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            chosen, lost = persistently(lambda: stores(options["symbol"]), "the markets", seconds=START_SECONDS)
            faults = len(lost) + sum(self._verify(market, options["deep"]) for market in chosen)
        except DatabaseError as error:
            raise CommandError(f"the database cannot be used: {error}") from error
        except OSError as error:
            raise CommandError(str(error)) from error
        for symbol in lost:
            self.stdout.write(tell_lost(symbol))
        if faults:
            raise CommandError("1 fault" if faults == 1 else f"{faults:,} faults")
        self.stdout.write("no faults")

    def _verify(self, market: Market, deep: bool) -> int:
        """Verify a market and report on it; returns the number of its faults."""
        directory = directory_of(market.symbol)
        kept = Segment.objects.of(market).finished().kept()
        with Progress(_lines(kept), "lines") as progress:
            verification = Verification(market, directory, progress.at, ColdObjects(cold_bucket(), deep=deep))
            shown, count = _first(verification.faults())
        if deep:
            with Progress(_lines(kept.filter(kind="ticks")), "ticks") as progress:
                proof = DeepVerification(directory, verification.tapes, runs_of(market, directory), progress.at)
                more, more_count = _first(Fault(*fault) for fault in proof.faults())
            shown, count = [*shown, *more], count + more_count
            with Progress(persistently(lambda: count_of(market), "digests"), "digests") as progress:
                digests = DigestProof(market, directory, progress.update)
                more, more_count = _first(Fault(*fault) for fault in digests.faults())
            shown, count = [*shown, *more], count + more_count
        self._tell(market, verification, proof.tallies if deep else {})
        if deep:
            self._tell_digests(digests)
        for splice in persistently(lambda: list(splices_of(market)), "the runs"):
            self.stdout.write(f"  {splice}")
        for fault in shown:
            self.stdout.write(f"  {fault}")
        if count > len(shown):
            self.stdout.write(f"  … and {count - len(shown):,} more")
        return count

    def _tell(self, market: Market, verification: Verification, tallies: dict[str, Tally]) -> None:
        counts = verification.counts
        self.stdout.write(
            f"{market}: {counts.segments:,} segments, {counts.lines:,} lines, {counts.bytes:,} bytes;"
            f" {counts.gaps:,} gap lines ({counts.gap_ticks:,} ticks missing);"
            f" {counts.removed:,} removed, {counts.pending:,} pending and not looked at"
        )
        for kind, tally in tallies.items():
            self.stdout.write(f"  {kind}: {tally.proved:,} are what the ticks give, {tally.unproved:,} not provable")

    def _tell_digests(self, proof: DigestProof) -> None:
        if proof.is_busy:
            self.stdout.write("  digests are being made now, and were not looked at")
        elif proof.proved or proof.unproved:
            self.stdout.write(
                f"  digests: {proof.proved:,} are what the recording gives, {proof.unproved:,} not provable"
            )


def _first(faults: Iterable[Fault]) -> tuple[list[Fault], int]:
    """The faults that are shown, and the number of all."""
    every = iter(faults)
    shown = list(islice(every, _MOST_SHOWN))
    return shown, len(shown) + sum(1 for _ in every)


def _lines(segments: SegmentQuerySet) -> int:
    lines = persistently(lambda: segments.aggregate(lines=Sum("lines", default=0))["lines"], "the manifest")
    return int(lines)
