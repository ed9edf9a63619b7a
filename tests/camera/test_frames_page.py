"""The examples of docs/frames.md, whose numbers were worked out by hand, against the camera."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from camera.metric import metric_of
from camera.window import SlidingWindowCamera
from market.tick import Tick

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "frames.md").read_text()


def blocks(heading: str) -> list[str]:
    """The blocks of JSON under a heading, up to the next one."""
    section = PAGE.split(f"\n{heading}\n")[1]
    return re.findall(r"```json\n(.*?)```", re.split(r"\n#+ ", section)[0], re.DOTALL)


def filmed(settings: dict[str, Any], ticks: list[Tick]) -> list[dict[str, Any]]:
    camera = SlidingWindowCamera(**settings)
    frames = []
    for tick in ticks:
        camera.ingest(tick)
        frames.append(camera.maybe_build_frame(tick.t))
    return [frame for frame in frames if frame is not None]


def test_the_camera_makes_the_frame_and_the_metric_of_the_example() -> None:
    settings, lines, frame, metric = blocks("## A worked example")
    ticks = [Tick.from_json(line) for line in lines.splitlines()]
    assert filmed(json.loads(settings), ticks) == [json.loads(frame)]
    assert metric_of(ticks[-1]) == json.loads(metric)


def test_and_the_events_of_the_other() -> None:
    settings, lines, events = blocks("### Events")
    quiet, last = (Tick.from_json(line) for line in lines.splitlines())
    ticks = [*(replace(quiet, t=t) for t in range(quiet.t, last.t)), last]
    (frame,) = filmed(json.loads(settings), ticks)
    assert frame["events"] == json.loads(events)


def test_the_page_explains_every_field_of_a_frame_and_of_a_metric() -> None:
    frame, metric = (json.loads(block) for block in blocks("## A worked example")[2:])
    node, edge, window = frame["nodes"][0], frame["edges"][0], frame["window"]
    parts = {f"{name}.{part}" for name in ("pairs", "matches") for part in window[name]}
    prose = "\n".join(line for line in PAGE.splitlines() if not line.startswith((" ", "{")))
    explained = set(re.findall(r"`([A-Za-z0-9_.]+)`", prose))
    fields = {*metric, *metric["s"], *window, *parts, *node, *node["features"], *edge, *frame["events"]}
    assert fields - {"type", "features", "pairs", "matches"} <= explained
