"""The store fails under a running market: the recording stops with one alert, the stream goes on, and so does the
recording when it can."""

from __future__ import annotations

import json
import re
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from recorder.tape.reader import last_line
from tests.end_to_end.reading import hear_until, socket
from tests.outages.conftest import MARKET
from tests.processes import Live, Process, Site, wait_until

STOPPED = "the recording has stopped, the stream goes on: "
GOES_ON = "the recording goes on; lost: "


def newest(site: Site) -> int:
    line = last_line(site.store, "ticks")
    return -1 if line is None else line.last_t


def assert_accounted_for(site: Site, last_t: int) -> list[tuple[int, int]]:
    """Every tick up to `last_t` is on the tape once or in a gap line, in order; no line is torn. The gaps."""
    due, gaps = 0, []
    for message in site.messages("ticks"):
        first, last = message.get("from_t", message.get("t")), message.get("to_t", message.get("t"))
        assert first == due, message
        due = last + 1
        if message["type"] == "gap":
            gaps.append((first, last))
    assert due > last_t
    for kind in ("frames", "metrics"):
        text = site.text(kind)
        assert text.endswith(b"\n")
        for line in text.splitlines():
            json.loads(line)
    return gaps


def assert_proved(site: Site, **env: Any) -> None:
    verified = site.run("verify", "--deep", **env)
    assert verified.returncode == 0, verified.stdout + verified.stderr


def recording_as_told(live: Live) -> tuple[int, bool, float]:
    """What `/health` answers, and says of the recording, and what `/metrics` does."""
    health = live.ask("/health")
    (figure,) = re.findall(r"^market_camera_recording\{[^}]*\} (\S+)", live.ask("/metrics").body.decode(), re.M)
    return health.status, health.json()["meta"]["recording"], float(figure)


def outage(live: Live, breaks: Any, heals: Any, cause: str) -> None:
    """The store fails and is well again, while a client hears every tick."""
    with socket(live, "?types=tick") as client:
        hear_until(client, t=live.wait_for_ticks(-1) + 5)
        breaks()
        wait_until(lambda: STOPPED in live.log(), "the alert")
        stopped_at = live.json("/incremental?limit=1")["latest_t"]
        heard = hear_until(client, t=stopped_at + 40)
        assert recording_as_told(live) == (200, False, 0.0)
        heals()
        wait_until(lambda: GOES_ON in live.log(), "the recovery")
        wait_until(lambda: recording_as_told(live) == (200, True, 1.0), "the word that it is recorded again")
        gone_on_at = live.json("/incremental?limit=1")["latest_t"]
        heard += hear_until(client, t=gone_on_at + 10)
    ts = [message["t"] for message in heard]
    assert ts == list(range(ts[0], ts[0] + len(ts))), "the stream went on"
    assert live.log().count(STOPPED) == live.log().count(GOES_ON) == 1
    alert = next(line for line in live.log().splitlines() if STOPPED in line)
    assert " CRITICAL " in alert
    assert re.search(cause, alert)
    assert live.stop() == 0


def test_a_full_disk(site: Site, small_disk: Path) -> None:
    site.store = small_disk / "store"
    env = {**MARKET, "IG_CAM_SEGMENT_SECONDS": 300, "IG_RETAIN_MIN_SEGMENTS": 1000}
    live = site.serve(**env)
    ballast = small_disk / "ballast"

    def fill() -> None:
        with ballast.open("wb", buffering=0) as file:
            try:
                while file.write(b"x" * 4096):
                    pass
            except OSError:
                return

    outage(live, fill, ballast.unlink, "No space left on device")
    (gap,) = assert_accounted_for(site, newest(site))
    assert gap[1] - gap[0] >= 40
    assert_proved(site, **env)


def test_a_disk_that_is_full_of_the_recording_itself(site: Site, small_disk: Path) -> None:
    """The market fills the disk up to the last byte; then somebody makes room."""
    site.store = small_disk / "store"
    reserve = small_disk / "reserve"
    reserve.write_bytes(b"x" * ((2 << 20) - (96 << 10)))
    env = {**MARKET, "IG_RETAIN_MIN_SEGMENTS": 1000}
    run = site.start("runmarket", **env)
    wait_until(lambda: STOPPED in run.log(), "the alert")
    last_t = newest(site)
    reserve.unlink()
    wait_until(lambda: newest(site) > last_t, "the recording")
    assert run.stop() == 0
    assert run.log().count(STOPPED) == run.log().count(GOES_ON) == 1
    assert len(assert_accounted_for(site, newest(site))) == 1
    assert_proved(site, **env)


@contextmanager
def held(process: Process) -> Iterator[None]:
    """While a store is moved the market makes nothing in it."""
    process.process.send_signal(signal.SIGSTOP)
    wait_until(lambda: psutil.Process(process.process.pid).status() == psutil.STATUS_STOPPED, "its standstill")
    try:
        yield
    finally:
        process.process.send_signal(signal.SIGCONT)


def test_a_store_that_is_taken_away_and_put_back(site: Site) -> None:
    live = site.serve(**MARKET)
    aside = site.directory / "aside"

    def take_away() -> None:
        with held(live):
            site.store.rename(aside)
            site.store.write_bytes(b"in the way: no directory can be made here")

    def put_back() -> None:
        with held(live):
            site.store.unlink()
            aside.rename(site.store)

    outage(live, take_away, put_back, "File exists|Not a directory")
    assert len(assert_accounted_for(site, newest(site))) == 1
    assert_proved(site, **MARKET)


def test_a_store_that_is_deleted_is_made_anew_and_tells_what_is_gone(site: Site) -> None:
    env = {**MARKET, "IG_CAM_SEGMENT_SECONDS": 300}
    run = site.start("runmarket", **env)
    wait_until(lambda: newest(site) > 20, "some ticks")
    with held(run):
        shutil.rmtree(site.store)
    wait_until(lambda: site.store.exists() and newest(site) > 20, "the recording")
    assert run.stop() == 0
    assert run.log().count(STOPPED) == run.log().count(GOES_ON) == 1
    ((first, last),) = assert_accounted_for(site, newest(site))
    assert first == 0
    assert last > 20


def test_killed_while_the_disk_is_full_it_makes_all_that_is_missing_again(site: Site, small_disk: Path) -> None:
    site.store = small_disk / "store"
    env = {**MARKET, "IG_CAM_SEGMENT_SECONDS": 300}
    run = site.start("runmarket", **env)
    wait_until(lambda: newest(site) > 20, "some ticks")
    ballast = small_disk / "ballast"
    with pytest.raises(OSError, match="No space left"):
        ballast.write_bytes(b"x" * (4 << 20))
    wait_until(lambda: STOPPED in run.log(), "the alert")
    run.kill()
    ballast.unlink()
    again = site.run("runmarket", "--ticks", "50", **env)
    assert again.returncode == 0, again.stderr
    assert assert_accounted_for(site, newest(site)) == []
    assert_proved(site, **env)
