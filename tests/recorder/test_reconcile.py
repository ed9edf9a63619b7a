"""A start after anything: rows and files tell the same again."""

import shutil
from datetime import timedelta

import pytest
from django.utils import timezone

from recorder.manifest import inventory
from recorder.manifest.inventory import is_exact
from recorder.manifest.row_writer import ManifestRowWriter, save_facts
from recorder.models import Inventory, Market, Run, Segment
from recorder.recovery import reconcile as rows_and_files
from recorder.recovery.reconcile import reconcile
from recorder.recovery.tape_ends import ends_of
from recorder.retention import clean_up
from recorder.retention_policy import RetentionSettings
from recorder.segment.layout import KINDS
from recorder.segment.writer import ZstdSegmentWriter
from recorder.tape.history import History
from tests.recorder.tape import NOON, Clock, message

pytestmark = pytest.mark.django_db


def record(directory, ts, *, kind="ticks", seal=True, now=NOON):
    """Writes one segment; the facts told."""
    told = []
    writer = ZstdSegmentWriter(kind, directory, 300, 3, clock=Clock(now), on_change=told.append)
    for t in ts:
        writer.write_jsonline(message(t, kind=kind), t)
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
    assert row.bytes == (tmp_path / row.path).stat().st_size
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
    for facts, row in zip(expected, Segment.objects.of(market, "ticks").on_disk().oldest_first(), strict=True):
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
    assert [row.run for row in Segment.objects.of(market, "ticks").on_disk().oldest_first()] == [run, later]


def test_a_row_whose_file_is_gone_is_marked_and_comes_back_with_it(market, tmp_path):
    facts = record(tmp_path, range(10))[-1]
    save_facts(market, None, facts)
    shutil.move(tmp_path / "ticks", tmp_path / "elsewhere")
    assert [row.name for row in reconcile(market, tmp_path).missing] == [facts.name]
    assert list(Segment.objects.of(market).on_disk().oldest_first()) == []
    assert reconcile(market, tmp_path).missing == [], "it is told once"
    shutil.move(tmp_path / "elsewhere", tmp_path / "ticks")
    reconcile(market, tmp_path)
    assert [row.name for row in Segment.objects.of(market).on_disk().oldest_first()] == [facts.name]


def test_a_removed_segment_is_neither_missing_nor_adopted_again(market, tmp_path, now):
    facts = record(tmp_path, range(10))[-1]
    save_facts(market, None, facts)
    Segment.objects.update(removed_at=now)
    done = reconcile(market, tmp_path)
    assert (done.adopted, done.missing) == ([], [])
    shutil.rmtree(tmp_path / "ticks")
    assert reconcile(market, tmp_path).missing == []


@pytest.mark.parametrize("told_size", [True, False])
def test_a_clean_up_may_remove_what_a_start_is_about_to_look_at(market, tmp_path, monkeypatch, told_size):
    for first in (0, 10, 20):
        save_facts(market, None, record(tmp_path, range(first, first + 10), now=NOON + first)[-1])
    if not told_size:
        Segment.objects.update(bytes=1)
    agrees = rows_and_files._Row.agrees

    def cleaned_up_first(row, path):
        by_age = RetentionSettings(min_segments=1, min_days=0, max_days=1)
        clean_up(tmp_path, "IG-USD", by_age, timezone.now() + timedelta(days=2))
        return agrees(row, path)

    monkeypatch.setattr(rows_and_files._Row, "agrees", cleaned_up_first)
    done = reconcile(market, tmp_path)
    assert (done.missing, done.unreadable) == ([], [])
    assert [row.state for row in Segment.objects.of(market).oldest_first()] == ["removed", "removed", "finished"]
    reconcile(market, tmp_path)
    assert is_exact("IG-USD", "ticks", tmp_path / "ticks")


def test_a_row_that_is_behind_its_finished_file_is_corrected(market, tmp_path):
    facts = record(tmp_path, range(10))[-1]
    save_facts(market, None, facts)
    Segment.objects.update(bytes=1, pinned=True)
    reconcile(market, tmp_path)
    row = Segment.objects.get()
    assert (row.bytes, row.pinned) == (facts.bytes, True)


def test_nothing_is_done_where_all_is_right(market, tmp_path, django_assert_max_num_queries):
    for kind in KINDS:
        save_facts(market, None, record(tmp_path, range(10), kind=kind)[-1])
    reconcile(market, tmp_path)
    with django_assert_max_num_queries(9):
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
    def end():
        history = History("IG-USD", tmp_path)
        return ends_of(market, history, boot="", unrecorded_to=None, crashed=False, tick_interval=1.0).t

    assert end() == -1
    record(tmp_path, range(10))
    assert end() == 9
    save_facts(market, None, facts(1000))
    assert end() == 1999
    Segment.objects.update(missing=True)
    assert end() == 1999


# -- a start that need not look at every file


@pytest.fixture
def recorded(market, run, tmp_path):
    """Records segments as a market does, its rows written; what is left pending, its process is dead."""

    def write(first, last, *, seal=True, kind="ticks"):
        keeper = ManifestRowWriter(market, run)
        writer = ZstdSegmentWriter(
            kind, tmp_path, 300, 3, clock=Clock(NOON + first), on_change=keeper.record, on_file=keeper.record_file
        )
        for t in range(first, last):
            writer.write_jsonline(message(t, kind=kind), t)
        writer.flush()
        if seal:
            writer.close()
        assert keeper.close(30)

    return write


