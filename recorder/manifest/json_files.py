"""The manifest.json of every kind of a market: made to agree with the rows at a start, appended to at each sealing."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from django.db import connection

from recorder.errors import BadManifest
from recorder.manifest.inventory import followed
from recorder.manifest.json_file import ManifestFile
from recorder.manifest.row_writer import finished
from recorder.models import Inventory, Market, Segment, SegmentQuerySet
from recorder.segment.layout import KINDS, SegmentFacts, manifest_form
from runtime.db_threads import persistently

log = logging.getLogger(__name__)

#: The most missing entries that are appended at the end; for more the file is rewritten.
_MOST_APPENDED = 1000


class ManifestFiles:
    """The manifest files of the market in `directory`, for the one process that writes it."""

    def __init__(self, market: Market, directory: Path) -> None:
        self._market = market
        self._files = {kind: ManifestFile(directory, kind) for kind in KINDS}
        self._waiting: dict[str, list[dict[str, Any]]] = {kind: [] for kind in KINDS}
        self._failed = False

    def record(self, facts: SegmentFacts) -> None:
        """List a sealed segment. A failed write is logged once, and tried again with the next segment."""
        if facts.pending:
            return
        waiting = self._waiting[facts.kind]
        waiting.append(manifest_form(facts))
        try:
            self._files[facts.kind].append(waiting)
        except (BadManifest, OSError) as error:
            self._tell(error)
        else:
            waiting.clear()

    def restore(self, changed: Collection[str] = ()) -> None:
        """Make the files list the same segments as the rows; a failed write is logged.

        The rows agree with the segments by then. In kinds that were `changed`, any row may have changed. Raises
        django.db.Error.
        """
        for kind in KINDS:
            try:
                persistently(partial(self._write if kind in changed else self._restore, kind), "the manifest")
            except (BadManifest, OSError) as error:
                self._tell(error)

    def _restore(self, kind: str) -> None:
        file, contents = self._files[kind], self._files[kind].contents()
        if contents is not None and 0 <= (missing := _count(self._market, kind) - contents.entries) <= _MOST_APPENDED:
            newest = list(map(manifest_form, _newest(self._market, kind, missing + 1)))
            if contents.last == (newest.pop() if len(newest) > missing else None):
                if newest:
                    file.append(newest[::-1])
                return
        self._write(kind)

    def _write(self, kind: str) -> None:
        file = self._files[kind]
        known = file.path.exists()
        with followed(self._market, kind, file.path.parent):
            count = file.write(every_finished(self._market, kind))
        if known:
            log.info("%s: made anew, %d segments", file.path, count)

    def _tell(self, error: Exception) -> None:
        if not self._failed:
            log.error("%s: manifest.json is behind until it can be written: %s", self._market.symbol, error)
        self._failed = True


def every_finished(market: Market, kind: str) -> Iterator[dict[str, Any]]:
    """The entries of a kind: finished segments, oldest first, removed ones too, but none whose file vanished.

    Raises django.db.Error.
    """
    # Of a connection that was cut, Django closes the cursor outside its own handling: the driver's error would come.
    with connection.wrap_database_errors:
        yield from map(manifest_form, _listed(market, kind).iterator())


def _listed(market: Market, kind: str) -> SegmentQuerySet:
    return finished(market, kind).filter(missing=False).order_by("start_t", "name").defer("seek_points")


def _count(market: Market, kind: str) -> int:
    """The number of listed segments, without counting them."""
    sums = Inventory.objects.filter(market=market, kind=kind).values_list("segments", "removed")
    return sum(map(sum, sums))


def _newest(market: Market, kind: str, count: int) -> list[Segment]:
    """The last listed segments, newest first; of those on disk and of those that are gone, by their indexes."""
    listed = _listed(market, kind)
    found = [row for some in (listed.kept(), listed.gone()) for row in some.reverse()[:count]]
    return sorted(found, key=lambda row: (row.start_t, row.name), reverse=True)[:count]
