"""The market with an order book as a source: `orderbook?makers=10&noise=50`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from market.orderbook import checkpoint
from market.orderbook.market import OrderBookMarket
from market.orderbook.parameters import ParameterError, Parameters
from market.sources.options import Options, SourceSettings
from market.sources.source import Source, SourceError
from market.tick import Tick


class OrderBookSource(Source):
    """The ticks of an order book market, without end, from its present state on."""

    name = "orderbook"
    replayable = True
    head_start = True

    def __init__(self, market: OrderBookMarket) -> None:
        super().__init__()
        self.market = market
        self.price_range = market.parameters.price_range

    def __iter__(self) -> Iterator[Tick]:
        while True:
            yield self.market.step()

    def checkpoint(self) -> str:
        return checkpoint.to_bytes(self.market).decode()

    def restore(self, checkpoint_text: str) -> None:
        self.market = checkpoint.from_bytes(checkpoint_text.encode())


def orderbook_source(setting: str, settings: SourceSettings) -> OrderBookSource:
    """The source of a setting, each of whose options is a field of Parameters. Raises SourceError."""
    options, defaults = Options(setting), asdict(Parameters())
    values = {name: _taken(options, name, default) for name, default in defaults.items()}
    options.end(", ".join(defaults))
    try:
        return OrderBookSource(OrderBookMarket(settings.seed, Parameters(**values)))
    except ParameterError as error:
        raise SourceError(f"{options.setting}: option {error}") from None


def _taken(options: Options, name: str, default: Any) -> Any:
    return options.take(name, type(default), default, "an integer" if isinstance(default, int) else "a number")
