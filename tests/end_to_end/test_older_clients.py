"""Clients and units written for the backend before this one, against this one: the ways they go, written anew."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.end_to_end.reading import hear, socket
from tests.processes import Live, wait_until

#: As its units set it.
UNITS = {"IG_SEED": 0, "IG_ADJUST_INTERVAL": 2000, "IG_LOG_EVERY": 20000, "IG_PRINT_EVERY_SEC": 10, "IG_DOWNSAMPLE": 10}


def test_a_client_that_takes_every_message_for_a_tick_is_served(start_live: Callable[..., Live]) -> None:
    live = start_live(**UNITS, IG_STREAM_TYPES="tick", IG_SPEED=5, IG_CAM_W=20, IG_CAM_STRIDE=2)
    live.wait_for_ticks(40)
    with socket(live) as client:
        heard = [(tick["t"], len(tick["agents"]), len(tick["matches"])) for tick in (hear(client) for _ in range(20))]
    ts = [t for t, _, _ in heard]
    assert ts == list(range(ts[0], ts[0] + 20))
    with socket(live, "?types=tick,metric,frame") as client:
        assert {hear(client)["type"] for _ in range(3)} == {"tick", "metric", "frame"}
    unused = [line for line in live.log().splitlines() if "without any effect" in line]
    assert len(unused) == 1
    assert unused[0].endswith("IG_DOWNSAMPLE, IG_LOG_EVERY, IG_PRINT_EVERY_SEC")


@pytest.mark.long
def test_a_replay_by_the_list_of_segments_finds_ticks(start_live: Callable[..., Live]) -> None:
    live = start_live(IG_SPEED=5, IG_CAM_SEGMENT_SECONDS=1)
    manifest = wait_until(lambda: live.json("/segments"), "a finished segment")
    ticks: list[dict[str, Any]] = []
    for segment in sorted(manifest, key=lambda one: one["start_t"]):
        text = live.ask(f"/segment/{segment['path']}?format=jsonl").body.decode()
        ticks += [message for line in text.splitlines() if (message := json.loads(line))["type"] == "tick"]
    assert [tick["t"] for tick in ticks] == list(range(manifest[-1]["end_t"] + 1))
    frames = live.json("/manifest/frames")
    for one in frames:
        assert live.ask(f"/segment/frames/{one['path']}").status == 200
    name = manifest[0]["path"].rpartition("/")[2]
    assert live.ask(f"/segment/{name}").body == (live.store / "ticks" / name).read_bytes()
    assert live.json("/incremental?from_t=0&limit=100000")["count"] > 0
