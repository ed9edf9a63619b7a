"""What a crash cost for good is told in every tape, and no t comes a second time with another content."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from igsite.config import Config
from pipeline import run
from recorder.importing.adoption import overlaps
from recorder.models import Market, Run, Segment
from recorder.segment.layout import KINDS
from recorder.segment.writer import ZstdSegmentWriter
from recorder.tape.high_water_mark import read_mark
from recorder.tape.history import History
from tests.continuation.killed import Heard, Killable, write_source
from tests.recorder.tape import Clock

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def config(settings: Any, tmp_path: Path) -> Config:
    config = replace(
        settings.CONFIG, store_dir=tmp_path / "store", speed=0.0, cam_w=20, cam_stride=5, start_ts=1.7e9,
        flush_seconds=0.0,
    )  # fmt: skip
    settings.CONFIG = config
    return config


@pytest.fixture
def now() -> datetime:
    return datetime(2026, 1, 24, tzinfo=UTC)


@pytest.fixture
def market(config: Config) -> Killable:
    return Killable(config)


@pytest.mark.parametrize(("ticks", "metrics"), [(24, 24), (24, 9), (9, 24), (9, 9), (24, 19), (19, 5)])
def test_a_hole_in_the_source_is_told_in_every_tape_wherever_a_crash_comes(
    config: Config, market: Killable, tmp_path: Path, ticks: int, metrics: int
) -> None:
    played = [*range(10), *range(20, 60)]
    config = replace(config, source=write_source(tmp_path / "played.jsonl", played))
    market.run_killed(config, 15)
    market.cut("ticks", ticks)
    market.cut("metrics", metrics)
    market.run(config)
    whole = [*range(10), (10, 19), *range(20, 60)]
    assert market.told("ticks") == market.told("metrics") == whole
    assert market.told("frames") == [(10, 19), 40, 45, 50, 55]


def left_by_a_crash(market: Killable, config: Config) -> Heard:
    """A market of which 45 ticks were seen, and the tapes end at t=30, 37 and 35."""
    heard = Heard()
    market.run_killed(config, 45, heard)
    for kind, last_t in (("ticks", 30), ("metrics", 37), ("frames", 35)):
        market.cut(kind, last_t)
    return heard


@pytest.mark.parametrize("power_cut", [False, True])
def test_a_new_run_behind_a_crash_repeats_no_t_that_was_seen_and_tells_what_is_lost(
    config: Config, market: Killable, power_cut: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, more = left_by_a_crash(market, config), Heard()
    assert seen.ts == list(range(45))
    if power_cut:
        monkeypatch.setattr(run, "boot_id", lambda: "another")
    mark = read_mark(market.store).bound if power_cut else 44
    market.run(replace(config, seed=9), 40, more)
    assert more.ts == list(range(mark + 1, mark + 41))
    assert market.told("ticks") == [*range(31), (31, mark), *more.ts]
    assert market.told("metrics") == [*range(38), (38, mark), *more.ts]
    filmed = [m["t"] for m in market.tape("frames") if m["type"] == "frame" and m["t"] > mark]
    assert market.told("frames") == [20, 25, 30, 35, (36, mark), *filmed]
    assert len(filmed) > 3
    assert market.faults() == []
    first, second = Run.objects.order_by("first_t")
    assert second.start_ts >= first.start_ts + (mark + 1) * config.tick_interval


def test_where_nothing_else_is_known_a_new_run_begins_behind_every_tape(config: Config, market: Killable) -> None:
    left_by_a_crash(market, config)
    (market.store / "streamed_to").unlink()
    Segment.objects.all().delete()
    market.run(replace(config, seed=9), 5)
    assert market.told("ticks") == [*range(31), (31, 37), *range(38, 43)]
    assert market.told("metrics") == list(range(43))
    assert market.told("frames") == [20, 25, 30, 35, (36, 37)]
    assert market.faults() == []


def test_what_goes_on_exactly_repeats_what_was_seen_and_tells_no_loss(config: Config, market: Killable) -> None:
    seen, more = left_by_a_crash(market, config), Heard()
    market.run(config, 30, more)
    assert more.ts[0] == 38
    assert more.between(38, 44) == seen.between(38, 44)
    assert market.told("ticks") == market.told("metrics") == list(range(68))
    assert market.faults() == []


def test_a_crash_before_the_losses_are_written_down_takes_no_word_of_them(
    config: Config, market: Killable, monkeypatch: pytest.MonkeyPatch
) -> None:
    left_by_a_crash(market, config)
    mark, other = 44, replace(config, seed=9)
    for kind in ("frames", "ticks"):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr("recorder.tape.recording.Recording.write_gap", killed_at(kind))
            market.run_killed(other, 1)
    market.run(other, 3)
    for kind, last_t in (("ticks", 30), ("metrics", 37), ("frames", 35)):
        assert market.told(kind).count((last_t + 1, mark)) == 1, kind
    assert Run.objects.last().first_t == mark + 1
    assert market.faults() == []


def killed_at(kind: str) -> Any:
    from recorder.tape.recording import Recording

    real = Recording.write_gap

    def write_gap(self: Recording, from_t: int, to_t: int, reason: str, of: str | None = None) -> None:
        if of == kind:
            raise KeyboardInterrupt
        real(self, from_t, to_t, reason, of)

    return write_gap


def test_frames_taken_in_from_elsewhere_do_not_swallow_those_of_the_market(config: Config, market: Killable) -> None:
    market.run(config, 30)
    writer = ZstdSegmentWriter("frames", market.store, 300, 3, clock=Clock())
    far = 10_000_000
    writer.write_jsonline(b'{"type":"frame","t":%d,"ts":1700000100.0}' % far, far)
    writer.close()
    heard = Heard()
    market.run(config, 30, heard)
    assert heard.ts == list(range(far + 1, far + 31))
    assert market.told("frames")[-4:] == [far, *(far + t for t in (20, 25, 30))]
    assert market.told("ticks") == [*range(30), (30, far), *heard.ts]
    assert Run.objects.last().start_ts == pytest.approx(1700000100.1)


@pytest.mark.parametrize("seed", [0, 9])
def test_a_run_behind_rows_whose_files_are_gone_tells_that_they_are(
    config: Config, market: Killable, seed: int
) -> None:
    market.run(replace(config, cam_segment_seconds=1), 10)
    for _ in range(2):
        config = replace(config, seed=config.seed + 1)
        market.run(config, 10)
    for kind in ("ticks", "metrics"):
        for row in Segment.objects.filter(kind=kind, start_t__gte=10):
            (market.store / kind / row.name).unlink()
    for path in (market.store / "checkpoints").glob("checkpoint_20_[3-9]*"):
        path.unlink()
    market.run(replace(config, seed=config.seed + seed), 5)
    begins = 30 if seed else 20
    assert market.told("ticks") == market.told("metrics") == [*range(10), (10, begins - 1), *range(begins, begins + 5)]


def test_what_a_clean_up_removed_is_no_loss(config: Config, market: Killable, now: datetime) -> None:
    market.run(config, 10)
    for row in Segment.objects.all():
        (market.store / row.path).unlink()
    Segment.objects.update(removed_at=now)
    market.run(replace(config, seed=9), 5)
    assert market.told("ticks") == list(range(10, 15))


def test_the_shift_of_a_live_run_is_in_its_row_and_stays_there(config: Config, market: Killable) -> None:
    market.run(config, 10)
    other = replace(config, seed=9, speed=1.0)
    market.run_killed(other, 3)
    assert Run.objects.last().t_shift == 10
    market.run_killed(other, 1)
    assert Run.objects.last().t_shift == 10


def test_checkpoints_of_tapes_that_are_gone_leave_room_for_those_of_the_new_run(
    config: Config, market: Killable
) -> None:
    for _ in range(9):
        market.run(config, 10)
    for kind in ("ticks", "metrics", "frames"):
        shutil.rmtree(market.store / kind, ignore_errors=True)
    (market.store / "streamed_to").unlink()
    Segment.objects.all().delete()
    Run.objects.all().delete()
    market.run(replace(config, seed=9), 10)
    market.run(replace(config, seed=9), 10)
    assert market.told("ticks") == list(range(20))
    assert Run.objects.count() == 1


@pytest.mark.parametrize("content", [b"", bytes(4096)])
def test_files_that_a_power_cut_emptied_and_that_were_made_again_are_no_fault_and_no_gap(
    config: Config, market: Killable, content: bytes
) -> None:
    market.run_killed(config, 45)
    emptied = list(market.store.glob("*/*_pending*"))
    for path in emptied:
        path.write_bytes(content)
    # As of a segment that was opened, and told of, at another time.
    Segment.objects.update(name="segment_20260101_000000_0.jsonl.zst")
    for path in emptied:
        path.rename(path.with_name("segment_20260101_000000_0_pending.jsonl.zst"))
    market.run(config, 60)
    assert market.told("ticks") == list(range(60))
    assert Segment.objects.filter(missing=True, pending=False, lines=0).count() == 3
    past = History(config.symbol, market.store)
    assert [one for one in past.messages(KINDS, -1) if one.text is None] == []
    assert [one for one in past.messages(KINDS, 30, 40) if one.text is None] == []
    assert market.faults() == []
    assert overlaps(Market.objects.get(), []) == []


def test_what_an_emptied_file_had_told_of_is_remembered_by_a_new_run(config: Config, market: Killable) -> None:
    market.run_killed(config, 45)
    (market.store / "streamed_to").unlink()
    for path in market.store.glob("*/*_pending*"):
        path.write_bytes(b"")
    market.run(replace(config, seed=9), 5)
    assert market.told("ticks") == [(0, 44), *range(45, 50)]
