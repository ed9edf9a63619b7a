"""The rules, each against its equation written out slowly, and a whole run against all of them."""

from __future__ import annotations

import math
import statistics
from itertools import pairwise
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.model import substrate
from market.model.simulator import Simulator
from market.model.substrate import State
from market.tick import BUY, SELL, Tick

#: Half of the last decimal that is kept, and a little for the arithmetic.
ROUNDING = 0.5e-6 + 1e-9

prices = st.lists(st.integers(4_000_000, 6_000_000).map(lambda cents: cents / 100), min_size=1, max_size=40)
shares = st.integers(0, 1_000_000).map(lambda n: n / 1e6)
states = st.builds(State, shares, shares, shares, shares.map(lambda x: 2 * x - 1), shares)


def clip(value: float, low: float, high: float) -> float:
    return low if value < low else high if value > high else value


def literal_chaos(quoted: list[float], buys: int) -> float:
    n = len(quoted)
    disp = clip(statistics.pstdev(quoted) / statistics.fmean(quoted) / 0.02, 0.2, 3) if n > 1 else 1.0
    ent = -sum(s * math.log2(s) for s in (buys / n, (n - buys) / n) if s > 0)
    load = 0.6 * n / 8 + 0.4 * math.log(1 + n / 10)
    return clip(0.4 * disp + 0.35 * ent + 0.25 * load, 0, 1.5)


