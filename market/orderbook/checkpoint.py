"""The whole state of an order book market as bytes: self-contained JSON from which it continues exactly."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict
from typing import Any

import orjson

from market.model.checkpoint import checkpoint_fields, generator_from_json, generator_to_json
from market.model.substrate import VOLATILITY_PRICES
from market.orderbook.market import OrderBookMarket
from market.orderbook.parameters import Parameters
from market.tick import MarketError

FORMAT = "market-orderbook-checkpoint"
VERSION = 1


class OrderBookCheckpointError(MarketError, ValueError):
    """Bytes from which no order book market can continue."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"not an order book's checkpoint: {reason}")


def to_bytes(market: OrderBookMarket) -> bytes:
    """Everything that the next ticks depend on, and what the market was made with."""
    return orjson.dumps(
        {
            "format": FORMAT,
            "version": VERSION,
            "seed": str(market.seed),  # JSON readers stop at 64 bits, a seed need not
            "parameters": asdict(market.parameters),
            "t": market.t,
            "mid": market.mid,
            "mid_before": market.mid_before,
            "flow": market.flow,
            "trades_of": market.trades_of,
            "recent_prices": [*market.recent_prices],
            "book": [(order.agent, order.side, order.price, order.size) for order in market.book],
            "value": market.value.state(),
            "attention": market.attention.state(),
            "makers": market.makers.state(),
            "momentum": market.momentum.state(),
            "generator": generator_to_json(market.generator),
        }
    )


def from_bytes(data: bytes) -> OrderBookMarket:
    """The market of a checkpoint, ready to make its next tick. Raises OrderBookCheckpointError."""
    try:
        return _restored(checkpoint_fields(data, FORMAT, VERSION))
    except KeyError as error:
        raise OrderBookCheckpointError(f"it lacks {error}") from None
    except (TypeError, ValueError) as error:
        raise OrderBookCheckpointError(str(error)) from None


def _restored(saved: dict[str, Any]) -> OrderBookMarket:
    market = OrderBookMarket(int(saved["seed"]), Parameters(**saved["parameters"]))
    market.t, market.flow = saved["t"], saved["flow"]
    market.mid, market.mid_before = saved["mid"], saved["mid_before"]
    market.recent_prices = deque(saved["recent_prices"], VOLATILITY_PRICES)
    market.generator = generator_from_json(saved["generator"])
    market.count_trades(saved["trades_of"])
    for agent, side, price, size in saved["book"]:
        market.book.rest(agent, side, price, size)
    for name in ("value", "attention", "makers", "momentum"):
        getattr(market, name).restore(saved[name])
    return market
