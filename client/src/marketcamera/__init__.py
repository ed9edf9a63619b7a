"""Prices, bars and structure of a market from a Market Camera server, live and past alike.

Each name is loaded when it is asked for: who needs the columns of a table needs no HTTP client, which takes longer to
load than many programs take to run. `__init__.pyi` tells type checkers the same names.
"""

from importlib import import_module
from typing import Any

_NAMES = {
    "backtest": ("Backtest", "BarSource"),
    "bars.bar": ("Bar",),
    "bars.cache": ("BarCache",),
    "bars.prices": ("get_bars", "get_price", "get_websocket_cache", "get_websocket_manager"),
    "errors": (
        *("BadMessage", "ConnectionGivenUp", "FeedRefused", "HistoryUnavailable", "MarketCameraError", "NotFoundError"),
        *("ParseError", "StoreChanged", "StreamRefused", "WebSocketConnectionError", "WebSocketSubscriptionError"),
    ),
    "feed.client": ("BarFeed",),
    "feed.status": ("ConnectionState",),
    "store.store": ("Store", "open_store"),
    "stream.client": ("Stream",),
    "stream.messages": ("Frame", "Gap", "Metric", "Received", "Tick"),
    "stream.replay": ("Replay",),
}
_HOMES = {name: home for home, names in _NAMES.items() for name in names}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    homes = {_HOMES[name]} if name in _HOMES else {home for home in _NAMES if home.split(".")[0] == name}
    if not homes:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    modules = [import_module(f"{__name__}.{home}") for home in homes]
    if name in _HOMES:
        globals()[name] = getattr(modules[0], name)
    return globals()[name]  # a module is put there by its import


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
