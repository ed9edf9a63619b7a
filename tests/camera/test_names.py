"""Agents' names in a frame: of those in the window, in both ways of writing it."""

from __future__ import annotations

from typing import Any

import orjson

from camera.frame import frame_json, frame_of
from camera.window import SlidingWindowCamera
from market.tick import Tick


def tick(t: int, names: list[str | None], first_id: int = 0) -> Tick:
    """A tick of agents with consecutive ids; with a name each, or none has one."""
    agents: list[dict[str, Any]] = [{"id": first_id + i, "experience": 0.0} for i in range(len(names))]
    for agent, name in zip(agents, names, strict=True):
        if name is not None:
            agent["name"] = name
    state = {"price_norm": 0.5, "volatility": 0.0, "liquidity": 1.0, "imbalance": 0.0}
    actions = [{"id": i, "side": "buy", "price": 10.0, "size": 1.0} for i in range(len(names))]
    return Tick.from_dict({"t": t, "ts": float(t), "s": state, "agents": agents, "actions": actions, "matches": []})


def filmed(camera: SlidingWindowCamera, ticks: list[Tick]) -> dict[str, Any]:
    """The last frame of the ticks."""
    for one in ticks:
        camera.ingest(one)
    snapshot = camera.maybe_shoot(ticks[-1].t)
    assert snapshot is not None
    frame = frame_of(snapshot)
    assert frame_json(snapshot) == orjson.dumps(frame)
    return frame


def names_in(frame: dict[str, Any]) -> list[str | None]:
    return [node.get("name") for node in frame["nodes"]]


def test_nodes_carry_the_names_of_their_agents() -> None:
    camera = SlidingWindowCamera(W=2, stride=2)
    odd = 'a "quoted" \\ @#| é'
    frame = filmed(camera, [tick(t, [odd, "b"]) for t in range(3)])
    assert names_in(frame) == [odd, "b"]
    assert list(frame["nodes"][0])[:3] == ["node_id", "agent_id", "name"]
    frame = filmed(camera, [tick(3, ["c"], 2), tick(4, [None], 7)])
    assert names_in(frame) == ["c", None]
    assert "name" not in frame["nodes"][1]


def test_frames_of_agents_without_a_name_are_as_ever() -> None:
    frame = filmed(SlidingWindowCamera(W=2, stride=2), [tick(t, [None, None]) for t in range(3)])
    assert all("name" not in node for node in frame["nodes"])


def test_the_names_of_agents_that_left_are_forgotten() -> None:
    camera = SlidingWindowCamera(W=2, stride=2)
    for t in range(100):
        camera.ingest(tick(t, [f"n{t}"], t))
        camera.maybe_shoot(t)
    assert len(camera._names._names) <= 4


def test_they_are_forgotten_where_the_whole_window_alone_is_asked_for() -> None:
    camera = SlidingWindowCamera(W=4, stride=2)
    for t in range(100):
        camera.ingest(tick(t, [f"n{t}"], t))
        camera.whole_window()
    assert sorted(camera._names._names.values()) == ["n96", "n97", "n98", "n99"]
    assert names_in(filmed(camera, [tick(100, ["n100"], 100)])) == ["n97", "n98", "n99", "n100"]


def test_a_name_given_before_the_window_is_in_no_frame_as_after_a_restart() -> None:
    whole, resumed = SlidingWindowCamera(W=4, stride=2), SlidingWindowCamera(W=4, stride=2)
    ticks = [*(tick(t, ["a", "b"]) for t in range(10)), *(tick(t, [None, None]) for t in range(10, 15))]
    assert names_in(filmed(whole, ticks[:13])) == ["a", "b"]  # those of t = 9
    resumed.resume(None, filmed=True)
    expected = filmed(whole, ticks[13:])
    assert names_in(expected) == [None, None]
    assert filmed(resumed, ticks[11:]) == expected


def test_names_that_are_given_again_are_known_again() -> None:
    camera, named = SlidingWindowCamera(W=2, stride=2), tick(0, ["a", "b"])
    assert names_in(filmed(camera, [named, *(tick(t, [None, None]) for t in range(1, 7))])) == [None, None]
    assert names_in(filmed(camera, [named.placed(7, 7.0), tick(8, [None, None])])) == ["a", "b"]
