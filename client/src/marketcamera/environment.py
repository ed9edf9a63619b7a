"""The environment: which variables a feed is configured by when a program says nothing; the only reader of them."""

from __future__ import annotations

import os
from collections.abc import Mapping

from marketcamera.feed_protocol import Subscription

#: Each variable and the argument of `configure` that it stands for; lists are separated by commas.
VARIABLES = {
    "WEBSOCKET_ENDPOINT": "endpoint",
    "WEBSOCKET_SYMBOLS": "symbols",
    "WEBSOCKET_RESOLUTIONS": "resolutions",
    "WEBSOCKET_CSRF_TOKEN": "csrf_token",
    "WEBSOCKET_MARKET_TYPE": "market_type",
}


def subscription_from_environment(environ: Mapping[str, str] = os.environ) -> Subscription:
    """What the variables ask for; an empty one counts as unset. Raises ValueError."""
    given = {argument: environ[name] for name, argument in VARIABLES.items() if environ.get(name)}
    try:
        return Subscription().changed(**given)
    except ValueError as error:
        raise ValueError(f"in the environment ({', '.join(VARIABLES)}): {error}") from None


def names_a_feed(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether the variables are enough to start a feed by."""
    return bool(environ.get("WEBSOCKET_ENDPOINT") and environ.get("WEBSOCKET_SYMBOLS"))
