"""permessage-deflate (RFC 7692): selects one of a client's offers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import daphne.server  # noqa: F401  (installs the asyncio reactor, so it must come first)
from autobahn.websocket.compress import PerMessageDeflateOffer, PerMessageDeflateOfferAccept

_LARGEST_WINDOW_BITS = 15


def accepted(offers: Iterable[Any]) -> Any:
    """The first offer that allows messages to be compressed once for all clients; None if there is none.

    Each message is compressed independently, which every client can read, with or without a context. A client that
    accepts only a smaller window than the one used gets uncompressed messages.
    """
    for offer in offers:
        if isinstance(offer, PerMessageDeflateOffer) and offer.request_max_window_bits in (0, _LARGEST_WINDOW_BITS):
            accept: Any = PerMessageDeflateOfferAccept
            return accept(offer)
    return None
