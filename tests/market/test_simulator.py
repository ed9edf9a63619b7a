"""The simulator: the same ticks from the same seed, their bounds, and who is there."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from functools import cache
from pathlib import Path

import orjson
import pytest

from market.model.simulator import Simulator, SimulatorError
from market.tick import BUY, POOL, SELL, MarketError, Tick

ROOT = Path(__file__).parents[2]


def lines(simulator: Simulator, ticks: int) -> list[bytes]:
    return [simulator.step().to_json() for _ in range(ticks)]


def busy(seed: int = 7) -> Simulator:
    """One in which agents join every 100 ticks."""
    return Simulator(seed, adjust_interval=100)


@cache
def uninterrupted() -> list[bytes]:
    return lines(busy(), 2_000)


def with_experience(simulator: Simulator, level: float) -> Simulator:
    """The same with everybody's experience at this level."""
    saved = orjson.loads(simulator.checkpoint())
    saved["experience"] = [level + i / 1e6 for i in range(len(saved["experience"]))]
    return Simulator.restore(orjson.dumps(saved))


# --- the same again


def test_the_same_seed_and_settings_give_the_same_ticks_byte_for_byte() -> None:
    assert lines(busy(), 2_000) == uninterrupted()


def test_another_process_gives_the_same_ticks_byte_for_byte() -> None:
    program = (
        "import hashlib; from market.model.simulator import Simulator; s = Simulator(7, adjust_interval=100);"
        "print(hashlib.sha256(b''.join(s.step().to_json() for _ in range(1200))).hexdigest())"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == hashlib.sha256(b"".join(uninterrupted()[:1_200])).hexdigest()


def test_another_seed_gives_other_ticks() -> None:
    assert lines(busy(8), 1) != lines(busy(7), 1)


def test_ticks_count_from_zero_and_have_no_place_in_time_yet() -> None:
    simulator = Simulator()
    assert simulator.t == 0
    ticks = [simulator.step() for _ in range(3)]
    assert [tick.t for tick in ticks] == [0, 1, 2]
    assert [tick.ts for tick in ticks] == [None] * 3
    assert simulator.t == 3


# --- the ticks


def check_tick(tick: Tick) -> None:
    """What holds for every tick of the simulator."""
    agents = len(tick.agent_ids)
    assert 0 <= tick.price_norm <= 1
    assert 0 <= tick.volatility <= 1
    assert 0 <= tick.liquidity <= 1
    assert -1 <= tick.imbalance <= 1
    assert {len(column) for column in (tick.experience, tick.sides, tick.prices, tick.sizes)} == {agents}
    numbers = [*tick.state().values(), *tick.experience.tolist(), *tick.match_prob.tolist()]
    assert numbers == [round(number, 6) for number in numbers]
    assert tick.prices.tolist() == [round(price, 2) for price in tick.prices.tolist()]
    assert set(tick.sides.tolist()) <= {BUY, SELL}
    assert set(tick.sizes.tolist()) == {1.0}
    partners = tick.match_b[tick.match_b != POOL]
    parties = [*tick.match_a.tolist(), *partners.tolist()]
    assert len(set(parties)) == len(parties)
    assert tick.liquidity == round(len(parties) / agents, 6)
    paired = tick.match_b != POOL
    assert (tick.sides[tick.match_a[paired]] == BUY).all()
    assert (tick.sides[partners] == SELL).all()
    assert (tick.prices[tick.match_a[paired]] >= tick.prices[partners]).all()


@pytest.mark.parametrize("agents", [1, 2, 3, 16, 1_000])
def test_every_tick_keeps_the_bounds_and_the_rounding(agents: int) -> None:
    simulator = Simulator(agents, agents=agents, fixed_agents=True)
    for _ in range(520):
        tick = simulator.step()
        assert len(tick.agent_ids) == agents
        check_tick(tick)


def test_what_is_emitted_is_what_the_tape_says() -> None:
    for line in uninterrupted()[::100]:
        assert Tick.from_json(line).to_json() == line


def test_the_shared_columns_stay_the_same_objects_while_the_agents_do() -> None:
    simulator = busy()
    ticks = [simulator.step() for _ in range(102)]
    assert len({id(tick.agent_ids) for tick in ticks[:101]}) == 1
    assert len({id(tick.sizes) for tick in ticks[:101]}) == 1
    assert ticks[101].agent_ids is not ticks[100].agent_ids
    with pytest.raises(ValueError, match="read-only"):
        ticks[0].agent_ids[0] = 5


def test_later_ticks_leave_earlier_ones_alone() -> None:
    simulator = busy()
    ticks = [simulator.step() for _ in range(600)]
    assert [tick.to_json() for tick in ticks] == uninterrupted()[:600]


# --- joining and leaving


def test_one_joins_at_each_adjustment_from_the_tick_after_it() -> None:
    simulator = busy()
    counts = [len(simulator.step().agent_ids) for _ in range(301)]
    assert counts[100] == counts[0] == 3
    assert counts[101] == 4
    assert counts[201] == counts[300] == 5


def test_nobody_joins_or_leaves_when_the_agents_are_fixed() -> None:
    simulator = Simulator(7, adjust_interval=1, agents=5, fixed_agents=True)
    assert {tuple(simulator.step().agent_ids.tolist()) for _ in range(300)} == {(0, 1, 2, 3, 4)}


def test_who_joins_has_no_experience_yet() -> None:
    simulator = busy()
    ticks = [simulator.step() for _ in range(102)]
    assert ticks[101].agent_ids.tolist() == [0, 1, 2, 3]
    assert abs(ticks[101].experience[3]) < 0.05 < ticks[101].experience[:3].min()


def test_the_least_experienced_leaves_a_poor_market_until_two_are_left() -> None:
    simulator = Simulator(1, adjust_interval=2, agents=5)
    lines(simulator, 2)
    for left in (4, 3, 2, 2):
        simulator = with_experience(simulator, -5.0)
        tick = simulator.step()
        ids = tick.agent_ids.tolist()
        if len(ids) > 2:
            del ids[int(tick.experience.argmin())]
        assert simulator.agents == left
        assert simulator.step().agent_ids.tolist() == ids


def test_ids_are_never_used_again() -> None:
    simulator = Simulator(5, adjust_interval=1, agents=4)
    seen, gone, previous = set(), set(), set(range(4))
    for i in range(120):
        simulator = with_experience(simulator, -5.0 if i % 3 else 5.0)
        for _ in range(2):
            ids = set(simulator.step().agent_ids.tolist())
            assert not ids & gone
            gone |= previous - ids
            seen |= ids
            previous = ids
    assert len(gone) > 20
    assert seen == set(range(len(seen)))


# --- settings


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"seed": -1}, "seed must be an integer from 0, got -1"),
        ({"seed": 0.5}, "seed must be an integer from 0, got 0.5"),
        ({"adjust_interval": 0}, "adjust_interval must be an integer from 1, got 0"),
        ({"agents": 0}, "agents must be an integer from 1, got 0"),
        ({"agents": "3"}, "agents must be an integer from 1, got '3'"),
    ],
)
def test_a_setting_out_of_bounds_is_named(arguments: dict[str, int], text: str) -> None:
    with pytest.raises(SimulatorError) as caught:
        Simulator(**arguments)
    assert str(caught.value) == text
    assert isinstance(caught.value, MarketError)


def test_the_package_needs_no_django() -> None:
    program = "import market.sources.named, market.model.figures, sys; assert 'django' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)
