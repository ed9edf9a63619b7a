"""A tape through the whole application: over the socket and in the recording it gives the golden frames."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from websockets.sync.client import ClientConnection

from market.model.simulator import Simulator
from tests.camera import literal
from tests.camera.literal import assert_same
from tests.end_to_end.reading import (
    GOLDEN,
    TAPES,
    golden_frames,
    golden_lines,
    hear,
    hear_until,
    socket,
    tape_settings,
)
from tests.monitoring.scraped import Scrape
from tests.processes import Live, Site, free_port, wait_until

START_TS = 1_700_000_000.5


def plain(frames: list[dict[str, Any]], golden: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Our frames with what the golden ones say: they have no ts, and only one tape's have events; none says what it
    leaves out."""
    kept = [{name: value for name, value in frame.items() if name != "ts"} for frame in frames]
    kept = [literal.without_further_fields(frame) for frame in kept]
    if "events" not in golden[0]:
        for frame in kept:
            assert frame.pop("events").keys() == {"bursts", "shocks"}
    return kept


def assert_golden(frames: list[dict[str, Any]], tape: str) -> None:
    golden = golden_frames(tape)
    assert [frame["t"] for frame in frames] == [frame["t"] for frame in golden]
    assert_same(plain(frames, golden), golden)
    for frame in frames:
        assert frame["ts"] == pytest.approx(START_TS + frame["t"] * 0.1, abs=1e-5)