@pytest.fixture
def not_listed(monkeypatch):
    """From now on listing a directory fails."""

    def forbid():
        def listed(*args):
            raise AssertionError(f"{args} is listed")

        monkeypatch.setattr("os.listdir", listed)

    return forbid


def exact(directory):
    return [kind for kind in KINDS if is_exact("IG-USD", kind, directory / kind)]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("seal", [True, False])
def test_a_start_behind_a_market_whose_rows_tell_of_every_file_lists_none(market, recorded, tmp_path, not_listed, seal):
    for kind in KINDS:
        recorded(0, 1, kind=kind)
    reconcile(market, tmp_path)
    assert exact(tmp_path) == [*KINDS]
    recorded(1, 9)
    recorded(9, 20, seal=seal)
    assert exact(tmp_path) == [*KINDS]
    not_listed()
    done = reconcile(market, tmp_path)
    assert [one.kept_lines for one in done.recovered] == ([] if seal else [11])
    history = History("IG-USD", tmp_path)
    ends = ends_of(market, history, boot="", unrecorded_to=None, crashed=False, tick_interval=1.0)
    assert (ends.t, ends.first_t, ends.on_disk) == (19, 0, {"ticks": 19, "frames": 0, "metrics": 0})
    assert [line.first_t for line in history.lines("ticks", 3, 12)] == [*range(4, 13)]
    assert exact(tmp_path) == [*KINDS]


@pytest.mark.django_db(transaction=True)
def test_a_market_killed_behind_the_opening_of_a_file_leaves_nothing_unseen(market, run, recorded, tmp_path):
    recorded(0, 10)
    reconcile(market, tmp_path)
    keeper = ManifestRowWriter(market, run)
    writer = ZstdSegmentWriter("ticks", tmp_path, 300, 3, clock=Clock(NOON + 10), on_file=keeper.record_file)
    writer.write_jsonline(message(10), 10)
    assert keeper.close(30)
    assert is_exact("IG-USD", "ticks", tmp_path / "ticks")
    (recovered,) = reconcile(market, tmp_path).recovered
    assert recovered.set_aside == ("ticks", "segment_20260124_120010_10.jsonl.zst")
    assert not list(tmp_path.glob("ticks/*_pending*"))


@pytest.mark.django_db(transaction=True)
def test_what_somebody_else_does_to_a_directory_is_seen_at_the_next_start(market, recorded, tmp_path):
    recorded(0, 10)
    reconcile(market, tmp_path)
    record(tmp_path, range(10, 20), now=NOON + 10)
    assert exact(tmp_path) == []
    recorded(20, 30)
    assert exact(tmp_path) == [], "what the market does later vouches for nothing that was done before"
    assert [row.start_t for row in reconcile(market, tmp_path).adopted] == [10]
    assert exact(tmp_path) == ["ticks"]
    next((tmp_path / "ticks").glob("*_10.jsonl.zst")).unlink()
    assert [row.start_t for row in reconcile(market, tmp_path).missing] == [10]
    assert exact(tmp_path) == ["ticks"]


@pytest.mark.django_db(transaction=True)
def test_a_copy_of_a_store_vouches_for_nothing(market, recorded, tmp_path):
    recorded(0, 10)
    reconcile(market, tmp_path)
    shutil.copytree(tmp_path / "ticks", tmp_path / "copy")
    shutil.rmtree(tmp_path / "ticks")
    shutil.move(tmp_path / "copy", tmp_path / "ticks")
    assert exact(tmp_path) == []


def test_repairing_looks_at_every_file_all_the_same(market, tmp_path):
    facts = record(tmp_path, range(10))[-1]
    save_facts(market, None, facts)
    reconcile(market, tmp_path)
    Segment.objects.update(bytes=1)
    assert reconcile(market, tmp_path).adopted == []
    assert [row.bytes for row in reconcile(market, tmp_path, whole=True).adopted] == [facts.bytes]


def test_the_sums_are_those_of_the_rows_whatever_happens_to_them(market, tmp_path, facts, now):
    def sums():
        return Inventory.objects.values_list("segments", "bytes", "lines", "removed").get(kind="ticks")

    save_facts(market, None, facts(0, pending=True))
    assert not Inventory.objects.exists(), "a pending one changes each second"
    save_facts(market, None, facts(0))
    save_facts(market, None, facts(1000, bytes=7, lines=3))
    assert sums() == (2, 1_200_007, 1003, 0)
    save_facts(market, None, facts(1000, bytes=8, lines=4))
    assert sums() == (2, 1_200_008, 1004, 0)
    inventory.change_row(Segment.objects.filter(start_t=0), removed_at=now)
    assert sums() == (1, 8, 4, 1)
    inventory.change_row(Segment.objects.filter(start_t=1000), missing=True)
    assert sums() == (0, 0, 0, 1)
    inventory.change_row(Segment.objects.filter(start_t=0), removed_at=None)
    assert sums() == (1, 1_200_000, 1000, 0)
    inventory.recount(market, "ticks")
    assert sums() == (1, 1_200_000, 1000, 0)
