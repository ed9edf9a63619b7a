"""Failures of the libraries below, of whatever class, as this package's errors, each with a sentence."""

from __future__ import annotations

import logging
import ssl
from functools import cache
from urllib.request import proxy_bypass

import httpx
from websockets.exceptions import InvalidProxy, InvalidStatus, WebSocketException

from marketcamera.errors import HistoryUnavailable, MarketCameraError, WebSocketConnectionError

#: Where the library below logs of a connection. That one fell silent it tells with the stack of a thread of its own; it
#: is told here, in words, like any other end of a connection.
UNHEARD = logging.getLogger("marketcamera.connections")
UNHEARD.setLevel(logging.CRITICAL + 1)

#: Answers that pass by themselves.
PASSING_STATUS = frozenset({408, 425, 429, 502, 503, 504})


def connection_error(url: str, error: Exception | None) -> MarketCameraError:
    """What ended a WebSocket connection, or kept it from being made; None for an end in good order."""
    return error if isinstance(error, MarketCameraError) else WebSocketConnectionError(url, reason_of(error))


def history_error(url: str, error: Exception) -> MarketCameraError:
    """What kept an HTTP request from being answered."""
    return error if isinstance(error, MarketCameraError) else HistoryUnavailable(url, reason_of(error))


def is_of_the_network(error: Exception | None) -> bool:
    """Whether it may pass by itself; what is wrong with this machine's settings, or with a program, does not."""
    passing = (OSError, WebSocketException, httpx.TransportError)
    return error is None or (isinstance(error, passing) and not isinstance(error, InvalidProxy))


def reason_of(error: Exception | None) -> str:
    """Why, in words."""
    if error is None:
        return "the connection was closed"
    if isinstance(error, InvalidProxy):  # its own text shows the proxy's password
        return f"the environment names a proxy that cannot be used: {error.msg}"
    if isinstance(error, ImportError):
        return f"the environment names a proxy, and {error}; NO_PROXY may name hosts that need none"
    if isinstance(error, InvalidStatus):
        return f"the answer was {error.response.status_code}, no stream"
    if is_of_the_network(error) or isinstance(error, (ValueError, httpx.HTTPError, httpx.InvalidURL)):
        return str(error) or type(error).__name__
    return f"{type(error).__name__}: {error}"


def http_client(url: str, timeout_seconds: float) -> httpx.Client:
    """A client for the server at a URL, by the environment's proxy where it names one. Raises HistoryUnavailable."""
    try:
        host = httpx.URL(url).host
        # Without this even a host that NO_PROXY names would need the package for the proxy.
        trust_env = not proxy_bypass(host)
        return httpx.Client(timeout=timeout_seconds, follow_redirects=True, trust_env=trust_env, verify=_tls(trust_env))
    except Exception as error:  # a package that is missing, a scheme that it does not know
        raise history_error(url, error) from error


@cache
def _tls(trust_env: bool) -> ssl.SSLContext:
    """Made once: it takes 20 ms to read the certificates of all authorities that are trusted."""
    return httpx.create_ssl_context(trust_env=trust_env)
