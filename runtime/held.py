"""What is held for a request over HTTP, and given back when the request has ended, however it did."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest

#: The key of a scope under which whoever runs Django keeps an ExitStack, which closes when the request has ended.
HELD = "market_camera.held"


def at_end(request: HttpRequest, close: Callable[[], object]) -> None:
    """Have `close` called on the loop's thread when the request has ended, where somebody sees to its end.

    Django closes an answer itself, but not one that a middleware still has when the client leaves. So `close` may be
    called twice.
    """
    held = getattr(request, "scope", {}).get(HELD)
    if held is not None:
        held.callback(close)
