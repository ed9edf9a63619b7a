"""The camera against the golden tapes: what the reference camera made of the same ticks.

It ordered equal edges by id, and did not tell what a frame leaves out.
"""

import json
from pathlib import Path

import pytest
import zstandard

from camera.window import SlidingWindowCamera
from market.tick import Tick
from tests.camera.literal import assert_same, without_further_fields

GOLDEN = Path(__file__).resolve().parent.parent / "data" / "golden"


def lines(name: str) -> list[bytes]:
    with (GOLDEN / name).open("rb") as file:
        return zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True).read().splitlines()


@pytest.mark.parametrize("name", ["default", "churn", "reference", "events", "sparse"])
def test_films_the_golden_frames(name: str) -> None:
    settings = json.loads((GOLDEN / f"{name}.json").read_text())
    camera = SlidingWindowCamera(
        settings["W"], settings["stride"], settings["eps_pct"], settings["edge_cap"], edge_order="id"
    )
    expected = [json.loads(line) for line in lines(f"{name}.frames.jsonl.zst")]
    made = []
    for line in lines(f"{name}.ticks.jsonl.zst"):
        tick = Tick.from_json(line)
        camera.ingest(tick)
        frame = camera.maybe_build_frame(tick.t)
        if frame is not None:
            if "events" not in expected[0]:
                del frame["events"]
            made.append(without_further_fields(frame))
    assert len(made) == settings["frames"]
    assert_same(made, expected)
