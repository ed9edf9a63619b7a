"""What is summed of every agent over the window: the layout of those numbers, and how three counts share one."""

from __future__ import annotations

import numpy as np

from market.tick import Ints

#: Of an agent in a tick: its census, the price quoted (in hundredths) and its square, how far it stands above the pivot
#: (`camera.quotes`), its matches.
KINDS = 5
CENSUS, STEPS, SQUARES, ABOVE, MATCHES = range(KINDS)

#: The census is three counts in one number, 20 bits each: seen, quoting, buying. A window has fewer ticks than that.
_QUOTING, _BUYING = 20, 40
_COUNT = (1 << 20) - 1
#: Matches are two counts in one number: those with agents, above them those with the pool. A window holds fewer than
#: 2^31 of either for one agent: 21,000 a tick in the longest.
WITH_POOL = 32
_WITH_AGENTS = (1 << WITH_POOL) - 1
#: The census of an agent in one tick, by its side.
BY_SIDE = np.array([1, 1 | 1 << _QUOTING | 1 << _BUYING, 1 | 1 << _QUOTING], np.int64)


def seen(census: Ints) -> Ints:
    """In how many ticks an agent was there."""
    return census & _COUNT


def quoting(census: Ints) -> Ints:
    """In how many ticks an agent bought or sold."""
    return (census >> _QUOTING) & _COUNT


def buying(census: Ints) -> Ints:
    """In how many ticks an agent bought."""
    return census >> _BUYING


def with_agents(matches: Ints) -> Ints:
    """How many matches an agent had with other agents."""
    return matches & _WITH_AGENTS


def with_pool(matches: Ints) -> Ints:
    """How many matches an agent had with the outside pool."""
    return matches >> WITH_POOL
