"""Where the venue is: its socket, and the path that answers questions, from one URL."""

from __future__ import annotations

import re
from urllib.parse import urlsplit, urlunsplit

_SCHEMES = {"ws": "http", "wss": "https"}
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f]")


class VenueAddresses:
    """`socket` is the URL of the WebSocket, `info` that of the questions beside it: `/info` where the socket is `/ws`.

    As text it has no query, which may hold a key. Raises ValueError for what is no such URL.
    """

    def __init__(self, url: str) -> None:
        try:
            parts = urlsplit(url)
            usable = parts.scheme in _SCHEMES and parts.hostname and parts.port != 0
        except ValueError:
            usable = False
        if not usable or _FORBIDDEN.search(url):
            raise ValueError("must be a URL that begins with ws:// or wss:// and a host")
        if "@" in parts.netloc:
            raise ValueError("must hold no user and password, since it is shown in logs")
        path = parts.path.rstrip("/").removesuffix("/ws")
        self.socket = urlunsplit(parts._replace(fragment=""))
        self.info = urlunsplit((_SCHEMES[parts.scheme], parts.netloc, f"{path}/info", parts.query, ""))
        self._shown = urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))

    def __str__(self) -> str:
        return self._shown
