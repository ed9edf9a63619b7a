"""A Mesa model as a market: fundamentalists, chartists and market makers meet in a call auction every step.

    pip install mesa
    python manage.py live --source 'python:examples.mesa_market:Market?chartists=40'

Every step of it is recorded and can be gone back to, the page shows who trades with whom, and after `kill -9` the run
goes on exactly, since `checkpoint` keeps all of the model.
"""

from __future__ import annotations

import logging
import pickle
from math import exp, log
from typing import Any

import mesa
import numpy as np

LOW, HIGH = 50.0, 150.0

logging.getLogger("MESA").setLevel(logging.WARNING)  # else every step is a line of the log


class Trader(mesa.Agent):
    """Somebody who wants one thing a step: to buy or sell up to `size` at `limit` or better, or nothing."""

    def __init__(self, model: AuctionMarket, name: str) -> None:
        super().__init__(model)
        self.name, self.position, self.trades = name, 0.0, 0
        self.side, self.limit, self.size = "none", model.price, 0.0

    def want(self, side: str, limit: float, size: float = 1.0) -> None:
        self.side, self.limit, self.size = side, round(limit, 2), size


class Fundamentalist(Trader):
    """Has an opinion of its own on the value, and trades the price towards it."""

    def __init__(self, model: AuctionMarket, name: str) -> None:
        super().__init__(model, name)
        self.opinion = model.rng.normal(0, 0.02)

    def decide(self) -> None:
        worth = self.model.value * exp(self.opinion)
        gap = log(worth / self.model.price)
        side = "none" if self.model.rng.random() < 0.5 else "buy" if gap > 0 else "sell"
        self.want(side, self.model.price * exp(gap / 2), 1 + min(9, int(100 * abs(gap))))


class Chartist(Trader):
    """Follows the trend of the last steps, each of them of as many as its patience."""

    def __init__(self, model: AuctionMarket, name: str) -> None:
        super().__init__(model, name)
        self.patience = int(model.rng.integers(5, 60))

    def decide(self) -> None:
        past = self.model.past[-min(self.patience, len(self.model.past))]
        trend = log(self.model.price / past) + self.model.rng.normal(0, 0.002)
        side = "none" if self.model.rng.random() < 0.5 else "buy" if trend > 0 else "sell"
        self.want(side, self.model.price * exp(trend))


class Maker(Trader):
    """Takes the other side of what the others want, at a concession, and leans against what it holds."""

    def decide(self) -> None:
        wanted = self.model.excess_demand()
        side = "sell" if wanted - self.position / 10 > 0 else "buy"
        spread = 0.001 if side == "sell" else -0.001
        self.want(side, self.model.price * (1 + spread - 1e-5 * self.position), 1 + abs(wanted) // 4)


class AuctionMarket(mesa.Model):
    """The value walks at random; in a step everybody decides, then one price clears the most."""

    def __init__(self, seed: int, fundamentalists: int, chartists: int, makers: int) -> None:
        super().__init__(rng=seed)
        self.value = self.price = 100.0
        self.past, self.matches = [self.price], []
        for kind, number in ((Fundamentalist, fundamentalists), (Chartist, chartists), (Maker, makers)):
            kind.create_agents(self, number, [f"{kind.__name__.lower()}-{i:02}" for i in range(number)])

    def step(self) -> None:
        self.value *= exp(self.rng.normal(0, 0.001))
        makers = self.agents.select(agent_type=Maker)
        makers.set("side", "none")  # what they quoted in the step before
        self.agents.select(lambda one: not isinstance(one, Maker)).shuffle_do("decide")
        makers.shuffle_do("decide")
        self.auction()
        self.past = [*self.past[-99:], self.price]

    def excess_demand(self) -> float:
        return sum(one.size * {"buy": 1, "sell": -1, "none": 0}[one.side] for one in self.agents)

    def auction(self) -> None:
        """Pair the highest bids with the lowest offers, all at the middle of the last pair that agrees."""
        orders = self.agents.shuffle()  # among equals chance decides
        buyers = sorted((one for one in orders if one.side == "buy"), key=lambda one: -one.limit)
        sellers = sorted((one for one in orders if one.side == "sell"), key=lambda one: one.limit)
        left = {one: one.size for one in (*buyers, *sellers)}
        self.matches = []
        while buyers and sellers and (buyer := buyers[0]).limit >= (seller := sellers[0]).limit:
            size = min(left[buyer], left[seller])
            self.matches.append((buyer, seller, size))
            self.price = round((buyer.limit + seller.limit) / 2, 2)
            for one, rest, sign in ((buyer, buyers, 1), (seller, sellers, -1)):
                one.position += sign * size
                one.trades += 1
                left[one] -= size
                if not left[one]:
                    rest.pop(0)


class Market:
    """What Market Camera asks of a model, about the Mesa model within."""

    price_range = (LOW, HIGH)

    def __init__(self, seed: int, fundamentalists: int = 40, chartists: int = 30, makers: int = 5) -> None:
        self.model = AuctionMarket(seed, fundamentalists, chartists, makers)

    def step(self) -> dict[str, Any]:
        self.model.step()
        agents, price = list(self.model.agents), self.model.price
        place = {one: i for i, one in enumerate(agents)}
        return {
            "s": self.state(),
            "mid": price,
            "agents": [{"name": one.name, "experience": 1 - exp(-one.trades / 100)} for one in agents],
            "actions": [
                {"id": i, "side": one.side, "price": one.limit, "size": one.size} for i, one in enumerate(agents)
            ],
            "matches": [
                {"a": place[buyer], "b": place[seller], "prob": 1.0, "price": price, "size": size}
                for buyer, seller, size in self.model.matches
            ],
        }

    def state(self) -> dict[str, float]:
        model, agents = self.model, self.model.agents
        traded = {one for buyer, seller, _ in model.matches for one in (buyer, seller)}
        wanted = sum(one.size for one in agents if one.side != "none")
        returns = np.diff(np.log(model.past[-21:]))
        return {
            "price_norm": min(1.0, max(0.0, (model.price - LOW) / (HIGH - LOW))),
            "volatility": min(1.0, float(returns.std()) * 20**0.5),
            "liquidity": len(traded) / len(agents),
            "imbalance": model.excess_demand() / wanted if wanted else 0.0,
        }

    def checkpoint(self) -> bytes:
        return pickle.dumps(self.model)

    def restore(self, state: bytes) -> None:
        self.model = pickle.loads(state)