def literal_k(t: int, n: int, mean_experience: float) -> float:
    k = 0.95 ** (t // 10000)
    k *= 1.2 if n > 15 else 1
    k *= 0.8 if n < 5 else 1
    k *= 0.7 if mean_experience < 0.3 else 1
    return min(k, 1.5)


def literal_prob(price: float, state: State, pen: float) -> float:
    p, v, l, _, _ = state  # noqa: E741
    centre = 40000 + 20000 * p
    d = abs(price - centre) / centre
    return clip(max(0.01, 0.98 * math.exp(-4 * d)) * pen + 0.3 * l - 0.1 * (v - 0.5) ** 2, 0.01, 0.99)


def literal_experience(before: float, matched: bool, state: State) -> float:
    _, v, l, _, c = state  # noqa: E741
    r = (1 if matched else -0.3) - 10 * 0.0005 * matched + 0.4 * c + 0.2 * v + 0.1 * l
    return 0.98 * before + 0.02 * r


def literal_volatility(norms: list[float]) -> float:
    if len(norms) < 2:
        return 0.3
    last = norms[-20:]
    differences = [b - a for a, b in pairwise(last)]
    return clip(statistics.pstdev(differences) * math.sqrt(20), 0, 1)


def literal_pairs(actions: list[tuple[str, float, bool]]) -> list[tuple[int, int]]:
    """Rule 5 over `(side, price, matched)`: the pairs, then the pool's."""
    buys = sorted((i for i, (side, _, m) in enumerate(actions) if m and side == "buy"), key=lambda i: -actions[i][1])
    sells = sorted((i for i, (side, _, m) in enumerate(actions) if m and side == "sell"), key=lambda i: actions[i][1])
    pairs = []
    while buys and sells and actions[buys[0]][1] >= actions[sells[0]][1]:
        pairs.append((buys.pop(0), sells.pop(0)))
    return pairs + [(i, -1) for i in sorted(buys + sells)]


def paired(done: list[tuple[str, float, bool]]) -> list[tuple[int, int]]:
    sides, quoted, matched = zip(*done, strict=True) if done else ((), (), ())
    codes = np.array([BUY if side == "buy" else SELL for side in sides], np.int8)
    a, b = substrate.pair(np.array(quoted, float), codes, np.array(matched, bool))
    return list(zip(a.tolist(), b.tolist(), strict=True))


def is_rounded(values: Any, decimals: int) -> bool:
    values = np.atleast_1d(values).tolist()
    return values == [round(value, decimals) for value in values]


def test_quotes_lie_on_the_grid_of_the_range() -> None:
    quoted, _, _ = substrate.quotes(np.random.default_rng(1), 100_000)
    assert is_rounded(quoted, 2)
    assert 40_000 <= quoted.min() < 40_002
    assert 59_998 < quoted.max() <= 60_000


def test_quotes_are_uniform_and_sides_are_even_and_independent_of_them() -> None:
    quoted, sides, luck = substrate.quotes(np.random.default_rng(2), 100_000)
    assert np.histogram(quoted, 10, (40_000, 60_000))[0] == pytest.approx(10_000, rel=0.05)
    assert np.histogram(luck, 10, (0, 1))[0] == pytest.approx(10_000, rel=0.05)
    assert set(sides.tolist()) == {BUY, SELL}
    assert (sides == BUY).mean() == pytest.approx(0.5, abs=0.01)
    assert abs(np.corrcoef([quoted, sides, luck])[np.triu_indices(3, 1)]).max() < 0.02


def test_quotes_come_from_the_generator_alone() -> None:
    first, same = (substrate.quotes(np.random.default_rng(3), 50) for _ in range(2))
    assert all((a == b).all() for a, b in zip(first, same, strict=True))


@given(prices, st.data())
def test_chaos_is_the_equation(quoted: list[float], data: st.DataObject) -> None:
    buys = data.draw(st.integers(0, len(quoted)))
    assert substrate.chaos(np.array(quoted), buys) == pytest.approx(literal_chaos(quoted, buys), abs=1e-12)


def test_dispersion_has_its_bounds_and_is_one_for_a_single_quote() -> None:
    assert substrate.dispersion(np.array([45_000.0])) == 1.0
    assert substrate.dispersion(np.array([45_000.0, 45_000.0])) == 0.2
    assert substrate.dispersion(np.array([40_000.0, 60_000.0])) == 3.0


def test_entropy_is_one_bit_for_even_sides_and_none_for_one_side() -> None:
    assert [substrate.side_entropy(buys, 8) for buys in (0, 4, 8)] == [0.0, 1.0, 0.0]


@pytest.mark.parametrize("t", [0, 9_999, 10_000, 19_999, 20_000, 123_456])
@pytest.mark.parametrize("agents", [1, 4, 5, 15, 16, 300])
@pytest.mark.parametrize("mean_experience", [0.0, 0.299999, 0.3, 1.0])
def test_the_multiplier_is_the_equation(t: int, agents: int, mean_experience: float) -> None:
    expected = pytest.approx(literal_k(t, agents, mean_experience), abs=1e-15)
    assert substrate.chaos_multiplier(t, agents, mean_experience) == expected


def test_the_penalty_is_the_equation() -> None:
    assert substrate.penalty(1.5, 1.2) == pytest.approx(1 - 0.4 * 1.5 * (0.08 / 0.15) * 1.2)


@given(prices, states, st.floats(0.5, 1.0))
def test_match_probability_is_the_equation(quoted: list[float], state: State, pen: float) -> None:
    prob = substrate.match_probability(np.array(quoted), state, pen)
    assert prob.tolist() == pytest.approx([literal_prob(price, state, pen) for price in quoted], abs=ROUNDING)
    assert is_rounded(prob, 6)
    assert prob.min() >= 0.01
    assert prob.max() <= 0.99


@given(st.lists(st.tuples(st.floats(-1, 2), st.booleans()), min_size=1, max_size=40), states)
def test_experience_is_the_equation(agents: list[tuple[float, bool]], state: State) -> None:
    before = np.array([experience for experience, _ in agents])
    after = substrate.learn(before, np.array([matched for _, matched in agents]), state)
    expected = [literal_experience(experience, matched, state) for experience, matched in agents]
    assert after.tolist() == pytest.approx(expected, abs=ROUNDING)
    assert is_rounded(after, 6)
    assert before.tolist() == [experience for experience, _ in agents]


#: Few different prices, so that equal ones are common.
actions = st.lists(
    st.tuples(st.sampled_from(["buy", "sell"]), st.integers(1, 9).map(float), st.booleans()), max_size=30
)


@given(actions)
def test_pairing_is_the_rule(done: list[tuple[str, float, bool]]) -> None:
    assert paired(done) == literal_pairs(done)


def test_among_many_equal_prices_the_order_of_the_actions_holds() -> None:
    generator = np.random.default_rng(4)
    done = [
        ("buy" if buy else "sell", float(price), True)
        for buy, price in zip(generator.random(500) < 0.5, generator.integers(1, 4, 500), strict=True)
    ]
    assert paired(done) == literal_pairs(done)


def test_the_best_prices_pair_first_and_stop_where_they_no_longer_cross() -> None:
    done = [("buy", 50.0), ("buy", 52.0), ("sell", 51.0), ("sell", 49.0), ("sell", 51.0), ("buy", 48.0)]
    assert paired([(*one, True) for one in done]) == [(1, 3), (0, -1), (2, -1), (4, -1), (5, -1)]


def test_equal_prices_cross() -> None:
    assert paired([("sell", 50.0, True), ("buy", 50.0, True)]) == [(1, 0)]


def test_without_matches_nothing_pairs() -> None:
    assert paired([("buy", 51.0, False), ("sell", 50.0, False)]) == []


@given(st.integers(1, 2000), st.data())
def test_imbalance_is_buys_less_sells_over_all(agents: int, data: st.DataObject) -> None:
    buys = data.draw(st.integers(0, agents))
    assert substrate.imbalance(buys, agents) == round((buys - (agents - buys)) / agents, 6)


@given(shares, shares.map(lambda x: 2 * x - 1))
def test_the_price_moves_with_the_imbalance(p: float, q: float) -> None:
    moved = (40000 + 20000 * p) * (1 + 0.0005 * q)
    after = substrate.next_price(p, q)
    assert after == pytest.approx(clip((moved - 40000) / 20000, 0, 1), abs=ROUNDING)
    assert is_rounded(after, 6)


def test_the_price_stays_in_the_range() -> None:
    assert substrate.next_price(1.0, 1.0) == 1.0
    assert substrate.next_price(0.0, -1.0) == 0.0


@given(st.lists(shares, max_size=20))
def test_volatility_is_the_equation(norms: list[float]) -> None:
    volatility = substrate.volatility(norms)
    assert volatility == pytest.approx(literal_volatility(norms), abs=ROUNDING)
    assert is_rounded(volatility, 6)


def test_volatility_before_two_prices_and_at_its_bound() -> None:
    assert [substrate.volatility([0.5] * n) for n in (0, 1, 2)] == [0.3, 0.3, 0.0]
    assert substrate.volatility([0.0, 1.0] * 10) == 1.0


@pytest.mark.parametrize(
    ("agents", "mean_experience", "joins", "leaves"),
    [
        (2, 0.25, False, False),
        (2, 0.250001, True, False),
        (1, 0.3, True, False),
        (3, 0.3, False, False),
        (3, 0.35, False, False),
        (3, 0.350001, True, False),
        (3, 0.15, False, False),
        (3, 0.149999, False, True),
        (2, -1.0, False, False),
        (50, -1.0, False, True),
    ],
)
def test_joining_and_leaving(agents: int, mean_experience: float, joins: bool, leaves: bool) -> None:
    assert substrate.one_joins(agents, mean_experience) is joins
    assert substrate.one_leaves(agents, mean_experience) is leaves


@given(st.lists(st.floats(-10, 10), max_size=30))
def test_micro_rounds_like_numpy(values: list[float]) -> None:
    assert substrate.micro(np.array(values)).tolist() == np.round(np.array(values), 6).tolist()


class LiteralMarket:
    """The rules of a tick one after the other, fed with the quotes and matches that the simulator drew."""

    def __init__(self) -> None:
        self.state = State()
        self.experience: dict[int, float] = {}
        self.norms: list[float] = []

    def check(self, tick: Tick) -> None:
        ids, quoted = tick.agent_ids.tolist(), tick.prices.tolist()
        bought = [side == BUY for side in tick.sides.tolist()]
        before = [self.experience.get(i, 0.0) for i in ids]
        pen = 1 - 0.4 * literal_chaos(quoted, sum(bought)) * (0.08 / 0.15) * literal_k(
            tick.t, len(ids), sum(before) / len(ids)
        )
        pairs = list(zip(tick.match_a.tolist(), tick.match_b.tolist(), strict=True))
        for (a, _), prob in zip(pairs, tick.match_prob.tolist(), strict=True):
            assert prob == pytest.approx(literal_prob(quoted[a], self.state, pen), abs=ROUNDING)
        matched = {i for one in pairs for i in one if i >= 0}
        sides = ["buy" if buy else "sell" for buy in bought]
        assert pairs == literal_pairs([(sides[i], quoted[i], i in matched) for i in range(len(ids))])
        expected = [literal_experience(e, i in matched, self.state) for i, e in enumerate(before)]
        assert tick.experience.tolist() == pytest.approx(expected, abs=ROUNDING)
        self._check_state(tick, sum(bought), len(matched))
        self.experience = dict(zip(ids, tick.experience.tolist(), strict=True))

    def _check_state(self, tick: Tick, buys: int, matched: int) -> None:
        agents = len(tick.agent_ids)
        q = (buys - (agents - buys)) / agents
        price = (40000 + 20000 * self.state.price_norm) * (1 + 0.0005 * q)
        assert tick.price_norm == pytest.approx(clip((price - 40000) / 20000, 0, 1), abs=2 * ROUNDING)
        self.norms.append(tick.price_norm)
        assert tick.volatility == pytest.approx(literal_volatility(self.norms), abs=ROUNDING)
        assert tick.liquidity == round(matched / agents, 6)
        assert tick.imbalance == round(q, 6)


@pytest.mark.parametrize(("seed", "agents"), [(1, 3), (2, 20)])
def test_a_whole_run_follows_the_rules(seed: int, agents: int) -> None:
    simulator, literal = Simulator(seed, adjust_interval=70, agents=agents), LiteralMarket()
    for _ in range(1_200):
        tick = simulator.step()
        literal.check(tick)
        density = orjson.loads(simulator.checkpoint())["state"]["density"] if tick.t >= 500 else 0.5
        literal.state = State(tick.price_norm, tick.volatility, tick.liquidity, tick.imbalance, density)
