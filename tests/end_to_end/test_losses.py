"""Every reader of the past beside segments that are damaged, swapped, cut, missing and no files at all."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import orjson
import pytest

from camera.frame import frame_json
from camera.metric import metric_of
from camera.window import SlidingWindowCamera
from market.model.simulator import Simulator
from marketcamera import Gap, Replay
from recorder.tape.recording import Recording
from tests.end_to_end.reading import hear_until, socket
from tests.processes import Live, Site, first_t
from tests.recorder import damaging
from tests.recorder.tape import Clock

KINDS = {"ticks": "tick", "frames": "frame", "metrics": "metric"}
SEGMENTS, TICKS = 9, 60
END = SEGMENTS * TICKS


def exchange_with_the_next(path: Path, dice: random.Random) -> None:
    files = sorted(path.parent.glob("segment_*"), key=first_t)
    damaging.exchange(path, files[files.index(path) + 1])


#: By the number of the segment; the first and the last are whole.
DAMAGES = {
    1: damaging.flip_a_bit, 2: damaging.remove, 3: damaging.cut, 4: damaging.make_a_fifo, 5: exchange_with_the_next,
    6: damaging.empty, 7: damaging.make_a_directory,
}  # fmt: skip

Told = tuple[dict[int, Any], list[tuple[int, int]]]


def record(directory: Path) -> None:
    """Segments of so many ticks each, filmed."""
    simulator, camera, clock = Simulator(7, agents=6), SlidingWindowCamera(20, 5, 0.003, 2000), Clock()
    for segment in range(SEGMENTS):
        recording = Recording(directory, segment_seconds=300, level=3, flush_seconds=1, clock=clock)
        for t in range(segment * TICKS, (segment + 1) * TICKS):
            clock.now += 1
            tick = simulator.step().placed(t, clock.now)
            camera.ingest(tick)
            shot = camera.maybe_shoot(t)
            metric, frame = orjson.dumps(metric_of(tick)), None if shot is None else frame_json(shot)
            recording.write(t, tick.to_json(), metric, frame)
        recording.close()


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory, migrated_database: Path) -> Iterable[tuple[Live, dict[str, Any]]]:
    """A server whose store was damaged while it runs, and what was recorded of each kind."""
    site, dice = Site(tmp_path_factory.mktemp("damaged"), migrated_database), random.Random(11)
    try:
        record(site.store)
        live = site.serve(IG_RING_TICKS=1, IG_CAM_W=20, IG_CAM_STRIDE=5)
        live.wait_for_ticks(END)
        recorded = {kind: {one["t"]: one for one in site.messages(kind) if one["type"] != "gap"} for kind in KINDS}
        for kind in KINDS:
            paths = site.segments(kind)
            for number, damage in DAMAGES.items():
                damage(paths[number], dice)
        yield live, recorded
        assert "Traceback" not in live.log()
    finally:
        site.end()


def told(messages: Iterable[dict[str, Any]]) -> dict[str, Told]:
    """What was given of each kind, and told as missing."""
    found: dict[str, Told] = defaultdict(lambda: ({}, []))
    for message in messages:
        if message["type"] == "gap":
            found[message["kind"].removesuffix("s")][1].append((message["from_t"], message["to_t"]))
        elif message["t"] < END:  # what comes behind is made meanwhile
            assert message["t"] not in found[message["type"]][0], "twice"
            found[message["type"]][0][message["t"]] = message
    return found


def by_range(live: Live) -> dict[str, Told]:
    texts = [live.ask(f"/range?kind={kind}&t1={END - 1}").body for kind in KINDS]
    return told(json.loads(line) for text in texts for line in text.splitlines())


def by_pages(live: Live) -> dict[str, Told]:
    found: list[dict[str, Any]] = []
    from_t = -1
    while from_t < END - 1:
        page = live.json(f"/incremental?from_t={from_t}&limit=50")
        gap = page.get("gap")
        found += [{"type": "gap", "kind": "tick", **gap}] if gap else []
        found += page["data"]
        from_t = max([from_t, *(tick["t"] for tick in page["data"]), *([gap["to_t"]] if gap else [])])
    return told(found)


def by_segments(live: Live) -> dict[str, Told]:
    """Those that are still there to be fetched."""
    found = []
    for kind in KINDS:
        for row in live.json(f"/manifest/{kind}"):
            answer = live.ask(f"/segment/{row['path']}?format=jsonl")
            if answer.status == 200:
                found += [json.loads(line) for line in answer.body.splitlines()]
            else:
                assert answer.status == 404
                found.append({"type": "gap", "kind": kind, "from_t": row["start_t"], "to_t": row["end_t"]})
    return told(found)


def by_resume(live: Live) -> dict[str, Told]:
    with socket(live, "?since=-1") as client:
        return told(hear_until(client, type="caught_up")[:-1])


def by_replay(live: Live) -> dict[str, Told]:
    gap = lambda one: {"type": "gap", "kind": one.kind, "from_t": one.from_t, "to_t": one.to_t}  # noqa: E731
    return told(gap(one) if isinstance(one, Gap) else dict(one.data) for one in Replay(live.url, 0, END - 1))


READERS: dict[Callable[[Live], dict[str, Told]], set[str]] = {
    by_range: set(KINDS), by_pages: {"ticks"}, by_segments: set(KINDS), by_resume: set(KINDS), by_replay: set(KINDS),
}  # fmt: skip


@pytest.mark.parametrize("reader", READERS)
def test_every_reader_gives_what_was_recorded_and_tells_what_it_leaves_out(
    damaged: tuple[Live, dict[str, Any]], reader: Callable[[Live], dict[str, Told]]
) -> None:
    live, recorded = damaged
    found = reader(live)
    for kind in READERS[reader]:
        messages, gaps = found[KINDS[kind]]
        damaging.assert_honest(recorded[kind], messages, gaps, range(END))
        assert set(range(TICKS)) & set(recorded[kind]) <= set(messages), "what lies in a whole file is given"
        assert gaps


def test_verification_names_the_damaged_ones(damaged: tuple[Live, dict[str, Any]]) -> None:
    live, _ = damaged
    told = live.site.run("verify")
    assert told.returncode != 0
    names = {path.name for kind in KINDS for path in live.site.segments(kind)[1:5]}
    assert len([name for name in names if name in told.stdout + told.stderr]) >= 3
