"""The names under which existing strategies import their prices."""

from marketcamera import (
    ConnectionState,
    NotFoundError,
    ParseError,
    WebSocketConnectionError,
    WebSocketSubscriptionError,
    get_bars,
    get_price,
    get_websocket_cache,
    get_websocket_manager,
)

__all__ = [
    "ConnectionState",
    "NotFoundError",
    "ParseError",
    "WebSocketConnectionError",
    "WebSocketSubscriptionError",
    "get_bars",
    "get_price",
    "get_websocket_cache",
    "get_websocket_manager",
]
