"""The names under which existing strategies import their prices."""

from marketcamera import get_bars, get_price, get_websocket_cache, get_websocket_manager

__all__ = ["get_bars", "get_price", "get_websocket_cache", "get_websocket_manager"]
