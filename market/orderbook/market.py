"""The market with an order book: runs its agents tick by tick, and can be stopped and continued exactly."""

from __future__ import annotations

import math
from collections import deque
from typing import Any

import numpy as np
import numpy.typing as npt

from market.model.substrate import CENT, DECIMALS, VOLATILITY_PRICES, volatility
from market.orderbook.actions import actions
from market.orderbook.attention import Attention
from market.orderbook.book import OrderBook, Trade
from market.orderbook.makers import Makers
from market.orderbook.parameters import Parameters
from market.orderbook.traders import Fundamentalists, Kind, Luck, Momentum, Noise, Sight
from market.orderbook.value import Value
from market.tick import BUY, Floats, Ints, Tick

#: After so many trades an agent has 63 % of the experience that can be had.
EXPERIENCE_TRADES = 1_000

#: Normalised prices are multiples of 1e-9: of 0.00002 where the range is 20,000.
_PRICE_DECIMALS = 9


class OrderBookMarket:
    """A limit order book and the agents that trade in it, `parameters` says which.

    The same arguments give the same ticks, byte for byte.
    """

    def __init__(self, seed: int = 0, parameters: Parameters | None = None) -> None:
        self.seed, self.parameters = seed, parameters or Parameters()
        self.t = 0
        self.generator = np.random.Generator(np.random.PCG64(seed))
        self.book = OrderBook()
        #: The middle of the book in steps, now and a tick ago; the last known while a side is empty.
        self.mid = self.mid_before = self.first_mid = self.parameters.price / self.parameters.grid
        #: Lots that others than makers bought at once in the last tick, less those they sold.
        self.flow = 0
        self.count_trades([0] * self.parameters.agents)
        self.recent_prices = deque([self._price_norm()], VOLATILITY_PRICES)
        self._seat()

    def _seat(self) -> None:
        parameters = self.parameters
        self.value, self.attention = Value(parameters), Attention(parameters)
        self.makers, self.momentum = Makers(parameters, self.mid), Momentum(parameters, self.mid)
        kinds: tuple[tuple[Kind, int, float], ...] = (
            (Fundamentalists(parameters), parameters.fundamentalists, parameters.fundamental_rate),
            (self.momentum, parameters.momentum, parameters.momentum_rate),
            (Noise(parameters), parameters.noise, parameters.noise_rate),
        )
        self._traders = [(kind, i) for kind, count, _ in kinds for i in range(count)]
        rates = [np.full(count, rate) for _, count, rate in kinds]
        self._rates = np.concatenate([np.full(parameters.makers, parameters.requotes), *rates])
        self._full_quotes = max(1, 2 * parameters.makers * parameters.maker_size)
        self._ids: Ints = np.arange(parameters.agents)
        self._ids.flags.writeable = False
        self._names = parameters.names

    def count_trades(self, trades_of: list[int]) -> None:
        """Set how many trades each agent has made so far."""
        self.trades_of = trades_of
        self._experience = np.array([experience(trades) for trades in trades_of])

    def step(self) -> Tick:
        """The next tick, not yet placed in time (`ts` is None). `agent_ids` is the same read-only array in each."""
        draws = self.generator.random((5, self.parameters.agents + 1))
        normals = self.generator.standard_normal(self.parameters.makers + 1)
        moved = self.value.move(float(normals[-1]), *draws[:3, -1].tolist())
        self.attention.see((self.mid - self.mid_before) / self.mid_before)
        self.momentum.see(self.mid)
        self.makers.see(self.mid, moved * self.first_mid, self.flow, normals[:-1])
        trades = self._trade(draws[:, :-1])
        self.flow = flow_of(trades, self.parameters.makers)
        self.mid_before, self.mid = self.mid, self.book.mid or self.mid
        self.recent_prices.append(self._price_norm())
        tick = self._tick(trades)
        self.t += 1
        return tick

    def _trade(self, draws: Floats) -> list[Trade]:
        """Let those act whose turn it is, in a random order."""
        makers, excitement = self.parameters.makers, self.attention.excitement()
        sight = Sight(self.mid, self.value.level * self.first_mid, self.attention.usual)
        acting, trades = self._acting(draws, excitement), list[Trade]()
        for agent, *luck in zip(acting.tolist(), *draws[2:, acting].tolist(), strict=True):
            if agent < makers:
                trades += self.makers.act(self.book, agent, self.mid, float(excitement[agent]))
                continue
            self.book.withdraw(agent)
            kind, trader = self._traders[agent - makers]
            made = kind.act(self.book, agent, trader, sight, Luck(*luck))
            self.makers.settle(made)
            trades += made
        return trades

    def _acting(self, draws: Floats, excitement: Floats) -> Ints:
        """The agents that act in this tick, in the order in which they do."""
        makers, luck = self.parameters.makers, draws[0]
        acts = luck < self._rates * self.attention.activity(excitement)
        acts[:makers] = (luck[:makers] < self.parameters.requotes) | self.makers.must_requote(self.mid)
        acting = acts.nonzero()[0]
        order: Ints = acting[draws[1, acting].argsort(kind="stable")]
        return order

    def _price_norm(self) -> float:
        low, high = self.parameters.price_range
        share = (self.mid * self.parameters.grid - low) / (high - low)
        return round(min(max(share, 0.0), 1.0), _PRICE_DECIMALS)

    def _liquidity_and_imbalance(self) -> tuple[float, float]:
        """Of the lots near the mid: their share of themselves and what all makers quote together; bids less asks."""
        bids, asks = self.book.bids.depth(), self.book.asks.depth()
        depth = bids + asks
        imbalance = (bids - asks) / depth if depth else 0.0
        return round(depth / (depth + self._full_quotes), DECIMALS), round(imbalance, DECIMALS)

    def _tick(self, trades: list[Trade]) -> Tick:
        parameters, grid = self.parameters, self.parameters.grid
        shown = actions(self.book, trades, parameters.agents, self.t, self.mid)
        dealt = np.array(trades, np.int64).reshape(-1, len(Trade._fields))
        liquidity, imbalance = self._liquidity_and_imbalance()
        self._learn(dealt[:, :2].ravel().tolist())
        return Tick(
            t=self.t,
            ts=None,
            price_norm=self.recent_prices[-1],
            volatility=volatility(self.recent_prices),
            liquidity=liquidity,
            imbalance=imbalance,
            agent_ids=self._ids,
            experience=self._experience.copy(),
            sides=np.array(shown.sides, np.int8),
            prices=cents(np.array(shown.prices) * grid),
            sizes=np.array(shown.sizes, np.float64),
            match_a=dealt[:, 0].copy(),
            match_b=dealt[:, 1].copy(),
            match_prob=np.ones(len(trades)),
            mid=self.mid * grid,
            names=self._names,
            match_prices=cents(dealt[:, 2] * grid),
            match_sizes=dealt[:, 3].astype(np.float64),
        )

    def _learn(self, agents: list[int]) -> None:
        """Count a trade for each of the agents."""
        for agent in agents:
            self.trades_of[agent] += 1
            self._experience[agent] = experience(self.trades_of[agent])


def experience(trades: int) -> float:
    """What an agent has learned by so many trades, within 0..1."""
    return round(1.0 - math.exp(-trades / EXPERIENCE_TRADES), DECIMALS)


def flow_of(trades: list[Trade], makers: int) -> int:
    """The lots that others than makers bought at once, less those that they sold."""
    return sum(
        [
            trade.size if trade.taker == BUY else -trade.size
            for trade in trades
            if (trade.buyer if trade.taker == BUY else trade.seller) >= makers
        ]
    )


def cents(prices: npt.NDArray[np.floating[Any]]) -> Floats:
    """The prices, rounded to cents."""
    rounded: Floats = np.rint(prices * CENT) / CENT
    return rounded
