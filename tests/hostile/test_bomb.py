"""A segment of some kilobytes that holds a gigabyte without a line holds up nobody, and is told as a gap."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import zstandard

from marketcamera import Gap, Replay
from tests.followers import Follower, following
from tests.processes import Live, Site

pytestmark = pytest.mark.long

MEBI = 1 << 20
MARKET = {"IG_SPEED": 10, "IG_CAM_W": 20, "IG_CAM_STRIDE": 5, "IG_CAM_SEGMENT_SECONDS": 1, "IG_RING_TICKS": 100}
KINDS = ("ticks", "frames", "metrics")


def put_bomb(path: Path) -> None:
    packer = zstandard.ZstdCompressor(write_checksum=True).compressobj()
    path.write_bytes(b"".join(packer.compress(b"{" * MEBI) for _ in range(1024)) + packer.flush())
    assert path.stat().st_size < 50_000


def put_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def put_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


SPOILED = pytest.mark.parametrize("spoil", [put_bomb, put_directory, put_fifo])


def make(site: Site, spoil: Callable[[Path], None]) -> None:
    """A recording with something else in the place of the second segment of each kind."""
    made = site.run("runmarket", "--ticks", "1500", "--speed", "40", **MARKET)
    assert made.returncode == 0, made.stderr
    for kind in KINDS:
        assert len(site.segments(kind)) > 2, kind
        spoil(site.segments(kind)[1])


def memory_bytes(live: Live) -> int:
    return psutil.Process(live.process.pid).memory_info().rss


@SPOILED
def test_who_reads_the_past_is_told_of_it_and_nobody_else_waits(site: Site, spoil: Callable[[Path], None]) -> None:
    make(site, spoil)
    live = site.serve(**MARKET)
    follower, before = Follower(live), memory_bytes(live)
    with following(follower):
        follower.wait_for_more(50)
        name = site.segments("ticks")[1].name
        for path in ("/gaps", "/incremental?from_t=-1&limit=5000", "/api/v1/bars?resolution=1s", "/disk"):
            assert live.ask(path).status == 200, path
        for form in ("jsonl", "seek"):
            assert live.ask(f"/segment/{name}?format={form}").status in (200, 404)
        for kind in ("tick", "frame", "metric"):
            found = list(Replay(live.url, 0, 1400, types=kind))
            assert any(isinstance(one, Gap) and one.reason == "damaged" for one in found), kind
            assert sum(not isinstance(one, Gap) for one in found) > 100, kind
            assert live.ask("/health").status == 200
        follower.wait_for_more(50)
    follower.assert_heard_each_tick_once()
    assert follower.was_let_be
    assert memory_bytes(live) - before < 300 * MEBI
    assert "Traceback" not in live.log()


@SPOILED
def test_verify_adopt_and_repair_say_so_and_end(
    site: Site, new_site: Callable[[], Site], spoil: Callable[[Path], None]
) -> None:
    make(site, spoil)
    name = site.segments("ticks")[1].name
    checked = site.run("verify", **MARKET)
    assert checked.returncode == 1
    assert name in checked.stderr + checked.stdout
    other = new_site()
    (foreign := other.directory / "foreign").mkdir()
    for kind in KINDS:
        shutil.copytree(site.store / kind, foreign / kind, copy_function=_copy_any)
    adopted = other.run("adopt", str(foreign), **MARKET)
    told = adopted.stderr + adopted.stdout
    assert name in told, told
    for done in (checked, adopted, site.run("repair", **MARKET)):
        assert "Traceback" not in done.stderr, done.stderr


def _copy_any(source: str, target: str) -> None:
    """A FIFO is copied as one; whoever opened it would wait for its writer."""
    if Path(source).is_fifo():
        os.mkfifo(target)
    else:
        shutil.copy2(source, target)
