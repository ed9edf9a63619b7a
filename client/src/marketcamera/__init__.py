"""Prices, bars and structure of a market from a Market Camera server, live and past alike."""

from marketcamera.backtest import Backtest, BarSource
from marketcamera.bars.bar import Bar
from marketcamera.bars.cache import BarCache
from marketcamera.bars.prices import get_bars, get_price, get_websocket_cache, get_websocket_manager
from marketcamera.errors import (
    BadMessage,
    ConnectionGivenUp,
    FeedRefused,
    HistoryUnavailable,
    MarketCameraError,
    NotFoundError,
    ParseError,
    StoreChanged,
    StreamRefused,
    WebSocketConnectionError,
    WebSocketSubscriptionError,
)
from marketcamera.feed.client import BarFeed
from marketcamera.feed.status import ConnectionState
from marketcamera.store.store import Store, open_store
from marketcamera.stream.client import Stream
from marketcamera.stream.messages import Frame, Gap, Metric, Received, Tick
from marketcamera.stream.replay import Replay

__all__ = [
    "Backtest",
    "BadMessage",
    "Bar",
    "BarCache",
    "BarFeed",
    "BarSource",
    "ConnectionGivenUp",
    "ConnectionState",
    "FeedRefused",
    "Frame",
    "Gap",
    "HistoryUnavailable",
    "MarketCameraError",
    "Metric",
    "NotFoundError",
    "ParseError",
    "Received",
    "Replay",
    "Store",
    "StoreChanged",
    "Stream",
    "StreamRefused",
    "Tick",
    "WebSocketConnectionError",
    "WebSocketSubscriptionError",
    "get_bars",
    "get_price",
    "get_websocket_cache",
    "get_websocket_manager",
    "open_store",
]
