"""Digests beside a running market: made by a child, shown over HTTP, and none of it left behind."""

from __future__ import annotations

from collections.abc import Callable

import psutil

from tests.processes import Live, wait_until


def makers(live: Live) -> list[psutil.Process]:
    return [child for child in psutil.Process(live.process.pid).children() if "digest" in child.cmdline()]


def test_a_child_of_low_priority_makes_them_and_ends(start_live: Callable[..., Live]) -> None:
    live = start_live(IG_CAM_SEGMENT_SECONDS=2, IG_SPEED=10, IG_HEAD_START=0)
    child = wait_until(lambda: next(iter(makers(live)), None), "a child")
    wait_until(lambda: not child.is_running() or child.nice() == 19, "its low priority")
    made = live.store / "digests" / "metrics"
    wait_until(lambda: made.is_dir() and any(path.suffix == ".zst" for path in made.iterdir()), "a digest")
    seen = wait_until(lambda: (found := live.json("/overview"))["t"][0] == 0 and found, "an overview of all")
    assert len(seen["price"]["mean"]) == len(seen["t"])


def test_a_child_ends_with_the_server_however_that_ends(start_live: Callable[..., Live]) -> None:
    live = start_live(IG_CAM_SEGMENT_SECONDS=2, IG_SPEED=10, IG_HEAD_START=0)
    child = wait_until(lambda: next(iter(makers(live)), None), "a child")
    live.process.kill()
    wait_until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, "the end of the child")
