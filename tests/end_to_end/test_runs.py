"""Runs of the simulator: repeatable, continued where they ended, and whole after every kind of end."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

import pytest

from tests.end_to_end.reading import assert_is_frame, assert_is_metric, assert_is_tick, socket
from tests.processes import PATIENCE_SECONDS, Live, Site, wait_until

FLAT_OUT = ("runmarket", "--speed", "0")
CAMERA = {"IG_CAM_W": 50, "IG_CAM_STRIDE": 5}


def texts(site: Site) -> dict[str, bytes]:
    return {kind: site.text(kind) for kind in ("ticks", "metrics", "frames")}


def made(site: Site, ticks: int, **env: Any) -> dict[str, bytes]:
    """Everything recorded by one command that makes so many ticks."""
    done = site.run(*FLAT_OUT, "--ticks", str(ticks), **CAMERA, **env)
    assert done.returncode == 0, done.stderr
    return texts(site)


def assert_whole(site: Site) -> int:
    """The tape has every t once, or a gap in its place, and market time rises; how many ticks there are."""
    due, last_ts, ticks = 0, 0.0, 0
    for message in site.messages("ticks"):
        if message["type"] == "gap":
            assert message["from_t"] == due
            due = message["to_t"] + 1
            continue
        assert_is_tick(message)
        assert message["t"] == due
        assert message["ts"] > last_ts
        due, last_ts, ticks = due + 1, message["ts"], ticks + 1
    return ticks


@pytest.mark.long
def test_the_same_seed_makes_the_same_files(new_site: Callable[[], Site]) -> None:
    settings = {"IG_SEED": 42, "IG_START_TS": 1_700_000_000, "IG_ADJUST_INTERVAL": 100}
    one, again, other = (
        made(new_site(), 700, **settings),
        made(new_site(), 700, **settings, IG_CAM_SEGMENT_SECONDS=1, IG_CAM_ZSTD_LEVEL=9),
        made(new_site(), 700, **{**settings, "IG_SEED": 43}),
    )
    assert one == again
    for kind in ("ticks", "metrics", "frames"):
        assert one[kind] != other[kind]
        assert len(one[kind].splitlines()) == {"ticks": 700, "metrics": 700, "frames": 130}[kind]


@pytest.mark.long
def test_without_a_given_start_only_market_time_differs(new_site: Callable[[], Site]) -> None:
    sites = [new_site(), new_site()]
    for site in sites:
        made(site, 60, IG_SEED=5)
    one, other = (
        [{name: value for name, value in message.items() if name != "ts"} for message in site.messages("ticks")]
        for site in sites
    )
    assert one == other
    assert sites[0].messages("ticks")[0]["ts"] != sites[1].messages("ticks")[0]["ts"]


def test_what_is_recorded_has_the_contracts_form(site: Site) -> None:
    made(site, 120, IG_CAM_METRIC_DOWNSAMPLE=10, IG_START_TS=1_700_000_000)
    ticks, metrics, frames = (site.messages(kind) for kind in ("ticks", "metrics", "frames"))
    for tick in ticks:
        assert_is_tick(tick)
        assert tick["ts"] == pytest.approx(1_700_000_000 + tick["t"] * 0.1, abs=1e-5)
    for metric in metrics:
        assert_is_metric(metric)
    for frame in frames:
        assert_is_frame(frame, 50, 5)
    assert [tick["t"] for tick in ticks] == list(range(120))
    assert [metric["t"] for metric in metrics] == list(range(0, 120, 10))
    assert [frame["t"] for frame in frames] == list(range(50, 120, 5))


@pytest.mark.parametrize("changes", [{}, {"IG_SEED": 9, "IG_CAM_STRIDE": 7, "IG_TICK_INTERVAL": 60}], ids=str)
def test_a_restart_goes_on_with_the_next_t_and_market_time_does_not_go_back(
    site: Site, changes: dict[str, Any]
) -> None:
    made(site, 80, IG_START_TS=1_700_000_000)
    done = site.run(*FLAT_OUT, "--ticks", "70", **{**CAMERA, "IG_START_TS": 1_600_000_000, **changes})
    assert done.returncode == 0, done.stderr
    assert assert_whole(site) == 150
    ticks = site.messages("ticks")
    interval = changes.get("IG_TICK_INTERVAL", 0.1)
    assert ticks[80]["ts"] - ticks[79]["ts"] == pytest.approx(interval, abs=1e-5)


@pytest.mark.long
def test_a_restart_goes_on_where_nothing_but_the_files_is_left(site: Site, migrated_database: Any) -> None:
    made(site, 80)
    for path in site.directory.glob("site.sqlite3*"):
        path.unlink()
    site.database.write_bytes(migrated_database.read_bytes())
    made(site, 70)
    assert assert_whole(site) == 150


def test_a_server_goes_on_where_a_command_ended(site: Site, start_live: Callable[..., Live]) -> None:
    made(site, 80)
    live = start_live(**CAMERA)
    with socket(live, "?types=tick") as client:
        client.recv(timeout=PATIENCE_SECONDS)
    live.wait_for_ticks(85)
    assert live.stop() == 0
    assert assert_whole(site) > 85
    assert site.sealed


@pytest.mark.long
def test_after_a_power_cut_nothing_is_deleted_and_the_run_goes_on(site: Site, start_live: Callable[..., Live]) -> None:
    live = start_live(IG_SPEED=30, IG_FLUSH_SECONDS=0.05, **CAMERA)
    live.wait_for_ticks(100)
    wait_until(lambda: len(site.messages("ticks")) > 90, "90 ticks on disk")
    live.kill()
    kept = site.text("ticks").splitlines()
    assert not site.sealed
    again = start_live(IG_SPEED=30, **CAMERA)
    again.wait_for_ticks(len(kept) + 50)
    assert again.stop() == 0
    assert site.sealed
    assert assert_whole(site) > len(kept) + 50
    assert site.text("ticks").splitlines()[: len(kept) - 1] == kept[:-1]
    for kind in ("frames", "metrics"):
        ts = [message["t"] for message in site.messages(kind) if message["type"] != "gap"]
        assert ts == sorted(set(ts))


@pytest.mark.parametrize(("command", "number"), [("live", signal.SIGINT), ("runmarket", signal.SIGTERM)])
def test_a_signal_seals_everything_within_five_seconds(site: Site, command: str, number: signal.Signals) -> None:
    env = {"IG_SPEED": 20, "IG_FLUSH_SECONDS": 0.1, **CAMERA}
    process = site.serve("live", **env) if command == "live" else site.start(command, **env)
    wait_until(lambda: len(site.messages("frames")) > 3, "frames on disk")
    assert process.stop(number) == 0
    assert site.sealed
    assert assert_whole(site) >= 50
    assert "Traceback" not in process.log()


@pytest.mark.long
@pytest.mark.parametrize("speed", [0, 1])
def test_a_signal_ends_a_market_with_listeners(site: Site, start_live: Callable[..., Live], speed: int) -> None:
    live = start_live(IG_SPEED=speed, **CAMERA)
    with socket(live) as client, socket(live, "?types=tick") as other:
        client.recv(timeout=PATIENCE_SECONDS)
        other.recv(timeout=PATIENCE_SECONDS)
        assert live.stop() == 0
    assert site.sealed
    assert "Traceback" not in live.log()


@pytest.mark.long
def test_rows_of_the_manifest_are_written_before_the_end(site: Site, start_live: Callable[..., Live]) -> None:
    made(site, 200, IG_CAM_SEGMENT_SECONDS=1)
    live = start_live(**CAMERA)
    rows = [row for row in live.json("/segments?kind=all") if row["end_t"] < 200]
    on_disk = {f"{kind}/{path.name}" for kind in ("ticks", "frames", "metrics") for path in site.segments(kind)}
    assert {row["path"] for row in rows} == {name for name in on_disk if "_pending" not in name}
    assert sum(row["lines"] for row in rows if row["kind"] == "ticks") == 200
