"""The roll-up: the digests of all segments of a market in rows, from which any range is read with a handful of them.

Each level has buckets of 2^level ticks, in chunks of 1,024. What is rolled up for a range of t depends on the digests
alone, so it may be repeated, and a bucket in which two segments meet counts each of them once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

import numpy as np
from django.db import transaction

from market.price_range import PriceRange
from recorder.digests.chunk_row import CHUNK_BITS, DigestChunk
from recorder.digests.digest import METRICS, BadDigest, Digest, Note
from recorder.digests.digest_files import load_digest
from recorder.digests.packing import pack_buckets, pack_notes, unpack_buckets, unpack_notes
from recorder.digests.pyramid import FINEST, Buckets, merged
from recorder.models import Market, Segment, market_key
from recorder.recovery.run_registry import price_ranges
from recorder.segment.layout import parse_name
from recorder.spans import Span
from recorder.spans import merged as merged_spans

#: The exponents of the widths in rows. Widths between them are merged when they are read.
STEP = 2
LEVELS = range(FINEST, 31, STEP)

#: No message comes behind it.
_LAST_T = (1 << 62) - 1

#: The most notes in a chunk: the weightiest.
MOST_NOTES = 500


class _Changes(NamedTuple):
    """What a roll-up changes: the rows to write, and the keys of those of which nothing is left."""

    written: list[DigestChunk]
    emptied: list[int]


class Rolled(NamedTuple):
    """Buckets of one width, and the notes that belong to them; `buckets` is None if there are none."""

    buckets: Buckets | None
    notes: list[Note]


def roll_up(
    market: Market, directory: Path, kind: str, *, coming: Sequence[Segment] = (), going: Sequence[Segment] = ()
) -> None:
    """Make the rows anew for the time of some segments, from the digests that reach into it.

    These are the digests that segments' rows tell of, those of `coming`, and not those of `going`: what the rows of
    these say is changed afterwards, so that after a crash in between the same is done again. Raises OSError,
    django.db.Error.
    """
    finest = merged_spans(_numbers_of(market, row) for row in (*coming, *going))
    ranges = price_ranges(market)
    for first, last in finest:
        names = _digested_in(market, kind, first, last)
        names |= {row.name: row.start_t for row in coming if first <= row.start_t >> FINEST <= last}
        for row in going:
            names.pop(row.name, None)
        fresh = _of_digests(directory, kind, names, first, last, lambda t: ranges.holding_at(t)[0])
        _write(_changes(market, kind, first, last, fresh))


def _changes(market: Market, kind: str, first: int, last: int, fresh: Rolled) -> _Changes:
    """What is to change at every level, for new buckets from `first` to `last` of the finest."""
    changes = _Changes([], [])
    for level in LEVELS:
        fresh = _replace(market, kind, level, first, last, fresh, changes)
        first, last = first >> STEP, last >> STEP
    return changes


def _write(changes: _Changes) -> None:
    """Write all levels or none.

    Nothing is computed meanwhile: SQLite has one lock for all who write, and the lowest priority has it for long.
    """
    place = ("market", "kind", "level", "number")
    with transaction.atomic():
        DigestChunk.objects.filter(pk__in=changes.emptied).delete()
        DigestChunk.objects.bulk_create(
            changes.written, update_conflicts=True, unique_fields=place, update_fields=("data", "notes")
        )


def _numbers_of(market: Market, row: Segment) -> Span:
    """The first and last of the finest buckets that a segment may reach into, or did before it lost messages.

    One that was damaged and written anew has its name still, and nothing else lies between it and the next.
    """
    later = Segment.objects.of(market, row.kind).filter(start_t__gt=row.start_t).order_by("start_t")
    with_any = (later.kept(), later.gone().filter(digest__gt=0))  # apart, since each has an index
    begins = [t for rows in with_any for t in rows.values_list("start_t", flat=True)[:1]]
    last_t = min(begins, default=_LAST_T) - 1
    first_t = min(row.start_t, parse_name(row.name).start_t)
    return first_t >> FINEST, max(row.start_t, row.end_t, last_t) >> FINEST


def _digested_in(market: Market, kind: str, first: int, last: int) -> dict[str, int]:
    """The name and start_t of each segment whose digest may reach into the finest buckets from `first` to `last`."""
    rows = Segment.objects.of(market, kind).filter(digest__gt=0).order_by()
    rows = rows.from_t(first << FINEST).filter(start_t__lt=(last + 1) << FINEST)
    return dict(rows.values_list("name", "start_t"))


def _of_digests(
    directory: Path, kind: str, names: dict[str, int], first: int, last: int, range_at: Callable[[int], PriceRange]
) -> Rolled:
    """What digests say of the finest buckets from `first` to `last`."""
    parts, notes = [], list[Note]()
    for name, start_t in names.items():
        try:
            digest = load_digest(directory, kind, name)
        except (BadDigest, FileNotFoundError):
            continue  # `manage.py digest --all` makes it anew, and this range with it
        parts.append(in_prices(digest, range_at(start_t)).numbered(first, last))
        notes += [note for note in digest.notes if first <= note.at >> FINEST <= last]
    return Rolled(merged(parts) if parts else None, notes)


def in_prices(digest: Digest, prices: PriceRange) -> Buckets:
    """The buckets of a digest with its prices in the units of its run."""
    return digest.buckets.scaled(prices.low, prices.high - prices.low) if digest.kind == METRICS else digest.buckets


def _replace(market: Market, kind: str, level: int, first: int, last: int, fresh: Rolled, changes: _Changes) -> Rolled:
    """Replace the buckets from `first` to `last` of a level; returns what the next level is to have."""
    wider_first, wider_last = first >> STEP, last >> STEP
    parts, notes = [], list[Note]()
    for number in _chunks_between(market, kind, level, first, last, fresh):
        place = {"market": market, "kind": kind, "level": level, "number": number}
        row = DigestChunk.objects.filter(**place).first()
        chunk = _with(_chunk_in(row), level, number, first, last, fresh)
        if chunk.buckets is None and not chunk.notes:
            changes.emptied.extend([] if row is None else [row.pk])
            continue
        data = b"" if chunk.buckets is None else pack_buckets(chunk.buckets)
        changes.written.append(DigestChunk(**place, data=data, notes=pack_notes(chunk.notes)))
        if chunk.buckets is not None:
            parts.append(chunk.buckets.numbered(wider_first << STEP, ((wider_last + 1) << STEP) - 1))
        notes += [note for note in chunk.notes if wider_first <= note.at >> (level + STEP) <= wider_last]
    return Rolled(merged(parts, level + STEP) if parts else None, notes)


def _chunks_between(market: Market, kind: str, level: int, first: int, last: int, fresh: Rolled) -> list[int]:
    """The chunks from one bucket to another that have, or are to have, anything.

    A gap may be of any length: the chunks in it are not counted through.
    """
    there = DigestChunk.objects.filter(market=market, kind=kind, level=level)
    numbers = {*there.filter(number__range=(first >> CHUNK_BITS, last >> CHUNK_BITS)).values_list("number", flat=True)}
    if fresh.buckets is not None:
        numbers.update(np.unique(fresh.buckets.numbers >> CHUNK_BITS).tolist())
    return sorted(numbers.union(note.at >> level >> CHUNK_BITS for note in fresh.notes))


def _with(old: Rolled, level: int, number: int, first: int, last: int, fresh: Rolled) -> Rolled:
    """A chunk with the new buckets in place of the old ones from `first` to `last`."""
    begin = number << CHUNK_BITS
    end = begin + (1 << CHUNK_BITS) - 1
    kept = [] if old.buckets is None else [old.buckets.without(first, last)]
    new = [] if fresh.buckets is None else [fresh.buckets.numbered(begin, end)]
    parts = [part for part in (*kept, *new) if len(part)]
    notes = [note for note in old.notes if not first <= note.at >> level <= last]
    notes += [note for note in fresh.notes if begin <= note.at >> level <= end]
    return Rolled(merged(parts) if parts else None, weightiest(notes))


def weightiest(notes: Iterable[Note], most: int = MOST_NOTES) -> list[Note]:
    """The notes with the greatest weight, in order of t."""
    kept = sorted(notes, key=attrgetter("weight"), reverse=True)[:most]
    return sorted(kept, key=attrgetter("at"))


def _chunk_in(row: DigestChunk | None) -> Rolled:
    """What a row has: one that is not there yet nothing."""
    if row is None:
        return Rolled(None, [])
    buckets = unpack_buckets(bytes(row.data)) if row.data else None
    return Rolled(buckets, unpack_notes(bytes(row.notes)) if row.notes else [])


def expected_chunk(market: Market, directory: Path, chunk: DigestChunk) -> Buckets | None:
    """What a chunk should have: by the digests, or by the next finer level. Raises OSError, django.db.Error."""
    first = chunk.number << CHUNK_BITS
    last = first + (1 << CHUNK_BITS) - 1
    if chunk.level == FINEST:
        ranges = price_ranges(market)
        names = _digested_in(market, chunk.kind, first, last)
        found = _of_digests(directory, chunk.kind, names, first, last, lambda t: ranges.holding_at(t)[0]).buckets
        return found if found is not None and len(found) else None
    begin_t, end_t = first << chunk.level, ((last + 1) << chunk.level) - 1
    rows = _rows(market, chunk.kind, chunk.level - STEP, begin_t, end_t, "data")
    finer = [unpack_buckets(data) for data in rows if data]
    return merged(finer, chunk.level) if finer else None


def digested_to(market: Market | str, kind: str) -> int:
    """The last t of the newest digest of a kind, -1 without one. Raises django.db.Error."""
    rows = Segment.objects.of(market, kind).filter(digest__gt=0).order_by("-start_t")
    last = rows.values_list("end_t", flat=True).first()
    return -1 if last is None else last


def rolled_buckets(market: Market | str, kind: str, exponent: int, t0: int, t1: int) -> Buckets | None:
    """The buckets of 2^exponent ticks that overlap t0..t1; None if there are none. Raises django.db.Error."""
    level = level_of(exponent)
    parts = [unpack_buckets(data) for data in _rows(market, kind, level, t0, t1, "data") if data]
    chosen = [part.numbered(t0 >> level, t1 >> level) for part in parts]
    found = merged(chosen, exponent) if chosen else None
    return found if found is not None and len(found) else None


def rolled_notes(market: Market | str, kind: str, t0: int, t1: int) -> list[Note]:
    """The notes of t0..t1, of each stretch of 1,024 buckets the weightiest. Raises django.db.Error."""
    width = max(1, t1 - t0) >> CHUNK_BITS
    level = next((level for level in LEVELS if 1 << level >= width), LEVELS[-1])
    found = [note for data in _rows(market, kind, level, t0, t1, "notes") for note in unpack_notes(data)]
    return [note for note in found if t0 <= note.at <= t1]


def level_of(exponent: int) -> int:
    """The widest level in rows that is no wider than 2^exponent ticks."""
    return max(level for level in LEVELS if level <= max(exponent, FINEST))


def _rows(market: Market | str, kind: str, level: int, t0: int, t1: int, column: str) -> Iterator[bytes]:
    bits = level + CHUNK_BITS
    rows = DigestChunk.objects.filter(
        market_id=market_key(market), kind=kind, level=level, number__gte=t0 >> bits, number__lte=t1 >> bits
    )
    return map(bytes, rows.order_by("number").values_list(column, flat=True))
