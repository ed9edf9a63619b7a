"""A run of another server's ticks: from which tapes it goes on, and from which it does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from camera.window import SlidingWindowCamera
from market.sources.upstream import UpstreamSource
from pipeline.continuation import Continued, Differs, Placement
from pipeline.encode_tick import TickEncoder
from pipeline.upstream_run import go_on
from recorder.recovery.checkpoints import Checkpoint
from recorder.recovery.tape_ends import Ends
from recorder.tape.history import History


def going_on(directory: Path, frames_end: int, streamed: int) -> Continued:
    """A run whose ticks end nowhere yet, and whose frames reach so far."""
    on_disk = {"ticks": -1, "frames": frames_end, "metrics": -1}
    ends = Ends(on_disk, on_disk, streamed, max(frames_end, streamed), None, 0, crashed=True)
    return go_on(
        History("IG-USD", directory),
        Checkpoint({}, 0, "", 0, None, filmed=False),
        ends,
        UpstreamSource("ws://127.0.0.1:1/ws/stream"),
        Placement(0, 0.0, 0.1, 0),
        lambda: TickEncoder(SlidingWindowCamera(20, 5, 0.003, 2000), 1),
    )


@pytest.mark.django_db
def test_frames_ahead_of_the_ticks_as_a_crash_leaves_them_are_gone_on_with(tmp_path: Path) -> None:
    assert going_on(tmp_path, 40, 44).next_t == 0


@pytest.mark.django_db
def test_frames_that_were_never_streamed_here_end_the_run(tmp_path: Path) -> None:
    with pytest.raises(Differs, match=r"^t=10000000 is on disk, and t=44 is the last that may have been streamed$"):
        going_on(tmp_path, 10_000_000, 44)
