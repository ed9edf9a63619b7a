"""kill -9 costs nothing: the tapes are those of a run never interrupted."""

import random
from pathlib import Path

import orjson
import zstandard

from tests.continuation.killing import Market, compare, kill_again_and_again


def finish(broken: Market, whole: Market) -> None:
    """Let the broken market go on in peace, and the whole one as far."""
    broken.manage("runmarket", "--ticks", "200")
    missing = broken.last_t() - whole.last_t()
    if missing > 0:
        whole.manage("runmarket", "--ticks", str(missing))


def test_kills_at_random_moments_leave_no_trace(tmp_path: Path) -> None:
    broken, whole = Market(tmp_path / "broken"), Market(tmp_path / "whole")
    kill_again_and_again(broken, 8, random.Random(7), longest_seconds=0.7)
    finish(broken, whole)
    assert compare(broken, whole) == []
    assert "a new one begins" not in (broken.directory / "log").read_text()


def test_stopping_in_good_order_goes_on_as_well(tmp_path: Path) -> None:
    broken, whole = Market(tmp_path / "broken"), Market(tmp_path / "whole")
    for ticks in (1, 299, 50, 451):
        broken.manage("runmarket", "--ticks", str(ticks))
    finish(broken, whole)
    assert compare(broken, whole) == []
    assert broken.last_t() == 1000


def test_a_changed_setting_begins_a_new_run_at_the_next_t(tmp_path: Path) -> None:
    market = Market(tmp_path / "market")
    market.manage("runmarket", "--ticks", "400")
    market.environment["IG_SEED"] = "9"
    market.manage("runmarket", "--ticks", "400")
    ticks, frames = market.tape("ticks"), market.tape("frames")
    assert [int(line.split(b'"t":')[1].split(b",")[0]) for line in ticks] == list(range(800))
    filmed = [int(line.split(b'"t":')[1].split(b",")[0]) for line in frames]
    assert filmed == [*range(300, 400, 10), *range(700, 800, 10)]


def test_a_torn_tail_is_made_again(tmp_path: Path) -> None:
    """As after a power cut: the last bytes never reached the disk."""
    broken, whole = Market(tmp_path / "broken"), Market(tmp_path / "whole")
    kill_again_and_again(broken, 1, random.Random(3), longest_seconds=1.0)
    for kind, share in (("ticks", 0.5), ("metrics", 0.8), ("frames", 0.3)):
        for path in (broken.directory / "store" / kind).glob("*_pending*"):
            with path.open("r+b") as file:
                file.truncate(int(path.stat().st_size * share))
    for checkpoint in (broken.directory / "store" / "checkpoints").glob("checkpoint_0_[1-9]*"):
        checkpoint.unlink()  # it reached the disk only after the ticks it stands behind
    finish(broken, whole)
    assert compare(broken, whole) == []


def test_a_tick_on_disk_that_cannot_be_made_again_wins(tmp_path: Path) -> None:
    market = Market(tmp_path / "market", IG_FLUSH_SECONDS="0", IG_CAM_SEGMENT_SECONDS="300")
    kill_again_and_again(market, 1, random.Random(3), longest_seconds=1.0)
    for checkpoint in (market.directory / "store" / "checkpoints").glob("checkpoint_0_[1-9]*"):
        checkpoint.unlink()
    (path,) = (market.directory / "store" / "ticks").glob("*_pending*")
    with path.open("rb") as file:
        text = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True).read()
    whole_lines = text[: text.rfind(b"\n") + 1]
    path.write_bytes(zstandard.ZstdCompressor().compress(whole_lines.replace(b'"side":"buy"', b'"side":"none"', 1)))
    before = market.last_t()
    log = market.manage("runmarket", "--ticks", "5").stderr
    assert "the ticks on disk differ at t=0 from those made again" in log
    ticks = market.tape("ticks")
    assert b'"side":"none"' in ticks[0]
    new = [orjson.loads(line) for line in ticks[before + 1 :]]
    lost = [t for gap in new if gap["type"] == "gap" for t in range(gap["from_t"], gap["to_t"] + 1)]
    made = [tick["t"] for tick in new if tick["type"] == "tick"]
    assert lost + made == list(range(before + 1, before + 1 + len(lost) + 5))


def test_without_any_database_the_run_goes_on(tmp_path: Path) -> None:
    broken, whole = Market(tmp_path / "broken"), Market(tmp_path / "whole")
    broken.manage("runmarket", "--ticks", "700")
    broken.begin_database()
    finish(broken, whole)
    assert compare(broken, whole) == []
