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
from recorder.models import Cold, Market, Segment, SegmentQuerySet
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
    """What was done: rows that were made, or again tell of an object; rows whose object is gone; what is in the way.

    `other_ids` are those of other recordings of the symbol that have segments in the bucket, and no row.
    """

    found: list[Segment] = field(default_factory=list)
    lost: list[Segment] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    other_ids: list[str] = field(default_factory=list)


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
        if store_id is None:
            continue
        kept = Segment.objects.of(market, kind).kept()
        places = _without(kept, _places(market.symbol, store_id, kind, bucket, keys))
        for place, card in _found(market, kind, places, bucket, done.faults):
            done.found.append(_ask(partial(_save, market, place, card)))
    done.other_ids = list(_other_ids(market, store_id, bucket))
    return done


def untold(market: Market, directory: Path, kind: str, bucket: Bucket) -> Iterator[Place]:
    """The objects of the store's id that hold a segment of which no row tells, and to which `heal` gives one.

    The market may run: rows are read after the bucket, and a segment has one before it is copied. Raises
    BucketUnavailable, django.db.Error.
    """
    store_id = read_store_id(directory)
    if store_id is None:
        return
    keys = set(bucket.keys(f"{home(market.symbol, store_id)}/{kind}"))
    places = _without(Segment.objects.of(market, kind), _places(market.symbol, store_id, kind, bucket, keys))
    yield from (place for place, _ in _found(market, kind, places, bucket, []))


def _other_ids(market: Market, store_id: str | None, bucket: Bucket) -> Iterator[str]:
    """The ids of other recordings of the symbol that have segments in the bucket, of none of which a row tells."""
    for other in bucket.folders(market.symbol):
        recording = home(market.symbol, other)
        if other == store_id or not any(map(partial(_holds_cards, bucket, market.symbol, other), KINDS)):
            continue
        rows = Segment.objects.of(market).filter(cold_key__startswith=f"{recording}/")
        if not _ask(rows.exists):
            yield other


def _holds_cards(bucket: Bucket, symbol: str, store_id: str, kind: str) -> bool:
    return next(bucket.keys(cards_of(symbol, store_id, kind)), None) is not None


def _miss_lost(market: Market, kind: str, bucket: Bucket, keys: set[str], done: Healed) -> None:
    for row in pages(Segment.objects.of(market, kind).filter(cold__gt=Cold.NONE).order_by("start_t", "name")):
        if row.cold_key in keys or bucket.head(row.cold_key) is not None:
            continue
        rows = Segment.objects.filter(pk=row.pk, cold=row.cold)
        only = row.cold == Cold.ONLY
        if _ask(partial(inventory.change_row, rows, cold=Cold.NONE, **({"missing": True} if only else {}))) and only:
            done.lost.append(row)


def _places(symbol: str, store_id: str, kind: str, bucket: Bucket, keys: set[str]) -> list[Place]:
    """The objects with a card; `keys` are those of all objects of the kind."""
    cards = sorted(bucket.keys(cards_of(symbol, store_id, kind)))
    places = (Place(symbol, store_id, kind, name_of_card(key)) for key in cards)
    return [place for place in places if place.key in keys]


def _without(rows: SegmentQuerySet, places: list[Place]) -> list[Place]:
    """The places that none of these rows is of."""
    names = rows.values_list("name", flat=True)
    known = _ask(lambda: set(names.iterator(chunk_size=10_000))) if places else set()
    return [place for place in places if place.name not in known]


def _found(
    market: Market, kind: str, places: list[Place], bucket: Bucket, faults: list[str]
) -> Iterator[tuple[Place, Card]]:
    """The places whose objects can be taken, with their cards; `faults` get what is in the way of the others.

    Rows are read once: behind a lost database there are as many cards as rows.
    """
    kept = _ask(partial(spans_kept, market, kind)) if places else []
    for place in places:
        card = _card_of(place, bucket, kept, faults)
        if card is not None:
            yield place, card
            if card.end_t >= card.start_t:
                insort(kept, (card.start_t, card.end_t))


def _card_of(place: Place, bucket: Bucket, kept: list[Span], faults: list[str]) -> Card | None:
    """The card of an object, if it is whole; `kept` are the t in segments that can be read."""
    try:
        parse_name(place.name)
        card = read_card(bucket.get_range(place.card_key, 0, _MOST_CARD_BYTES), place.kind, place.name)
        found = bucket.head(place.key)
    except (BadCard, BadName, NoObject) as error:
        faults.append(f"{place.card_key}: {error}")
        return None
    if found is None or found.size != card.bytes:
        faults.append(f"{place.key} in the cold store has not the {card.bytes:,} bytes that its card says")
    elif card.end_t >= card.start_t and meets((card.start_t, card.end_t), kept):
        faults.append(f"{place.key} in the cold store holds t that other segments hold")
    else:
        return card
    return None


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
