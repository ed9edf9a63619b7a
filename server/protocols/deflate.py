"""permessage-deflate (RFC 7692): which of a client's offers is taken."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import daphne.server  # noqa: F401  (installs the asyncio reactor, so it must come first)
from autobahn.websocket.compress import PerMessageDeflateOffer, PerMessageDeflateOfferAccept

_LARGEST_WINDOW_BITS = 15


def accepted(offers: Iterable[Any]) -> Any:
    """The first offer that allows messages to be compressed once for everybody; None without one.

    Each of ours is compressed by itself, which every client can read, whether it keeps a context or not. A client that
    can only take a smaller window than the one they are made with goes uncompressed.
    """
    for offer in offers:
        if isinstance(offer, PerMessageDeflateOffer) and offer.request_max_window_bits in (0, _LARGEST_WINDOW_BITS):
            accept: Any = PerMessageDeflateOfferAccept
            return accept(offer)
    return None
