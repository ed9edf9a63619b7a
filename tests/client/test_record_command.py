"""`marketcamera record`, as a process: killed, asked to end, and gone on with, it holds what the server recorded."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.processes import PATIENCE_SECONDS, ROOT, Live, Process, Site, decompressed, free_port, wait_until

FAST = {"IG_SPEED": 20, "IG_CAM_W": 20, "IG_CAM_STRIDE": 5, "IG_SEED": 11}
NAMES = pytest.mark.parametrize("name", ["copy.jsonl", "copy.jsonl.zst"])
KINDS = ("tick", "metric", "frame")
SOON = ("--types", "tick,metric,frame", "--since", "-1")


class Recorders:
    """Starts `marketcamera record` again and again on the same file."""

    def __init__(self, directory: Path) -> None:
        self._directory, self.all = directory, list[Process]()

    def start(self, file: Path | str, url: str, *arguments: str) -> Process:
        log = self._directory / f"record{len(self.all)}.log"
        command = [sys.executable, "-m", "marketcamera", "record", str(file), "--url", url, *arguments]
        environment = os.environ | {"PYTHONPATH": str(ROOT / "client" / "src")}
        self.all.append(Process(command, environment, log, cwd=self._directory))
        return self.all[-1]


@pytest.fixture
def recorders(tmp_path: Path) -> Any:
    made = Recorders(tmp_path)
    yield made
    for one in made.all:
        if one.running:
            one.kill()


def size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def text_of(path: Path) -> bytes:
    return decompressed(path) if path.suffix == ".zst" else path.read_bytes()


def messages_of(path: Path) -> list[dict[str, Any]]:
    """Those on whole lines: a kill may come in the midst of a flush."""
    return [json.loads(line) for line in text_of(path).split(b"\n")[:-1]]


def assert_is_what_was_recorded(path: Path, site: Site, last_t: int) -> None:
    """The same lines of each kind, in the order of t; and frame, metric, tick within one t."""
    copied = messages_of(path)
    for kind in KINDS:
        ours = [one for one in copied if one["type"] == kind and one["t"] <= last_t]
        assert ours == [one for one in site.messages(f"{kind}s") if one["t"] <= last_t]
    assert not [one for one in copied if one["type"] == "gap"]


@NAMES
def test_killed_at_any_time_it_holds_all_and_nothing_twice(site: Site, recorders: Recorders, name: str) -> None:
    copy, chance = site.directory / name, random.Random(3)
    server = site.serve(**FAST)
    for number in range(9):
        recorder = recorders.start(copy, server.url, *SOON)
        before = size(copy)
        # One in three is killed while it starts, the others at some moment behind a flush.
        if number % 3:
            wait_until(lambda r=recorder, b=before: size(copy) > b or not r.running, "a flush")
        else:
            wait_until(lambda r=recorder: not r.running or chance.random() < 0.02, "a moment")
        assert recorder.running, recorder.log()
        recorder.kill()
    last_t = server.wait_for_ticks(messages_of(copy)[-1]["t"] + 50)
    assert recorders.start(copy, server.url, *SOON, "--to", str(last_t)).wait() == 0
    server.stop()
    assert_is_what_was_recorded(copy, site, last_t)
    assert messages_of(copy)[-1]["t"] == last_t
    if name.endswith(".zst"):
        assert subprocess.run(["zstd", "-tq", copy], check=False).returncode == 0


def test_it_goes_on_across_kills_of_the_server_too(site: Site, recorders: Recorders) -> None:
    copy, port = site.directory / "copy.jsonl.zst", free_port()
    server = site.serve(PORT=port, **FAST)
    for _ in range(2):
        recorder = recorders.start(copy, server.url, *SOON)
        server.wait_for_ticks((messages_of(copy)[-1]["t"] if size(copy) else 0) + 100)
        server.kill()
        server = site.serve(PORT=port, **FAST)
        before = size(copy)
        wait_until(lambda b=before: size(copy) > b, "more of the market begun again")
        recorder.kill()
    last_t = server.wait_for_ticks(messages_of(copy)[-1]["t"] + 50)
    assert recorders.start(copy, server.url, *SOON, "--to", str(last_t)).wait() == 0
    server.stop()
    assert_is_what_was_recorded(copy, site, last_t)


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory, migrated_database: Path) -> Any:
    site = Site(tmp_path_factory.mktemp("record"), migrated_database)
    try:
        yield site.serve(**FAST)
    finally:
        site.end()


@NAMES
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_cleanly(
    live: Live, recorders: Recorders, tmp_path: Path, name: str, number: signal.Signals
) -> None:
    copy = tmp_path / name
    recorder = recorders.start(copy, live.url, *SOON)
    wait_until(lambda: size(copy) > 1000, "a flush")
    assert recorder.stop(number) == 128 + number
    assert "Traceback" not in recorder.log()
    if copy.suffix == ".zst":
        assert subprocess.run(["zstd", "-tq", copy], check=False).returncode == 0
    ticks = [one["t"] for one in messages_of(copy) if one["type"] == "tick"]
    assert ticks == list(range(len(ticks)))
    assert ticks


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_the_wait_for_a_server(recorders: Recorders, tmp_path: Path, number: signal.Signals) -> None:
    copy = tmp_path / "copy.jsonl.zst"
    recorder = recorders.start(copy, f"http://127.0.0.1:{free_port()}")
    wait_until(lambda: size(copy), "the file")
    assert recorder.stop(number) == 128 + number
    assert subprocess.run(["zstd", "-tq", copy], check=False).returncode == 0, "whole from its first byte on"


def test_a_hangup_that_is_ignored_ends_nothing(live: Live, recorders: Recorders, tmp_path: Path) -> None:
    """As under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        recorder = recorders.start(tmp_path / "copy.jsonl", live.url)
    finally:
        signal.signal(signal.SIGHUP, before)
    wait_until(lambda: size(tmp_path / "copy.jsonl"), "a flush")
    recorder.process.send_signal(signal.SIGHUP)
    more = size(tmp_path / "copy.jsonl")
    wait_until(lambda: size(tmp_path / "copy.jsonl") > more, "another flush")
    assert recorder.stop() == 128 + signal.SIGTERM


