"""Digests beside a running market: made by a child, shown over HTTP, and none of it left behind."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import suppress

import psutil
import pytest

from recorder import child
from tests.processes import Live, Site, wait_until


@pytest.fixture
def start_live(site: Site) -> Callable[..., Live]:
    site.apart = True
    return site.serve


def makers(live: Live) -> list[psutil.Process]:
    found = []
    for one in psutil.Process(live.process.pid).children():
        with suppress(psutil.NoSuchProcess):  # it has just ended
            found += [one] if "digest" in one.cmdline() else []
    return found


def sessions(live: Live) -> Iterator[tuple[psutil.Process, int]]:
    """The makers that are there, each with its session."""
    for one in makers(live):
        with suppress(ProcessLookupError):
            yield one, os.getsid(one.pid)


def has_low_priority(maker: psutil.Process) -> bool:
    try:
        return maker.nice() == 19
    except psutil.NoSuchProcess:
        return True  # it has done its work


def test_a_child_of_low_priority_makes_them_and_ends(start_live: Callable[..., Live]) -> None:
    live = start_live(IG_CAM_SEGMENT_SECONDS=2, IG_SPEED=10, IG_HEAD_START=0)
    found, session = wait_until(lambda: next(sessions(live), None), "a child")
    # In another session its priority would be compared with nobody's.
    assert session == os.getsid(live.process.pid)
    wait_until(lambda: has_low_priority(found), "its low priority")
    made = live.store / "digests" / "metrics"
    wait_until(lambda: made.is_dir() and any(path.suffix == ".zst" for path in made.iterdir()), "a digest")
    seen = wait_until(lambda: (answer := live.json("/overview"))["t"][0] == 0 and answer, "an overview of all")
    assert len(seen["price"]["mean"]) == len(seen["t"])


def test_a_child_ends_with_the_server_however_that_ends(start_live: Callable[..., Live]) -> None:
    live = start_live(IG_CAM_SEGMENT_SECONDS=2, IG_SPEED=10, IG_HEAD_START=0)
    found = wait_until(lambda: next(iter(makers(live)), None), "a child")
    live.process.kill()
    wait_until(lambda: not found.is_running() or found.status() == psutil.STATUS_ZOMBIE, "the end of the child")


class Stopped(Exception):
    """The loop of the child's maker has slept often enough."""


@pytest.mark.parametrize(("left", "pauses"), [
    ({7}, [5, 60, 5]),  # what cannot be read is not tried again at once
    ({8}, [5, 5, 5]),  # one was sealed meanwhile
    (set(), [5, 5, 5]),
])  # fmt: skip
def test_only_what_was_tried_in_vain_makes_the_next_attempt_wait(
    monkeypatch: pytest.MonkeyPatch, left: set[int], pauses: list[float]
) -> None:
    slept: list[float] = []
    found = iter([{7}, left, set(), set()])

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == len(pauses):
            raise Stopped

    async def make(chore: child.Chore) -> None: ...

    monkeypatch.setattr(asyncio, "sleep", sleep)
    monkeypatch.setattr(child, "make", make)
    monkeypatch.setattr(child, "_due", lambda chore: next(found))
    with pytest.raises(Stopped):
        asyncio.run(child.run(child.DIGESTS))
    assert slept == pauses
