"""The card of an object: what a row knows of its segment, beside it in the bucket. Pure: no Django, no clock.

It is written once the object is proven, so an object without one is not known to be whole. A lost database is made
again from cards, without reading every object.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import orjson

from recorder.cold.recompress import Packed
from recorder.errors import RecorderError

_VERSION = 1
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_COUNTS = ("start_t", "lines", "gaps", "text_bytes", "bytes", "file_bytes")


class BadCard(RecorderError):
    """Something in the place of a card that is none, or is that of another object."""


@dataclass(frozen=True, slots=True)
class Card:
    """The facts of a segment as its row has them.

    `bytes`, `sha256` and `seek_points` are of the object; `file_bytes` and `file_sha256` of the file on the market's
    disk, which may have been compressed otherwise. `created_at` is when it was sealed.
    """

    kind: str
    name: str
    start_t: int
    end_t: int
    lines: int
    gaps: int
    text_bytes: int
    created_at: datetime
    bytes: int
    sha256: str
    seek_points: list[list[int]]
    file_bytes: int
    file_sha256: str


def card_json(card: Card) -> bytes:
    """The card as the content of its object."""
    return orjson.dumps({"version": _VERSION, **asdict(card)}, option=orjson.OPT_UTC_Z)


def card_of(row: Any, packed: Packed) -> Card:
    """The card of a segment, given by its row, whose object is `packed`."""
    names = ("kind", "name", "start_t", "end_t", "lines", "gaps", "text_bytes", "created_at")
    known = {name: getattr(row, name) for name in names}
    return Card(**known, **packed._asdict(), file_bytes=row.bytes, file_sha256=row.sha256)


def read_card(data: bytes, kind: str, name: str) -> Card:
    """The card of a segment. Raises BadCard for anything else."""
    try:
        found = orjson.loads(data)
        version = found.pop("version")
        card = Card(**found | {"created_at": datetime.fromisoformat(found["created_at"]).astimezone(UTC)})
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise BadCard(f"it is no card: {error!r}") from error
    if version != _VERSION or (card.kind, card.name) != (kind, name):
        raise BadCard(f"it is of version {version!r}, and that of {card.kind}/{card.name}")
    counts = [getattr(card, one) for one in _COUNTS]
    if not all(type(one) is int and 0 <= one < 2**63 for one in counts) or type(card.end_t) is not int:
        raise BadCard("it says no numbers where numbers belong")
    hashes = (card.sha256, card.file_sha256)
    if not all(isinstance(one, str) and _SHA256.fullmatch(one) for one in hashes) or not _are_points(card.seek_points):
        raise BadCard("its SHA-256 or its seek points are none")
    return card


def _are_points(found: object) -> bool:
    """Whether these are pairs of integers, both rising."""
    if not isinstance(found, list) or not all(isinstance(one, list) and len(one) == 2 for one in found):
        return False
    whole = all(type(part) is int and part >= 0 for one in found for part in one)
    return whole and all(a[0] < b[0] and a[1] < b[1] for a, b in pairwise(found))
