"""What can go wrong between a program and its market."""

from __future__ import annotations


class MarketCameraError(Exception):
    """Base of everything this package raises by itself, wrong arguments (ValueError) apart."""


class WebSocketConnectionError(MarketCameraError):
    """There is no connection to the server: it could not be made, or it broke."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"{url}: {reason}")
        self.url, self.reason = url, reason


class ConnectionGivenUp(WebSocketConnectionError):
    """The connection could not be had within the attempts that were allowed."""

    def __init__(self, url: str, attempts: int, reason: str) -> None:
        count = "1 attempt" if attempts == 1 else f"{attempts} attempts"
        super().__init__(url, f"given up after {count}: {reason}")
        self.attempts, self.reason = attempts, reason


class WebSocketSubscriptionError(MarketCameraError):
    """The server answered, and will not send what was asked for."""


class StreamRefused(WebSocketSubscriptionError):
    """The server will not serve this request, however often it is asked; `code` is for programs."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"the server refused: {detail} ({code})")
        self.code, self.detail = code, detail


class FeedRefused(WebSocketSubscriptionError):
    """The feed answered CONNECT with an error."""


class StoreChanged(MarketCameraError):
    """The market has another recording now: `store` is its id, and `position`, if there is one, is one in `former`."""

    def __init__(self, url: str, former: str | None, position: int | None, store: str | None) -> None:
        here = "" if former is None else f" of {former}"
        what = f"{former} is not" if position is None else f"t={position}{here} is no position in"
        super().__init__(f"{url}: {what} its recording any more, which is {store} now")
        self.url, self.former, self.position, self.store = url, former, position, store


class ParseError(MarketCameraError):
    """What came, or was given, cannot be understood."""


class BadMessage(ParseError, ValueError):
    """Something arrived that no Market Camera server sends."""

    def __init__(self, reason: str, text: str | bytes) -> None:
        shown = repr(text if len(text) <= 80 else text[:77])
        super().__init__(f"{reason}, got {shown}")


class HistoryUnavailable(MarketCameraError):
    """The server did not hand out what it has recorded."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"{url}: {reason}")
        self.url, self.reason = url, reason


class NotFoundError(HistoryUnavailable):
    """The server has no such market, or nothing at all at this address."""
