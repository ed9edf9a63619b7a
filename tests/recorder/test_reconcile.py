"""A start after anything: rows and files tell the same again."""

import shutil

import pytest

from recorder.manifest import fetchable, save_facts
from recorder.models import Market, Run, Segment
from recorder.reconcile import last_t, reconcile
from recorder.writer import ZstdSegmentWriter
from tests.recorder.tape import NOON, Clock, message

pytestmark = pytest.mark.django_db


def record(directory, ts, *, kind="ticks", seal=True, now=NOON):
    """Writes one segment; the facts told."""
    told = []
    writer = ZstdSegmentWriter(kind, directory, 300, 3, clock=Clock(now), on_change=told.append)
    for t in ts:
        writer.write_jsonline(message(t), t)
    writer.flush()
    if seal:
        writer.close()
    return told


def states(market):
    return [(s.kind, s.start_t, s.end_t, s.pending, s.missing) for s in Segment.objects.of(market).oldest_first()]


def test_a_crash_leaves_a_pending_row_that_becomes_the_sealed_one(market, run, tmp_path):
    (pending,) = record(tmp_path, range(10), seal=False)
    row = save_facts(market, run, pending)
    done = reconcile(market, tmp_path)
    assert [recovered.kept_lines for recovered in done.recovered] == [10]
    assert states(market) == [("ticks", 0, 9, False, False)]
    row.refresh_from_db()
    assert row.bytes == row.path_under(tmp_path, "IG-USD").stat().st_size
    assert len(row.sha256) == 64
    assert row.run == run


def test_a_crash_between_the_renaming_and_the_row_is_made_good(market, tmp_path):
    pending, sealed = record(tmp_path, range(10))
    save_facts(market, None, pending)
    done = reconcile(market, tmp_path)
    assert [row.name for row in done.adopted] == [sealed.name]
    assert states(market) == [("ticks", 0, 9, False, False)]


def test_a_lost_database_is_made_again_from_the_files(market, tmp_path):
    expected = []
    for first in (0, 10, 20):
        expected.append(record(tmp_path, range(first, first + 10), now=NOON + first)[-1])
    record(tmp_path, range(0, 30, 10), kind="frames")
    reconcile(market, tmp_path)
    assert states(market) == [
        ("frames", 0, 20, False, False),
        ("ticks", 0, 9, False, False),
        ("ticks", 10, 19, False, False),
        ("ticks", 20, 29, False, False),
    ]
    for facts, row in zip(expected, fetchable(market, "ticks"), strict=True):
        assert (row.name, row.sha256, row.lines, row.text_bytes) == (
            facts.name,
            facts.sha256,
            facts.lines,
            facts.text_bytes,
        )
        assert [tuple(point) for point in row.seek_points] == list(facts.seek_points)


def test_an_adopted_segment_belongs_to_the_last_run_begun_by_its_start(market, run, tmp_path):
    later = Run.objects.create(market=market, first_t=10, start_ts=0, tick_interval=1, source="file:x")
    Run.objects.create(market=market, first_t=15, start_ts=0, tick_interval=1, source="file:y")
    record(tmp_path, range(0, 10))
    record(tmp_path, range(10, 20), now=NOON + 1)
    reconcile(market, tmp_path)
    assert [row.run for row in fetchable(market, "ticks")] == [run, later]


def test_a_row_whose_file_is_gone_is_marked_and_comes_back_with_it(market, tmp_path):
    facts = record(tmp_path, range(10))[-1]
    save_facts(market, None, facts)
    shutil.move(tmp_path / "ticks", tmp_path / "elsewhere")
    assert [row.name for row in reconcile(market, tmp_path).missing] == [facts.name]
    assert list(fetchable(market)) == []
    assert reconcile(market, tmp_path).missing == [], "it is told once"
    shutil.move(tmp_path / "elsewhere", tmp_path / "ticks")
    reconcile(market, tmp_path)
    assert [row.name for row in fetchable(market)] == [facts.name]


def test_a_removed_segment_is_neither_missing_nor_adopted_again(market, tmp_path, now):
    facts = record(tmp_path, range(10))[-1]
    save_facts(market, None, facts)
    Segment.objects.update(removed_at=now)
    done = reconcile(market, tmp_path)
    assert (done.adopted, done.missing) == ([], [])
    shutil.rmtree(tmp_path / "ticks")
    assert reconcile(market, tmp_path).missing == []


def test_a_row_that_is_behind_its_finished_file_is_corrected(market, tmp_path):
    facts = record(tmp_path, range(10))[-1]
    save_facts(market, None, facts)
    Segment.objects.update(bytes=1, pinned=True)
    reconcile(market, tmp_path)
    row = Segment.objects.get()
    assert (row.bytes, row.pinned) == (facts.bytes, True)


def test_nothing_is_done_where_all_is_right(market, tmp_path, django_assert_max_num_queries):
    save_facts(market, None, record(tmp_path, range(10))[-1])
    with django_assert_max_num_queries(6):
        done = reconcile(market, tmp_path)
    assert (done.recovered, done.adopted, done.missing, done.unreadable) == ([], [], [], [])


def test_a_finished_file_that_holds_nothing_is_reported_and_gets_no_row(market, tmp_path):
    path = tmp_path / "ticks" / "segment_20260124_120000_0.jsonl.zst"
    path.parent.mkdir()
    path.write_bytes(b"not a segment")
    assert reconcile(market, tmp_path).unreadable == [path]
    assert states(market) == []


def test_a_damaged_finished_file_is_adopted_as_far_as_it_can_be_read(market, tmp_path, caplog):
    facts = record(tmp_path, range(10))[-1]
    path = tmp_path / "ticks" / facts.file
    data = path.read_bytes()
    path.write_bytes(data + b"junk")
    (row,) = reconcile(market, tmp_path).adopted
    assert (row.lines, row.bytes) == (10, len(data) + 4)
    assert f"{path} is damaged: it begins with 6a756e6b, not 28b52ffd" in caplog.text


def test_markets_do_not_meddle_with_each_others_files(market, tmp_path):
    other = Market.objects.create(symbol="OTHER")
    record(tmp_path, range(10))
    record(tmp_path / "OTHER", range(5))
    reconcile(market, tmp_path)
    reconcile(other, other.directory(tmp_path, "IG-USD"))
    assert states(market) == [("ticks", 0, 9, False, False)]
    assert states(other) == [("ticks", 0, 4, False, False)]


def test_the_next_t_is_above_all_that_rows_or_files_know(market, tmp_path, facts):
    assert last_t(market, tmp_path) is None
    record(tmp_path, range(10))
    assert last_t(market, tmp_path) == 9
    save_facts(market, None, facts(1000))
    assert last_t(market, tmp_path) == 1999
    assert last_t(market, tmp_path, "frames") is None
