"""The epoch of a market: the id under which its recording continues, decided once at each start."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from recorder.manifest.row_writer import last_t_in_rows
from recorder.models import Market
from recorder.recovery.tape_ends import Ends
from recorder.segment.layout import KINDS
from recorder.store.store_id import new_store_id, read_store_id
from recorder.tape.high_water_mark import read_mark

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class KnownEpoch:
    """The state at a start, before rows and files are brought in line.

    The store's id, how far its stream mark reaches, and how far the rows do; -1 means that there is nothing.
    """

    store_id: str | None
    marked_t: int
    rows_t: int


def found(market: Market, directory: Path) -> KnownEpoch:
    """Reads the store and the rows. Raises OSError, django.db.Error."""
    ends = [t for kind in KINDS if (t := last_t_in_rows(market, kind)) is not None]
    return KnownEpoch(read_store_id(directory), read_mark(directory).bound, max(ends, default=-1))


def store_id_of(market: Market, before: KnownEpoch, ends: Ends) -> str:
    """The id under which the recording that ends with `ends` continues: its own, unless it is another recording.

    It is another recording if the store has no id, if nothing was recorded or streamed, or if the rows go further than
    the store was ever streamed: then an older copy was put in its place, which lacks what followed.
    """
    if before.store_id is None:
        return new_store_id()
    if ends.t < 0:
        log.info("%s: the store is empty, so its recording begins under a new id", market)
        return new_store_id()
    if before.rows_t > max(before.marked_t, *ends.on_disk.values()):
        reached = f"the rows tell of t={before.rows_t}, the store never came further than t={before.marked_t}"
        log.warning("%s: the store is an older copy, so its recording goes on under a new id: %s", market, reached)
        return new_store_id()
    return before.store_id
