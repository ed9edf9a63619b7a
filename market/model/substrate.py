"""The rules of the market substrate: what agents without a strategy do in one tick, and what comes of it.

The model is G. Liu, "Infinite Game V5.0 Market Substrate Model" (2025); the pairing of matches and the price
grid are this project's own. `docs/model.md` holds the equations. Arrays have one entry an agent; whatever is
emitted is rounded here, where it is made, so that the model runs on the very numbers that a tape holds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from market.tick import BUY, POOL, SELL, Codes, Floats, Ints

Flags = npt.NDArray[np.bool_]

PRICE_LOW = 40_000.0
PRICE_SPAN = 20_000.0
#: Prices are multiples of 1 / this, every other emitted number of 1 / `MICRO`.
CENT = 100.0
MICRO = 1e6
DECIMALS = 6

#: How many normalised prices volatility looks back on.
VOLATILITY_PRICES = 20
VOLATILITY_AT_FIRST = 0.3


class State(NamedTuple):
    """The state of the market, the model's `(p, v, l, b, c)`."""

    price_norm: float = 0.5
    volatility: float = VOLATILITY_AT_FIRST
    liquidity: float = 0.5
    imbalance: float = 0.0
    density: float = 0.5


def micro(values: Floats) -> Floats:
    """The values rounded to 6 decimals. Cheaper on small arrays than `np.round`, and the same."""
    rounded: Floats = np.rint(values * MICRO)
    rounded /= MICRO
    return rounded


def price_of(price_norm: float) -> float:
    """The price that a normalised price stands for."""
    return PRICE_LOW + PRICE_SPAN * price_norm


def quotes(generator: np.random.Generator, agents: int) -> tuple[Floats, Codes, Floats]:
    """Rule 1: every agent's price and side, and the uniform number in 0..1 that decides its match."""
    draws = generator.random((3, agents))
    cents = np.rint(PRICE_LOW * CENT + PRICE_SPAN * CENT * draws[0])
    sides = SELL - (draws[1] < 0.5).view(np.int8)
    return cents / CENT, sides, draws[2]


def dispersion(prices: Floats) -> float:
    """Rule 2: the spread of the quotes relative to their mean, in units of 2 %, within 0.2..3."""
    count = len(prices)
    if count < 2:
        return 1.0
    mean = float(np.add.reduce(prices)) / count
    deviations = prices - mean
    deviations *= deviations
    std = math.sqrt(float(np.add.reduce(deviations)) / count)
    return min(max(std / mean / 0.02, 0.2), 3.0)


def side_entropy(buys: int, agents: int) -> float:
    """Rule 2: the entropy of the shares of buys and sells, in bits."""
    if buys == 0 or buys == agents:
        return 0.0
    share = buys / agents
    return -(share * math.log2(share) + (1.0 - share) * math.log2(1.0 - share))


def chaos(prices: Floats, buys: int) -> float:
    """Rule 2: the market's disorder in this tick, within 0..1.5."""
    agents = len(prices)
    load = 0.6 * agents / 8 + 0.4 * math.log(1 + agents / 10)
    disorder = 0.4 * dispersion(prices) + 0.35 * side_entropy(buys, agents) + 0.25 * load
    return min(max(disorder, 0.0), 1.5)


def chaos_multiplier(t: int, agents: int, mean_experience: float) -> float:
    """Rule 2: how strongly chaos bites; less with age, in small markets and among the inexperienced."""
    k: float = 0.95 ** (t // 10_000)
    if agents > 15:
        k *= 1.2
    if agents < 5:
        k *= 0.8
    if mean_experience < 0.3:
        k *= 0.7
    return min(k, 1.5)


def penalty(disorder: float, multiplier: float) -> float:
    """Rule 2: the factor by which chaos lowers the probability of a match."""
    return 1.0 - 0.4 * disorder * (0.08 / 0.15) * multiplier


def match_probability(prices: Floats, state: State, pen: float) -> Floats:
    """Rule 3: the probability with which each action matches, by its distance from the market's price."""
    centre = price_of(state.price_norm)
    prob = prices - centre
    np.abs(prob, out=prob)
    prob *= -4.0 / centre
    np.exp(prob, out=prob)
    prob *= 0.98
    np.maximum(prob, 0.01, out=prob)
    prob *= pen
    prob += 0.3 * state.liquidity - 0.1 * (state.volatility - 0.5) ** 2
    np.maximum(prob, 0.01, out=prob)
    np.minimum(prob, 0.99, out=prob)
    return micro(prob)


def learn(experience: Floats, matched: Flags, state: State) -> Floats:
    """Rule 4: everyone's experience after this tick's reward, from the state the tick began with."""
    surroundings = 0.4 * state.density + 0.2 * state.volatility + 0.1 * state.liquidity
    # A match gives 1 less its cost, no match -0.3: first the difference, then what all get.
    reward: Floats = np.multiply(matched, 1.0 - 10 * 0.0005 + 0.3)
    reward += surroundings - 0.3
    reward *= 0.02
    reward += 0.98 * experience
    return micro(reward)


def pair(prices: Floats, sides: Codes, matched: Flags) -> tuple[Ints, Ints]:
    """Rule 5: who traded with whom, as action indexes `(a, b)`.

    First the pairs of a matched buy and a matched sell, best prices first, equal prices in the order of the
    actions; then, by index, what the outside pool filled (`b` is -1).
    """
    buys = (matched & (sides == BUY)).nonzero()[0]
    sells = (matched & (sides == SELL)).nonzero()[0]
    buys = buys[(-prices[buys]).argsort(kind="stable")]
    sells = sells[prices[sells].argsort(kind="stable")]
    most = min(len(buys), len(sells))
    # Bids fall and asks rise, so the pairs that cross come first.
    crossing = int(np.count_nonzero(prices[buys[:most]] >= prices[sells[:most]]))
    buys, sells = buys[:crossing], sells[:crossing]
    alone = matched.copy()
    alone[buys] = False
    alone[sells] = False
    a: Ints = np.concatenate((buys, alone.nonzero()[0]))
    b = np.empty(len(a), np.int64)
    b[:crossing] = sells
    b[crossing:] = POOL
    return a, b


def imbalance(buys: int, agents: int) -> float:
    """Rule 6: buys less sells, as a share of all."""
    return round((2 * buys - agents) / agents, DECIMALS)


def next_price(price_norm: float, q: float) -> float:
    """Rule 6: the normalised price after an imbalance `q`, within 0..1."""
    moved = price_of(price_norm) * (1.0 + 0.0005 * q)
    return round(min(max((moved - PRICE_LOW) / PRICE_SPAN, 0.0), 1.0), DECIMALS)


def volatility(recent: Sequence[float]) -> float:
    """Rule 6: the scaled std of the changes between the last (at most 20) normalised prices, within 0..1."""
    if len(recent) < 2:
        return VOLATILITY_AT_FIRST
    changes = [after - before for before, after in pairwise(recent)]
    # fsum, since sum() rounds differently from Python 3.12 on, and a run may outlive an upgrade.
    mean = math.fsum(changes) / len(changes)
    variance = math.fsum([(change - mean) ** 2 for change in changes]) / len(changes)
    return round(min(math.sqrt(variance * VOLATILITY_PRICES), 1.0), DECIMALS)


def one_joins(agents: int, mean_experience: float) -> bool:
    """Rule 8: whether the market has become good enough for one more."""
    return mean_experience > (0.25 if agents <= 2 else 0.35)


def one_leaves(agents: int, mean_experience: float) -> bool:
    """Rule 8: whether the market is so poor that the least experienced gives up."""
    return agents > 2 and mean_experience < 0.15
