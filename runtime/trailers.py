"""Trailers: fields that follow an answer's body, since they are known only then (RFC 9110, 6.5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: The ASGI extension of HTTP scopes: a dict of names and values, which the application may fill until the body's end.
#: They are sent where the body is chunked. The answer should name them in its header `Trailer`.
TRAILERS = "market_camera.trailers"


def trailers_of(scope: Mapping[str, Any]) -> dict[str, str]:
    """The trailers of a request's answer, to be filled; they lead nowhere behind a server without this extension."""
    found: dict[str, str] = (scope.get("extensions") or {}).get(TRAILERS, {})
    return found
