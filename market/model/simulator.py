"""The simulator: runs the market substrate tick by tick, and can be stopped and continued without a difference."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np

from market.model import structure_density, substrate
from market.model.checkpoint import SimulatorCheckpoint
from market.model.substrate import State
from market.tick import BUY, Floats, Ints, MarketError, Tick


class SimulatorError(MarketError, ValueError):
    """A setting that the simulator cannot run with."""

    def __init__(self, name: str, least: int, value: object) -> None:
        super().__init__(f"{name} must be an integer from {least}, got {value!r}")


class _Restore:
    """On the class, `restore(data)` makes a simulator; on a simulator it sets that one, and returns it."""

    def __get__(self, simulator: Simulator | None, owner: type[Simulator]) -> Callable[[bytes], Simulator]:
        return (owner() if simulator is None else simulator)._load


class Simulator:
    """The market substrate with `agents` agents at first; `fixed_agents` lets nobody join or leave.

    The same arguments give the same ticks, byte for byte. Raises SimulatorError for a setting out of bounds.
    """

    restore = _Restore()

    _ids: Ints
    _experience: Floats
    _sizes: Floats

    def __init__(self, seed: int = 0, adjust_interval: int = 2000, agents: int = 3, fixed_agents: bool = False) -> None:
        for name, least, value in (
            ("seed", 0, seed),
            ("adjust_interval", 1, adjust_interval),
            ("agents", 1, agents),
        ):
            if not isinstance(value, int) or value < least:
                raise SimulatorError(name, least, value)
        self.seed = seed
        self.adjust_interval = adjust_interval
        self.fixed_agents = fixed_agents
        self._t = 0
        self._next_id = agents
        self._state = State()
        self._generator = np.random.Generator(np.random.PCG64(seed))
        self._recent_prices: deque[float] = deque(maxlen=substrate.VOLATILITY_PRICES)
        self._window = structure_density.StateWindow()
        self._centres: Floats | None = None
        self._seat(list(range(agents)), [0.0] * agents)

    @property
    def t(self) -> int:
        """The number of the next tick."""
        return self._t

    @property
    def agents(self) -> int:
        """How many agents will act in the next tick."""
        return len(self._ids)

    def step(self) -> Tick:
        """The next tick, not yet placed in time (`ts` is None).

        `agent_ids` and `sizes` stay the same, read-only objects as long as the agents do.
        """
        experience, state = self._experience, self._state
        prices, sides, luck = substrate.quotes(self._generator, len(self._ids))
        buys = int(np.count_nonzero(sides == BUY))
        prob = substrate.match_probability(prices, state, self._penalty(prices, buys))
        matched = luck < prob
        a, b = substrate.pair(prices, sides, matched)
        self._experience = substrate.learn(experience, matched, state)
        self._state = self._next_state(buys, int(np.count_nonzero(matched)))
        tick = Tick(
            t=self._t,
            ts=None,
            price_norm=self._state.price_norm,
            volatility=self._state.volatility,
            liquidity=self._state.liquidity,
            imbalance=self._state.imbalance,
            agent_ids=self._ids,
            experience=self._experience,
            sides=sides,
            prices=prices,
            sizes=self._sizes,
            match_a=a,
            match_b=b,
            match_prob=prob[a],
        )
        self._look_back()
        self._join_or_leave()
        self._t += 1
        return tick

    def checkpoint(self) -> bytes:
        """Everything that the next ticks depend on; `restore` continues from it exactly."""
        return SimulatorCheckpoint(
            seed=self.seed,
            adjust_interval=self.adjust_interval,
            fixed_agents=self.fixed_agents,
            t=self._t,
            next_id=self._next_id,
            agent_ids=self._ids.tolist(),
            experience=self._experience.tolist(),
            state=self._state,
            recent_prices=list(self._recent_prices),
            centres=self._centres,
            window=self._window.rows(),
            generator=self._generator,
        ).to_bytes()

    def _load(self, data: bytes) -> Simulator:
        """Goes on from a checkpoint, its settings included. Raises CheckpointError, and is unchanged then."""
        saved = SimulatorCheckpoint.from_bytes(data)
        self.seed = saved.seed
        self.adjust_interval = saved.adjust_interval
        self.fixed_agents = saved.fixed_agents
        self._t = saved.t
        self._next_id = saved.next_id
        self._state = saved.state
        self._generator = saved.generator
        self._recent_prices = deque(saved.recent_prices, substrate.VOLATILITY_PRICES)
        self._window = structure_density.StateWindow(saved.window)
        self._centres = saved.centres
        self._seat(saved.agent_ids, saved.experience)
        return self

    def _seat(self, ids: list[int], experience: list[float]) -> None:
        """Takes these agents for the coming ticks; the columns that those ticks share are locked."""
        self._experience = np.array(experience)
        self._ids = np.array(ids, np.int64)
        self._sizes = np.ones(len(ids))
        self._ids.flags.writeable = self._sizes.flags.writeable = False

    def _mean_experience(self) -> float:
        return float(np.add.reduce(self._experience)) / len(self._experience)

    def _penalty(self, prices: Floats, buys: int) -> float:
        multiplier = substrate.chaos_multiplier(self._t, len(prices), self._mean_experience())
        return substrate.penalty(substrate.chaos(prices, buys), multiplier)

    def _next_state(self, buys: int, matched: int) -> State:
        agents = len(self._ids)
        q = substrate.imbalance(buys, agents)
        price_norm = substrate.next_price(self._state.price_norm, q)
        self._recent_prices.append(price_norm)
        volatility = substrate.volatility(self._recent_prices)
        liquidity = round(matched / agents, substrate.DECIMALS)
        return State(price_norm, volatility, liquidity, q, self._state.density)

    def _look_back(self) -> None:
        """Rule 7: remembers the state, and from time to time asks how much structure the last ones show."""
        self._window.add(self._state[:4])
        if self._t > 0 and self._t % structure_density.UPDATE_TICKS == 0:
            points = self._window.points()
            if self._centres is None:
                self._centres = structure_density.scattered_centres(points, self._generator)
            self._centres, labels = structure_density.k_means(points, self._centres)
            density = round(structure_density.density(labels), substrate.DECIMALS)
            self._state = self._state._replace(density=density)

    def _join_or_leave(self) -> None:
        """Rule 8; of equally inexperienced agents the longest-standing one leaves."""
        if self.fixed_agents or self._t == 0 or self._t % self.adjust_interval:
            return
        ids, experience = self._ids.tolist(), self._experience.tolist()
        mean = self._mean_experience()
        if substrate.one_joins(len(ids), mean):
            self._seat([*ids, self._next_id], [*experience, 0.0])
            self._next_id += 1
        elif substrate.one_leaves(len(ids), mean):
            least = experience.index(min(experience))
            del ids[least], experience[least]
            self._seat(ids, experience)
