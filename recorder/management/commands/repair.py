"""`manage.py repair`: seals what a crash left pending and makes the manifest agree with the files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import Error as DatabaseError

from recorder.cold.configured import cold_bucket
from recorder.digests.making import miss_lost
from recorder.errors import RecorderError
from recorder.management.command_options import add_symbol, made
from recorder.manifest.json_files import ManifestFiles
from recorder.models import Market
from recorder.recovery.agent_names import mend_agents
from recorder.recovery.from_bucket import Healed, heal
from recorder.recovery.pending import Recovered
from recorder.recovery.reconcile import Reconciled, reconcile
from recorder.recovery.rewrite import Mended, mend
from recorder.recovery.run_file import restore_runs
from recorder.segment.layout import KINDS
from recorder.store.agent_register import AgentRegister
from recorder.store.agent_rows import rows_differ, save_agents
from recorder.store.agents_file import FILE_NAME
from recorder.store.store_paths import directory_of, is_here, locked, symbols
from recorder.tape.history import History
from runtime import commands

#: The most gaps of a segment that are shown.
_MOST_GAPS = 5


class Command(commands.Command):
    help = (
        "Makes pending files whole, writes damaged segments anew and brings the manifest in line with the files."
        " Reads every segment. Nothing is deleted."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_symbol(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            chosen = symbols() if options["symbol"] is None else [options["symbol"]]
            left = sum(self._repair(symbol) for symbol in chosen)
        except (RecorderError, OSError) as error:
            raise CommandError(str(error)) from error
        except DatabaseError as error:
            raise CommandError(f"the database cannot be used: {error}") from error
        if left:
            raise CommandError(f"{left} pending files could not be repaired")

    def _repair(self, symbol: str) -> int:
        """Repair a market's store and report on it; returns how many files are still pending."""
        directory = directory_of(symbol)
        if not is_here(symbol):
            self.stdout.write(f"{symbol}: nothing is recorded in {directory}")
            return 0
        with locked(directory, symbol):
            market = made(symbol)
            restore_runs(market, directory)
            done = reconcile(market, directory, whole=True)
            bucket = cold_bucket()
            healed = Healed() if bucket is None else heal(market, directory, bucket)
            mended = [one for kind in KINDS for one in mend(market, directory, kind, bucket)]
            changed = {row.kind for row in [*done.adopted, *(one.row for one in mended), *healed.found, *healed.lost]}
            ManifestFiles(market, directory).restore(changed)
            agents = list(_agents_put_right(market, directory))
            digests = miss_lost(market, directory)
        for line in [*_report(done, directory), *_healing(healed, symbol), *map(_mending, mended), *agents]:
            self.stdout.write(f"  {line}")
        self.stdout.write(
            f"{symbol}: {len(done.recovered)} pending files, {len(done.adopted)} rows made or corrected,"
            f" {len(mended)} damaged segments written anew,"
            f" {len(done.missing)} files missing, {len(done.unreadable)} unreadable"
            + (f", {digests:,} of the digests to be made again" if digests else "")
        )
        return sum(one.path.name.endswith("_pending.jsonl.zst") for one in done.recovered)


def _agents_put_right(market: Market, directory: Path) -> Iterator[str]:
    """Mend the register of named agents and make their rows anew, where they need it; says what was done."""
    mended = mend_agents(History(market.symbol, directory))
    if mended is not None:
        yield str(mended)
    agents = AgentRegister(directory).agents
    if rows_differ(market, agents):
        save_agents(market, agents)
        yield f"{FILE_NAME}: rows made from the file, {len(agents):,} agents"


def _report(done: Reconciled, directory: Path) -> list[str]:
    return [
        *(_fate(one, directory) for one in done.recovered),
        *(f"{row.path}: row made from the file, {row.lines:,} lines" for row in done.adopted),
        *(f"{row.path}: the file is missing" for row in done.missing),
        *(f"{path.relative_to(directory)}: holds no line, and has no row" for path in done.unreadable),
    ]


def _healing(healed: Healed, symbol: str) -> list[str]:
    return [
        *(f"{row.path}: found in the cold store, {row.lines:,} lines" for row in healed.found),
        *(f"{row.path}: is not in the cold store any more, and was there alone" for row in healed.lost),
        *healed.faults,
        *(
            f"{symbol}/{one} in the cold store has segments of another recording of {symbol}, and no row tells of them"
            for one in healed.other_ids
        ),
    ]


def _mending(one: Mended) -> str:
    told = ", ".join(f"t={first} to {last}" for first, last in one.gaps[:_MOST_GAPS])
    more = f" and {len(one.gaps) - _MOST_GAPS:,} more" if len(one.gaps) > _MOST_GAPS else ""
    missing = f"told as missing: {told}{more}" if told else "nothing is missing"
    return f"{one.row.path}: was damaged ({one.why}), {missing}"


def _fate(one: Recovered, directory: Path) -> str:
    path = one.path.relative_to(directory)
    if one.facts is None:
        return f"{path}: holds no segment, {one.lost_bytes:,} bytes lost: {one.reason}"
    if not one.lost_bytes:
        return f"{path}: sealed with all its {one.kept_lines:,} lines"
    return f"{path}: sealed, {one.kept_lines:,} lines kept, {one.lost_bytes:,} bytes lost: {one.reason}"
