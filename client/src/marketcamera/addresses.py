"""Addresses: from the one URL a user gives to each of a server's endpoints."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit, urlunsplit

STREAM_PATH = "/ws/stream"
FEED_PATH = "/market_data"
#: The header that tells of which recording an answer is.
STORE_HEADER = "Market-Camera-Store"
_SECURE = {"http": False, "ws": False, "https": True, "wss": True}


#: Spaces and control characters: libraries refuse them, each in its own way.
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f]")


def _is_host(parts: SplitResult) -> bool:
    """Whether there can be a host of that name, and a port of that number."""
    try:
        (parts.hostname or "").encode("idna")
        return parts.port != 0
    except ValueError:
        return False


class Address:
    """A server, from any of its URLs: `http://host:8000`, `ws://host:8000/ws/stream?symbol=X`, `ws://host/market_data`.

    A prefix before the endpoint's path is kept, for servers behind a proxy. Raises ValueError for what is no such URL.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in _SECURE or not parts.hostname:
            raise ValueError(f"a server's URL begins with http://, https://, ws:// or wss:// and a host, got {url!r}")
        if _FORBIDDEN.search(url) or not _is_host(parts):
            raise ValueError(f"a server's URL has a host's name and a port that can be, got {url!r}")
        if "@" in parts.netloc:
            raise ValueError("a server's URL holds no user and password, since it is shown in messages and logs")
        self.query = dict(parse_qsl(parts.query, keep_blank_values=True))
        self._secure, self._host = _SECURE[parts.scheme], parts.netloc
        self._path = parts.path.rstrip("/")
        self._prefix = self._path.removesuffix(STREAM_PATH).removesuffix(FEED_PATH)

    def stream(self, parameters: Mapping[str, str]) -> str:
        """`/ws/stream` with these parameters."""
        return self._url("wss" if self._secure else "ws", STREAM_PATH, parameters)

    def feed(self) -> str:
        """`/market_data`; another path than that or the stream's is taken as it is; feeds elsewhere have their own."""
        path = FEED_PATH if self._prefix != self._path or not self._path else ""
        return self._url("wss" if self._secure else "ws", path, {})

    def http(self, path: str, parameters: Mapping[str, str] | None = None) -> str:
        """An HTTP path, such as `/range`."""
        return self._url("https" if self._secure else "http", path, parameters or {})

    def _url(self, scheme: str, path: str, parameters: Mapping[str, str]) -> str:
        query = urlencode(parameters, safe=",")
        return urlunsplit((scheme, self._host, self._prefix + path, query, ""))
