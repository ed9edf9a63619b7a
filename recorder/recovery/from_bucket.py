"""Rows and the cold store: has rows tell of what is in the bucket, also where the database lost them."""

from __future__ import annotations

import logging
from bisect import insort
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from django.db import transaction

from recorder.cold.bucket import Bucket, NoObject
from recorder.cold.card import BadCard, Card, read_card
from recorder.cold.layout import Place, cards_of, home, name_of_card
from recorder.errors import BadName
from recorder.manifest import inventory
from recorder.manifest.row_writer import pages, spans_kept
from recorder.models import Cold, Market, Segment
from recorder.recovery.run_registry import run_at
from recorder.segment.layout import KINDS, parse_name
from recorder.spans import Span, meets
from recorder.store.store_id import read_store_id
from runtime.db_threads import persistently

log = logging.getLogger(__name__)

_MOST_CARD_BYTES = 64 << 20

_ask = partial(persistently, what="the manifest")


@dataclass(slots=True)
class Healed:
    """What was done: rows that were made, or again tell of an object; rows whose object is gone; what is in the way."""

    found: list[Segment] = field(default_factory=list)
    lost: list[Segment] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def heal(market: Market, directory: Path, bucket: Bucket) -> Healed:
    """Make the rows of a market agree with the bucket. Only for the process that owns the store, after `reconcile`.

    Segments of the store's id that no row has, or one says are gone, get the row that their card tells. A row whose
    object is gone says so: the segment is copied again or, if it was there alone, missing. Raises BucketUnavailable,
    django.db.Error.
    """
    done = Healed()
    store_id = read_store_id(directory)
    for kind in KINDS:
        keys = set() if store_id is None else set(bucket.keys(f"{home(market.symbol, store_id)}/{kind}"))
        _miss_lost(market, kind, bucket, keys, done)
        if store_id is not None:
            _find_all(market, kind, list(_unknown(market, store_id, kind, bucket, keys)), bucket, done)
    return done


def _miss_lost(market: Market, kind: str, bucket: Bucket, keys: set[str], done: Healed) -> None:
    for row in pages(Segment.objects.of(market, kind).filter(cold__gt=Cold.NONE).order_by("start_t", "name")):
        if row.cold_key in keys or bucket.head(row.cold_key) is not None:
            continue
        rows = Segment.objects.filter(pk=row.pk, cold=row.cold)
        only = row.cold == Cold.ONLY
        if _ask(partial(inventory.change_row, rows, cold=Cold.NONE, **({"missing": True} if only else {}))) and only:
            done.lost.append(row)


def _unknown(market: Market, store_id: str, kind: str, bucket: Bucket, keys: set[str]) -> Iterator[Place]:
    """The objects with a card whose segment no row says can be read."""
    kept = Segment.objects.of(market, kind).kept().values_list("name", flat=True)
    known = _ask(lambda: set(kept.iterator(chunk_size=10_000)))
    for key in sorted(bucket.keys(cards_of(market.symbol, store_id, kind))):
        place = Place(market.symbol, store_id, kind, name_of_card(key))
        if place.name not in known and place.key in keys:
            yield place


def _find_all(market: Market, kind: str, places: list[Place], bucket: Bucket, done: Healed) -> None:
    """Have rows tell of objects. Rows are read once: behind a lost database there are as many cards as rows."""
    kept = _ask(partial(spans_kept, market, kind)) if places else []
    for place in places:
        _find(market, place, bucket, kept, done)


def _find(market: Market, place: Place, bucket: Bucket, kept: list[Span], done: Healed) -> None:
    """Have a row tell of an object; `kept` are the t in segments that can be read, of which it then is one."""
    try:
        parse_name(place.name)
        card = read_card(bucket.get_range(place.card_key, 0, _MOST_CARD_BYTES), place.kind, place.name)
        found = bucket.head(place.key)
    except (BadCard, BadName, NoObject) as error:
        done.faults.append(f"{place.card_key}: {error}")
        return
    span = (card.start_t, card.end_t)
    if found is None or found.size != card.bytes:
        done.faults.append(f"{place.key} in the cold store has not the {card.bytes:,} bytes that its card says")
    elif card.end_t >= card.start_t and meets(span, kept):
        done.faults.append(f"{place.key} in the cold store holds t that other segments hold")
    else:
        done.found.append(_ask(partial(_save, market, place, card)))
        if card.end_t >= card.start_t:
            insort(kept, span)


def _save(market: Market, place: Place, card: Card) -> Segment:
    values = _values(place, card)
    row = inventory.change_row(Segment.objects.of(market, place.kind).filter(name=place.name), **values)
    if row is None:
        with transaction.atomic():
            run = run_at(market, card.start_t)
            row = Segment.objects.create(market=market, run=run, kind=place.kind, name=place.name, **values)
            inventory.count(row.market_id, row.kind, inventory.Stock(), inventory.stock_of(row))
    return row


def _values(place: Place, card: Card) -> dict[str, Any]:
    names = ("start_t", "end_t", "lines", "gaps", "text_bytes", "created_at")
    return {
        **{name: getattr(card, name) for name in names},
        "bytes": card.file_bytes,
        "sha256": card.file_sha256,
        "pending": False,
        "missing": False,
        "removed_at": None,
        "cold": Cold.ONLY,
        "cold_key": place.key,
        "cold_bytes": card.bytes,
        "cold_sha256": card.sha256,
        "cold_seek_points": card.seek_points,
    }
