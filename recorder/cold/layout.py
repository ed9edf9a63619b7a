"""The keys of a cold store: below `<symbol>/<store id>/` everything lies as in a market's directory. Pure."""

from __future__ import annotations

from typing import NamedTuple

from recorder.errors import BadName
from recorder.segment.layout import KINDS, SUFFIX, SYMBOL_PATTERN, parse_name

#: The folder of what is known of each object of a segment (`recorder.cold.card`).
_CARDS, _CARD_SUFFIX = "cards", ".json"
_DIGESTS, _DIGEST_SUFFIX = "digests", ".json.zst"
#: The folder of segments that are not in the bucket as a whole yet (`recorder.cold.open_segments`).
_OPEN = "open"

#: Files of a market's directory without which its segments say less, and the one that says whose they are.
COMPANIONS = ("store_id", "runs.json", "agents.ndjson")


class Place(NamedTuple):
    """The place of a segment's object: those of another recording of the same symbol are below another id."""

    symbol: str
    store_id: str
    kind: str
    name: str

    @property
    def key(self) -> str:
        return f"{home(self.symbol, self.store_id)}/{self.kind}/{self.name}"

    @property
    def digest_key(self) -> str:
        """The key of the segment's digest."""
        return self._beside(_DIGESTS, _DIGEST_SUFFIX)

    @property
    def card_key(self) -> str:
        """The key of what is known of the object."""
        return self._beside(_CARDS, _CARD_SUFFIX)

    def _beside(self, folder: str, suffix: str) -> str:
        return f"{home(self.symbol, self.store_id)}/{folder}/{self.kind}/{self.name.removesuffix(SUFFIX)}{suffix}"


def home(symbol: str, store_id: str) -> str:
    """The prefix of all that belongs to one recording, without a slash at its end."""
    return f"{symbol}/{store_id}"


def cards_of(symbol: str, store_id: str, kind: str) -> str:
    """The prefix of the cards of a kind, without a slash at its end."""
    return f"{home(symbol, store_id)}/{_CARDS}/{kind}"


def open_folder(symbol: str, store_id: str) -> str:
    """The prefix of what is being recorded, without a slash at its end."""
    return f"{home(symbol, store_id)}/{_OPEN}"


def open_key(symbol: str, store_id: str, kind: str, name: str) -> str:
    """The key of a segment as far as it has come; `name` is its final one."""
    return f"{open_folder(symbol, store_id)}/{kind}/{name}"


def place_of(key: str) -> Place:
    """The place that the key of a segment's object names. Raises BadName."""
    symbol, _, rest = key.partition("/")
    store_id, _, rest = rest.partition("/")
    kind, _, name = rest.partition("/")
    if kind not in KINDS or not SYMBOL_PATTERN.fullmatch(symbol):
        raise BadName("the key of a segment", key, "<symbol>/<store id>/<kind>/<segment>")
    parse_name(name)
    return Place(symbol, store_id, kind, name)


def name_of_card(key: str) -> str:
    """The name of the segment to which a card belongs, given by its key."""
    return key.rpartition("/")[2].removesuffix(_CARD_SUFFIX) + SUFFIX
