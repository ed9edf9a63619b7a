"""The environment: what it says of the feed and of tables when a program says nothing; the only reader of it."""

from __future__ import annotations

import os
from collections.abc import Mapping

from marketcamera.feed.protocol import Subscription

#: The zone of the times of tables, by name; `none` is UTC without a zone.
_ZONE = "MARKETCAMERA_TZ"

#: Each variable and the argument of `configure` that it stands for; lists are separated by commas.
VARIABLES = {
    "WEBSOCKET_ENDPOINT": "endpoint",
    "WEBSOCKET_SYMBOLS": "symbols",
    "WEBSOCKET_RESOLUTIONS": "resolutions",
    "WEBSOCKET_CSRF_TOKEN": "csrf_token",
    "WEBSOCKET_MARKET_TYPE": "market_type",
    "MARKETCAMERA_REPLAY": "replay",
}


def subscription_from_environment(environ: Mapping[str, str] = os.environ) -> Subscription:
    """What the variables ask for; an empty one counts as unset. Raises ValueError."""
    given = {argument: environ[name] for name, argument in VARIABLES.items() if environ.get(name)}
    try:
        return Subscription().changed(**given)
    except ValueError as error:
        raise ValueError(f"in the environment ({', '.join(VARIABLES)}): {error}") from None


def zone_from_environment(environ: Mapping[str, str] = os.environ) -> str | None:
    """The zone that tables have their times in; None where they have none."""
    name = environ.get(_ZONE) or "UTC"
    return None if name.lower() == "none" else name


def names_a_feed(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether the variables are enough to start a feed by."""
    return bool(environ.get("WEBSOCKET_ENDPOINT") and environ.get("WEBSOCKET_SYMBOLS"))