class Tape:
    """A pipe as a market's source: no tick is made before the test plays it."""

    def __init__(self, site: Site) -> None:
        self.path = site.directory / "tape.jsonl"
        os.mkfifo(self.path)
        self._handle = -1

    def play(self, lines: list[bytes]) -> None:
        """Hand over a whole tape."""
        wait_until(self._is_open, "the market to open its tape")
        with os.fdopen(self._handle, "wb") as pipe:
            pipe.write(b"".join(line + b"\n" for line in lines))

    def _is_open(self) -> bool:
        try:
            self._handle = os.open(self.path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            assert error.errno == errno.ENXIO, error  # nobody reads it yet
            return False
        os.set_blocking(self._handle, True)
        return True


def on_air(site: Site, **settings: Any) -> tuple[Live, Tape]:
    """A server and the tape it waits for."""
    tape = Tape(site)
    settings = {"IG_SPEED": 0, "IG_START_TS": START_TS, "IG_OUTBOX_BYTES": 1 << 28, **settings}
    return site.serve(IG_SOURCE=f"file:{tape.path}", **settings), tape


@contextmanager
def listening(live: Live) -> Iterator[ClientConnection]:
    """A client that was there before the first tick."""
    with socket(live) as client:
        # The connection is there before the client is among those who get what comes.
        wait_until(lambda: Scrape(live).value("market_camera_clients", protocol="websocket"), "the client to be served")
        yield client


@pytest.mark.parametrize(
    "name", [name if name == "events" else pytest.param(name, marks=pytest.mark.long) for name in TAPES]
)
def test_a_tape_gives_the_golden_frames_over_the_socket_and_on_disk(site: Site, name: str) -> None:
    lines = golden_lines(f"{name}.ticks.jsonl.zst")
    live, tape = on_air(site, **tape_settings(name))
    with listening(live) as client:
        tape.play(lines)
        heard = hear_until(client, type="tick", t=len(lines) - 1)
    of_kind = {kind: [m for m in heard if m["type"] == kind] for kind in ("frame", "metric", "tick")}
    assert sum(map(len, of_kind.values())) == len(heard)
    assert_golden(of_kind["frame"], name)
    for ours, theirs in zip(of_kind["tick"], map(json.loads, lines), strict=True):
        assert {field: value for field, value in ours.items() if field != "ts"} == theirs
    assert [m["t"] for m in of_kind["metric"]] == list(range(len(lines)))
    wait_until(lambda: site.sealed, "the sealing")
    for kind, messages in of_kind.items():
        assert site.messages(f"{kind}s") == messages


def test_a_tape_gives_the_golden_frames_without_a_server(site: Site) -> None:
    """One of them; all are played to a server above, which films them in the same way."""
    name = "sparse"
    source = GOLDEN / f"{name}.ticks.jsonl.zst"
    made = site.run(
        "runmarket", "--speed", "0", "--source", f"file:{source}", IG_START_TS=START_TS, **tape_settings(name)
    )
    assert made.returncode == 0, made.stderr
    assert site.sealed
    assert_golden(site.messages("frames"), name)


@pytest.mark.long
def test_a_tape_played_at_its_pace_gives_the_golden_frames_over_the_socket(site: Site) -> None:
    source = GOLDEN / "default.ticks.jsonl.zst"
    live = site.serve(
        IG_SOURCE=f"file:{source}", IG_TICK_INTERVAL=0.1, IG_SPEED=25, IG_START_TS=START_TS, **tape_settings("default")
    )
    with socket(live, "?since=-1") as client:  # it may come when the first frame has been told already
        heard = hear_until(client, type="tick", t=899)
    assert_golden([m for m in heard if m["type"] == "frame"], "default")
    assert [m["t"] for m in heard if m["type"] == "tick"] == list(range(900))


def test_at_the_end_of_a_tape_segments_are_sealed_and_sockets_go_on(site: Site) -> None:
    live, tape = on_air(site, **tape_settings("sparse"))
    with listening(live) as client:
        tape.play(golden_lines("sparse.ticks.jsonl.zst")[:100])
        hear_until(client, type="tick", t=99)
        wait_until(lambda: live.json("/health")["meta"]["running"] is False, "the end of the tape")
        health = live.json("/health")
        assert (health["ok"], health["current_segment"], health["meta"]["ticks"]) == (True, None, 100)
        wait_until(lambda: site.sealed, "the sealing")
        client.send("ping")
        hear_until(client, type="pong")
    with socket(live) as late:
        assert [(m["type"], m["t"]) for m in (hear(late), hear(late), hear(late))] == [
            ("frame", 99), ("metric", 99), ("tick", 99)
        ]  # fmt: skip
    kinds = lambda: sorted(row["kind"] for row in live.json("/segments?kind=all"))  # noqa: E731
    wait_until(lambda: kinds() == ["frames", "metrics", "ticks"], "a row of each kind")
    assert live.stop() == 0


def test_a_hole_in_a_tape_is_told_and_recorded_and_no_frame_spans_it(site: Site) -> None:
    lines = golden_lines("sparse.ticks.jsonl.zst")
    live, tape = on_air(site, **tape_settings("sparse"))
    with listening(live) as client:
        tape.play(lines[:60] + lines[70:130])
        heard = hear_until(client, type="tick", t=129)
    told = [m for m in heard if m["type"] == "gap"]
    assert {m["kind"]: (m["from_t"], m["to_t"], m["reason"]) for m in told} == dict.fromkeys(
        ("frame", "metric", "tick"), (60, 69, "lost")
    )
    assert len(told) == 3
    before = heard.index(next(m for m in heard if m["type"] == "tick" and m["t"] == 70))
    assert all(heard.index(gap) < before for gap in told)
    assert [m["t"] for m in heard if m["type"] == "frame"] == [*range(40, 60), *range(109, 130)]
    wait_until(lambda: site.sealed, "the sealing")
    for kind in ("ticks", "metrics", "frames"):
        messages = site.messages(kind)
        (gap,) = [m for m in messages if m["type"] == "gap"]
        assert (gap["from_t"], gap["to_t"], gap["reason"]) == (60, 69, "lost")
        place = messages.index(gap)
        assert messages[place - 1]["t"] == 59
        assert messages[place + 1]["t"] == (70 if kind != "frames" else 109)


@pytest.mark.long
def test_a_second_playing_goes_on_where_the_first_ended(run_command: Any, site: Site) -> None:
    source = f"file:{GOLDEN / 'sparse.ticks.jsonl.zst'}"
    for _ in range(2):
        made = run_command("runmarket", "--speed", "0", "--source", source, **tape_settings("sparse"))
        assert made.returncode == 0, made.stderr
    ticks, frames = site.messages("ticks"), site.messages("frames")
    assert [tick["t"] for tick in ticks if tick["type"] == "tick"] == list(range(800))
    stamps = [tick["ts"] for tick in ticks if tick["type"] == "tick"]
    assert stamps == sorted(set(stamps)), "market time never goes back"
    second = [frame for frame in frames if frame["type"] == "frame" and frame["t"] >= 400]
    assert [frame["t"] for frame in second] == list(range(439, 800)), "no window reaches into another run"
    for ours, golden in zip(second[1:], golden_frames("sparse"), strict=True):
        assert ours["t"] == golden["t"] + 400
        features = [node["features"] for node in literal.without_further_fields(ours)["nodes"]]
        assert_same(features, [node["features"] for node in golden["nodes"]])
        assert_same([e["w"] for e in ours["edges"]], [e["w"] for e in golden["edges"]])


@pytest.mark.long
def test_a_bad_line_ends_the_run_with_its_place_and_what_came_before_is_kept(site: Site) -> None:
    tape = site.directory / "bad.jsonl"
    lines = golden_lines("sparse.ticks.jsonl.zst")
    lines[50] = lines[50].replace(b'"t":', b'"t":-')
    tape.write_bytes(b"\n".join(lines))
    made = site.run("runmarket", "--speed", "0", "--source", f"file:{tape}", **tape_settings("sparse"))
    assert made.returncode == 1
    assert f"{tape}:51: " in made.stderr
    assert "Traceback" not in made.stderr
    assert site.sealed
    assert [tick["t"] for tick in site.messages("ticks")] == list(range(50))


def test_a_bad_line_ends_the_server_too(site: Site) -> None:
    live, tape = on_air(site, **tape_settings("sparse"))
    with listening(live) as client:
        tape.play([*golden_lines("sparse.ticks.jsonl.zst")[:50], b'{"type":"tick","t":50'])
        hear_until(client, type="tick", t=49)
        assert live.wait() == 1
    assert f"{tape.path}:51: " in live.log()
    assert "Traceback" not in live.log()
    assert site.sealed
    assert [tick["t"] for tick in site.messages("ticks")] == list(range(50))


def test_a_tape_that_is_not_there_ends_the_start_with_its_name(site: Site) -> None:
    for command in ("runmarket", "live"):
        made = site.run(command, "--source", "file:/nowhere/tape.jsonl", PORT=free_port())
        assert made.returncode == 1
        assert "/nowhere/tape.jsonl: No such file or directory" in made.stderr
        assert "Traceback" not in made.stderr


@pytest.mark.parametrize("agents", [2, pytest.param(1000, marks=pytest.mark.long)])
def test_few_and_many_agents_are_filmed_right(site: Site, agents: int) -> None:
    simulator = Simulator(seed=3, agents=agents, fixed_agents=True)
    ticks = [simulator.step().to_dict() for _ in range(12)]
    tape = site.directory / "made.jsonl"
    tape.write_bytes(b"\n".join(json.dumps(tick).encode() for tick in ticks))
    made = site.run(
        "runmarket", "--speed", "0", "--source", f"file:{tape}", IG_CAM_W=5, IG_CAM_STRIDE=5, IG_START_TS=START_TS
    )
    assert made.returncode == 0, made.stderr
    frames = site.messages("frames")
    assert [frame["t"] for frame in frames] == [5, 10]
    for frame, first in zip(frames, (True, False), strict=True):
        assert len(frame["nodes"]) == agents
        expected = literal.frame(ticks, frame["t"], 5, 5, 0.003, 2000, first)
        assert_same({name: value for name, value in frame.items() if name != "ts"}, expected)


def test_a_window_of_one_tick_gives_a_frame_every_stride(site: Site) -> None:
    made = site.run("runmarket", "--ticks", "20", "--speed", "0", IG_CAM_W=1, IG_CAM_STRIDE=3, IG_START_TS=START_TS)
    assert made.returncode == 0, made.stderr
    frames, ticks = site.messages("frames"), site.messages("ticks")
    assert [frame["t"] for frame in frames] == [3, 6, 9, 12, 15, 18]
    for frame in frames:
        expected = literal.frame(ticks, frame["t"], 1, 3, 0.003, 2000, frame is frames[0])
        assert_same({name: value for name, value in frame.items() if name != "ts"}, expected)
