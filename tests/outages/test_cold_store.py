"""A cold store that is slow, killed and back again: told, retried, nothing lost, and the stream goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.object_store import SECRET, ObjectStore, Proxy, object_store
from tests.processes import Live, Site, wait_until


@pytest.fixture
def objects(tmp_path: Path) -> Iterator[ObjectStore]:
    with object_store(tmp_path / "objects") as store:
        yield store


def copies(live: Live) -> dict[str, Any]:
    found: dict[str, Any] = live.json("/health").get("cold_store", {})
    return found


def test_segments_wait_for_a_bucket_that_is_killed_and_none_is_lost(site: Site, objects: ObjectStore) -> None:
    """The server's own child copies too, but on a busy machine it comes late."""
    objects.bucket("tapes")
    proxy = Proxy(objects.port)
    proxy.bytes_a_second = 50_000
    env = {
        **objects.environment,
        "IG_COLD_STORE": objects.url("tapes", port=proxy.port),
        "IG_COLD_ZSTD_LEVEL": 19,
        "IG_CAM_SEGMENT_SECONDS": 2,
    }
    live = site.serve(**env)
    wait_until(lambda: len(site.segments("ticks")) > 1, "a sealed segment")
    site.run("copysegments", **env)
    wait_until(lambda: copies(live).get("failing") is False, "a copy in a slow bucket")
    objects.kill()
    newest = live.wait_for_ticks(-1)
    wait_until(lambda: "is unavailable" in site.run("copysegments", **env).stdout, "a copy that fails")
    wait_until(lambda: copies(live)["failing"] and copies(live)["waiting"] > 0, "segments that wait")
    assert 'market_camera_cold_failing{symbol="IG-USD"} 1.0' in live.ask("/metrics").body.decode()
    wait_until(lambda: "alert: 分段无法复制到冷存储（IG-USD）" in live.log(), "an alert")
    live.wait_for_ticks(newest + 20)
    objects.start()
    live.stop()
    wait_until(lambda: site.run("copysegments", **env).returncode == 0, "all segments in the bucket")
    assert SECRET not in live.log()
    done = site.run("verify", "--deep", **env)
    assert "no faults" in done.stdout, done.stdout + done.stderr
    proxy.close()
