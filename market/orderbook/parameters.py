"""The options of the order book market, each with its default and bounds."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from market.tick import MarketError


class ParameterError(MarketError, ValueError):
    """An option that the market cannot run with."""


def option(default: float, low: float, high: float, help: str) -> Any:
    return field(default=default, metadata={"low": low, "high": high, "help": help})


@dataclass(frozen=True, slots=True)
class Parameters:
    """What can be set. Shares are of the price, sizes in lots, times in ticks, rates a tick and agent.

    Raises ParameterError for a value out of its bounds.
    """

    makers: int = option(10, 0, 10_000, "market makers")
    fundamentalists: int = option(30, 0, 10_000, "agents that trade on the distance of the price from the value")
    momentum: int = option(30, 0, 10_000, "agents that follow the trend")
    noise: int = option(30, 0, 10_000, "agents that trade at random")

    price: float = option(50_000.0, 1.0, 1e9, "the price at first, to which the value returns in the long run")
    band: float = option(0.2, 0.001, 0.9, "half the price range, as a share of the price")
    grid: float = option(0.5, 0.01, 1e6, "the step of prices, a multiple of 0.01")

    value_volatility: float = option(0.00001, 0.0, 0.01, "deviation of the value's move in a quiet tick")
    value_memory: int = option(500_000, 1, 10**9, "ticks in which the value returns to the price at first")
    news: float = option(0.002, 0.0, 1.0, "probability of news in a tick")
    news_size: float = option(0.00006, 0.0, 0.01, "the least that news moves the value")
    news_echo: float = option(2.0, 0.0, 100.0, "how far the least news raises the volatility of the value")

    spread: float = option(0.0003, 0.0, 0.1, "spread of a maker in a quiet market")
    widening: float = option(0.5, 0.0, 10.0, "how far spreads widen with volatility")
    maker_size: int = option(12, 1, 10**6, "lots a maker quotes on each side")
    maker_limit: int = option(40, 1, 10**7, "lots of stock beyond which a maker hands on half of it")
    skew: float = option(1.0, 0.0, 10.0, "how far a maker at its limit shifts its quotes, in half spreads")
    impact: float = option(0.000002, 0.0, 0.001, "how far each lot that is bought or sold moves the makers' opinions")
    disagreement: float = option(0.00003, 0.0, 0.001, "deviation of a maker's opinion in a tick")
    agreement: float = option(0.05, 0.0, 1.0, "share of its distance to the others' that an opinion loses in a tick")
    requotes: float = option(0.3, 0.0, 1.0, "rate of a maker's new quotes, besides those that it has to make")

    fundamental_rate: float = option(0.03, 0.0, 1.0, "rate of a fundamentalist's orders in a usual market")
    value_spread: float = option(0.002, 0.0, 0.1, "largest error of a fundamentalist's value")
    edge: float = option(0.0015, 1e-6, 0.1, "distance from its value at which a fundamentalist trades at once")

    momentum_rate: float = option(0.015, 0.0, 1.0, "rate of a momentum trader's orders in a usual market")
    shortest_trend: int = option(100, 1, 10**7, "ticks over which the quickest momentum trader looks")
    longest_trend: int = option(1200, 1, 10**7, "ticks over which the slowest momentum trader looks")
    trend: float = option(2.5, 0.0, 100.0, "strength of a trend that is followed, in usual moves")

    noise_rate: float = option(0.03, 0.0, 1.0, "rate of a noise trader's orders in a usual market")
    noise_takes: float = option(0.5, 0.0, 1.0, "share of a noise trader's orders that trade at once")
    noise_distance: float = option(0.0003, 0.0, 0.01, "least distance from the mid of its other orders")

    attention: float = option(1.0, 0.0, 10.0, "how far rates follow the volatility that an agent remembers")
    shortest_memory: int = option(50, 1, 10**7, "ticks after which the shortest memory fades")
    longest_memory: int = option(8000, 1, 10**7, "ticks after which the longest memory fades")
    largest_order: int = option(60, 1, 10**6, "lots of the largest order")

    def __post_init__(self) -> None:
        for known in fields(self):
            value, low, high = getattr(self, known.name), known.metadata["low"], known.metadata["high"]
            if not low <= value <= high:
                raise ParameterError(f"{known.name} must be from {low:g} to {high:g}, got {value!r}")
        if not self.agents:
            raise ParameterError("makers, fundamentalists, momentum and noise must not all be 0")
        if round(self.grid * 100) != self.grid * 100:
            raise ParameterError(f"grid must be a multiple of 0.01, got {self.grid!r}")
        for shortest, longest in (("shortest_trend", "longest_trend"), ("shortest_memory", "longest_memory")):
            if getattr(self, shortest) > getattr(self, longest):
                raise ParameterError(f"{shortest} must not be more than {longest}, got {getattr(self, shortest)!r}")

    @property
    def agents(self) -> int:
        """How many agents there are."""
        return self.makers + self.fundamentalists + self.momentum + self.noise

    @property
    def price_range(self) -> tuple[float, float]:
        """The prices at `price_norm` 0 and 1."""
        return self.price * (1 - self.band), self.price * (1 + self.band)

    @property
    def names(self) -> tuple[str, ...]:
        """The agents' names, by id: `maker-1`, `fundamentalist-12` and so on."""
        kinds = (
            ("maker", self.makers),
            ("fundamentalist", self.fundamentalists),
            ("momentum", self.momentum),
            ("noise", self.noise),
        )
        return tuple(f"{kind}-{i + 1}" for kind, count in kinds for i in range(count))
