"""manifest.json beside the segments of a market that records, is killed and starts again."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from typing import Any

import pytest

from tests.processes import Live, Site, wait_until

KINDS = ("ticks", "frames", "metrics")
SHORT = {"IG_SPEED": 5, "IG_CAM_W": 20, "IG_CAM_STRIDE": 5, "IG_CAM_SEGMENT_SECONDS": 1}


def listed(site: Site, kind: str) -> list[dict[str, Any]]:
    """The entries; asked again where one is just being appended."""

    def read() -> list[list[dict[str, Any]]]:
        try:
            return [json.loads((site.store / kind / "manifest.json").read_text())]
        except ValueError:
            return []

    (found,) = wait_until(read, "a whole manifest.json")
    return found


def assert_lists_every_segment(site: Site) -> None:
    for kind in KINDS:
        entries = listed(site, kind)
        assert [entry["path"] for entry in entries] == [
            f"{kind}/{path.name}" for path in site.segments(kind) if "_pending" not in path.name
        ]
        assert [entry["bytes"] for entry in entries] == [
            (site.store / entry["path"]).stat().st_size for entry in entries
        ]


def assert_answers_alike(site: Site, live: Live) -> None:
    for kind in KINDS:
        rows = [row for row in live.json(f"/manifest/{kind}") if not row["pending"]]
        # A row and an entry are written one after the other.
        wait_until(lambda of=kind, rows=rows: rows == listed(site, of)[: len(rows)], f"{rows} in the file")  # type: ignore[misc]


@pytest.mark.long
def test_it_grows_with_each_segment_and_is_whole_after_kill_9(site: Site, start_live: Callable[..., Live]) -> None:
    live = start_live(**SHORT)
    assert all((site.store / kind / "manifest.json").exists() for kind in KINDS)
    wait_until(lambda: all(len(listed(site, kind)) >= 2 for kind in KINDS), "two segments of each kind")
    live.process.send_signal(signal.SIGKILL)
    live.wait()
    torn = site.store / "metrics" / "manifest.json"
    torn.write_bytes(torn.read_bytes()[:-30])
    again = start_live(**SHORT)
    assert "made anew" in again.log()
    assert again.stop() == 0
    assert_lists_every_segment(site)
    last = start_live(**SHORT)
    assert "made anew" not in last.log()
    assert_answers_alike(site, last)
    assert last.stop() == 0
    told = site.run("verify", "--deep")
    assert "no faults" in told.stdout, told.stdout + told.stderr
    taken = site.run("adopt", str(site.store), "--symbol", "COPY")
    assert taken.returncode == 0, taken.stderr
    assert "manifest only" not in taken.stdout
    for kind in KINDS:
        assert [entry["path"] for entry in listed(site, kind)] == [
            entry["path"] for entry in json.loads((site.store / "COPY" / kind / "manifest.json").read_text())
        ]


def test_a_store_that_takes_no_manifest_is_recorded_all_the_same(site: Site, start_live: Callable[..., Live]) -> None:
    (site.store / "ticks" / "manifest.json").mkdir(parents=True)
    live = start_live(**SHORT)
    wait_until(lambda: len(listed(site, "metrics")) >= 3, "three segments")
    assert live.ask("/health").status == 200
    assert live.stop() == 0
    assert live.log().count("manifest.json is behind until it can be written") == 1
    assert "Traceback" not in live.log()
    (site.store / "ticks" / "manifest.json").rmdir()
    assert site.run("runmarket", "--ticks", "5").returncode == 0
    assert_lists_every_segment(site)