def test_a_target_that_cannot_be_is_told_in_a_sentence(live: Live, recorders: Recorders, tmp_path: Path) -> None:
    (tmp_path / "notes.jsonl").write_text("dear diary")
    for target, told in [
        ("-", "a recording needs a file; marketcamera tail prints to standard output"),
        (tmp_path, "is a directory"),
        ("/dev/full", "/dev/full is no regular file"),
        ("none/copy.jsonl", "none/copy.jsonl: No such file or directory"),
        ("notes.jsonl", "notes.jsonl is not a recording to go on with: its last line is not JSON"),
    ]:
        recorder = recorders.start(target, live.url)
        assert recorder.wait() == 1
        assert recorder.log().startswith("marketcamera: ")
        assert told in recorder.log()
        assert "Traceback" not in recorder.log()
    assert (tmp_path / "notes.jsonl").read_text() == "dear diary"


def test_a_disk_that_is_full_ends_it_with_a_sentence(live: Live, recorders: Recorders, tmp_path: Path) -> None:
    copy = tmp_path / "copy.jsonl.zst"
    program = (
        "import resource, sys; from marketcamera.command import main; "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)); sys.exit(main())"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT / "client" / "src")}
    command = [sys.executable, "-c", program, "record", str(copy), "--url", live.url, *SOON]
    ran = subprocess.run(
        command, capture_output=True, text=True, env=environment, check=False, timeout=PATIENCE_SECONDS
    )
    assert ran.returncode == 1
    assert ran.stderr.splitlines()[-1] == (
        f"marketcamera: {copy}: File too large; it ends with what was written before"
    )
    assert "Traceback" not in ran.stderr
    live.wait_for_ticks(300)
    last_t = max(300, *(one["t"] for one in messages_of(copy)), 0)
    assert recorders.start(copy, live.url, *SOON, "--to", str(last_t)).wait() == 0
    assert [one["t"] for one in messages_of(copy) if one["type"] == "tick"] == list(range(last_t + 1))


def test_two_do_not_write_one_file(live: Live, recorders: Recorders, tmp_path: Path) -> None:
    copy = tmp_path / "copy.jsonl"
    first = recorders.start(copy, live.url)
    wait_until(lambda: size(copy), "a flush")
    second = recorders.start(copy, live.url)
    assert second.wait() == 1
    assert "is being written by another process" in second.log()
    assert first.stop(signal.SIGINT) == 130


def test_a_file_that_has_it_all_is_left_as_it_is(live: Live, recorders: Recorders, tmp_path: Path) -> None:
    copy = tmp_path / "copy.jsonl.zst"
    for _ in range(2):
        assert recorders.start(copy, live.url, "--since", "-1", "--to", "30").wait() == 0
    assert [one["t"] for one in messages_of(copy)] == list(range(31))


def test_a_file_that_was_emptied_begins_anew_with_a_word(live: Live, recorders: Recorders, tmp_path: Path) -> None:
    copy = tmp_path / "copy.jsonl.zst"
    begun = recorders.start(copy, live.url, "--since", "-1", "--to", "30")
    assert begun.wait() == 0
    assert "begins anew" not in begun.log()
    os.truncate(copy, 0)
    again = recorders.start(copy, live.url, "--since", "-1", "--to", "30")
    assert again.wait() == 0
    assert f"{copy} holds no message any more of those that were recorded in it, and begins anew" in again.log()
    assert [one["t"] for one in messages_of(copy)] == list(range(31))


def test_a_copy_is_of_one_recording(new_site: Callable[[], Site], recorders: Recorders, tmp_path: Path) -> None:
    """While nobody records, another store and database take the place of the server's."""
    copy, port = tmp_path / "copy.jsonl.zst", free_port()
    old = new_site().serve(PORT=port, **FAST)
    old.wait_for_ticks(30)
    assert recorders.start(copy, old.url, *SOON, "--to", "25").wait() == 0
    noted = Path(f"{copy}.store").read_text().strip()
    assert noted == old.ask("/health").json()["meta"]["store"]
    held = messages_of(copy)
    assert recorders.start(copy, old.url, *SOON, "--to", "28").wait() == 0, "the same one goes on"
    assert messages_of(copy)[: len(held)] == held
    held = messages_of(copy)
    old.stop()
    new = new_site().serve(PORT=port, **FAST)
    new.wait_for_ticks(60)
    refused = recorders.start(copy, new.url, *SOON, "--to", "50")
    assert refused.wait() == 1
    now = new.ask("/health").json()["meta"]["store"]
    assert f"of {noted} is no position in its recording any more, which is {now} now" in refused.log()
    assert "Traceback" not in refused.log()
    assert messages_of(copy) == held
    assert recorders.start(tmp_path / "other.jsonl", new.url, *SOON, "--to", "50").wait() == 0
