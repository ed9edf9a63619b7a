"""Checkpoints: a run goes on from one byte for byte, and what is none says why."""

from __future__ import annotations

from functools import cache

import numpy as np
import orjson
import pytest

from market.model.checkpoint import CheckpointError
from market.model.simulator import Simulator


def lines(simulator: Simulator, ticks: int) -> list[bytes]:
    return [simulator.step().to_json() for _ in range(ticks)]


def walk(simulator: Simulator, ticks: int) -> None:
    for _ in range(ticks):
        simulator.step()


def busy() -> Simulator:
    """One in which agents join every 100 ticks."""
    return Simulator(7, adjust_interval=100)


@cache
def uninterrupted() -> list[bytes]:
    """Far enough that the density's window has gone round."""
    return lines(busy(), 6_200)


#: Ticks before which to stop: around the start, the 20 prices of volatility, joining, density, and the
#: density window's turn, and some that nothing distinguishes.
STOPS = (0, 1, 2, 3, 19, 20, 21, 77, 99, 100, 101, 102, 499, 500, 501, 502, 999, 1000, 1001, 1002, 1337,
         2718, 3141, 4999, 5000, 5001, 5002, 5499, 5500, 5501, 5502, 5600)  # fmt: skip
ANY_STOPS = np.random.default_rng(0).integers(0, 6_000, 10).tolist()


@cache
def checkpoints() -> dict[int, bytes]:
    """Those before each of the stops, and 150 ticks behind those anywhere, of a run that takes them as it goes."""
    simulator, taken = busy(), {}
    stops = {*STOPS, *ANY_STOPS, *(stop + 150 for stop in ANY_STOPS)}
    for t in range(max(stops) + 1):
        if t in stops:
            taken[t] = simulator.checkpoint()
        assert simulator.step().to_json() == uninterrupted()[t]
    return taken


def test_after_a_restore_the_ticks_are_those_of_an_uninterrupted_run() -> None:
    for t in STOPS:
        again = Simulator.restore(checkpoints()[t])
        assert lines(again, 520) == uninterrupted()[t : t + 520], f"restored before tick {t}"


@pytest.mark.parametrize("stop", ANY_STOPS)
def test_a_restore_at_any_tick_goes_on_exactly(stop: int) -> None:
    again = Simulator.restore(checkpoints()[stop])
    assert again.checkpoint() == checkpoints()[stop]
    assert lines(again, 150) == uninterrupted()[stop : stop + 150]
    assert again.checkpoint() == checkpoints()[stop + 150]


@pytest.mark.parametrize("agents", [2, 1_000])
def test_few_and_many_agents_go_on_exactly_too(agents: int) -> None:
    simulator = Simulator(3, adjust_interval=250, agents=agents)
    walk(simulator, 499)
    again = Simulator.restore(simulator.checkpoint())
    assert lines(again, 300) == lines(simulator, 300)


def test_a_restored_simulator_has_the_settings_of_the_checkpoint() -> None:
    first = Simulator(2**100, adjust_interval=123, agents=9, fixed_agents=True)
    walk(first, 10)
    again = Simulator.restore(first.checkpoint())
    assert (again.seed, again.adjust_interval, again.fixed_agents) == (2**100, 123, True)
    assert (again.t, again.agents) == (10, 9)


def test_a_simulator_can_be_set_back_in_place() -> None:
    simulator = busy()
    walk(simulator, 550)
    data = simulator.checkpoint()
    walk(simulator, 700)
    assert simulator.restore(data) is simulator
    assert lines(simulator, 300) == uninterrupted()[550:850]


def test_a_checkpoint_stays_what_it_was_while_the_run_goes_on() -> None:
    simulator = busy()
    walk(simulator, 510)
    data = simulator.checkpoint()
    one, two = Simulator.restore(data), Simulator.restore(data)
    walk(one, 600)
    assert lines(two, 600) == uninterrupted()[510:1_110]


def test_a_checkpoint_is_json_of_modest_size() -> None:
    simulator = Simulator(agents=300, fixed_agents=True)
    walk(simulator, 5_100)
    data = simulator.checkpoint()
    assert orjson.loads(data)["version"] == 1
    assert len(data) < 130_000


def changed(**fields: object) -> bytes:
    return orjson.dumps(orjson.loads(busy().checkpoint()) | fields)


def lacking(name: str) -> bytes:
    message = orjson.loads(busy().checkpoint())
    del message[name]
    return orjson.dumps(message)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "not JSON: "),
        (busy().checkpoint()[:-1], "not JSON: "),
        (b"[]", "its format is not 'market-simulator-checkpoint'"),
        (b'{"version":1}', "its format is not 'market-simulator-checkpoint'"),
        (changed(version=2), "it is of version 2, understood is 1"),
        (lacking("version"), "it is of version None, understood is 1"),
        (lacking("state"), "it lacks 'state'"),
        (lacking("t"), "missing 1 required positional argument: 't'"),
        (changed(extra=1), "unexpected keyword argument 'extra'"),
        (changed(seed="x"), "invalid literal for int"),
        (changed(window="*"), "base64"),
        (changed(window="AAAA"), "buffer size must be a multiple of element size"),
        (changed(centres="x"), "could not convert"),
        (changed(generator={}), "it lacks 'state'"),
        (changed(agent_ids=[1]), "1 agents but 3 experiences"),
    ],
)
def test_what_is_no_checkpoint_says_why(data: bytes, text: str) -> None:
    with pytest.raises(CheckpointError) as caught:
        Simulator.restore(data)
    assert str(caught.value).startswith("not a simulator's checkpoint: ")
    assert text in str(caught.value)


def test_a_failed_restore_leaves_the_simulator_as_it_was() -> None:
    simulator = busy()
    walk(simulator, 50)
    with pytest.raises(CheckpointError):
        simulator.restore(changed(generator={}))
    assert lines(simulator, 100) == uninterrupted()[50:150]
