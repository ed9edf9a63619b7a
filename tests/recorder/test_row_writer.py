"""The manifest: rows that follow the writers, survive an outage, and are listed in order."""

import logging
import threading

import pytest
from django.db import connection

from recorder.errors import ManifestStopped
from recorder.manifest.row_writer import ManifestRowWriter, finished, last_t_in_rows, save_facts
from recorder.models import Market, Segment
from recorder.segment.writer import ZstdSegmentWriter
from tests.processes import PATIENCE_SECONDS, wait_until
from tests.recorder.tape import NOON, Clock, message

writes_from_a_thread = pytest.mark.django_db(transaction=True)


@pytest.fixture
def keeper(market, run):
    keeper = ManifestRowWriter(market, run, refresh_seconds=0.01, retry_seconds=0.01)
    yield keeper
    keeper.close(10)  # more, where a test has failed, would help nobody


class Log(logging.Handler):
    """Collects messages and lets a test wait for one."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []
        self._changed = threading.Condition()

    def emit(self, record: logging.LogRecord) -> None:
        with self._changed:
            self.messages.append(record.getMessage())
            self._changed.notify_all()

    def wait_for(self, part: str) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: any(part in text for text in self.messages), PATIENCE_SECONDS), part


@pytest.fixture
def log():
    handler = Log()
    logging.getLogger("recorder.manifest.row_writer").addHandler(handler)
    yield handler
    logging.getLogger("recorder.manifest.row_writer").removeHandler(handler)


class Outage:
    """Takes the table away, as a database that is gone, and gives it back."""

    def begin(self) -> None:
        self._rename("recorder_segment", "recorder_segment_away")

    def end(self) -> None:
        self._rename("recorder_segment_away", "recorder_segment")

    def _rename(self, old: str, new: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {old} RENAME TO {new}")


@pytest.fixture
def outage():
    return Outage()


@writes_from_a_thread
def test_a_pending_row_becomes_the_sealed_one(keeper, facts, run):
    keeper.record(facts(1000, pending=True, lines=10, end_t=1009))
    keeper.record(facts(1000, pending=True, lines=20, end_t=1019))
    keeper.record(facts(1000))
    assert keeper.close(PATIENCE_SECONDS)
    row = Segment.objects.get()
    assert (row.pending, row.lines, row.end_t, row.run) == (False, 1000, 1999, run)


@writes_from_a_thread
def test_without_any_time_nothing_more_is_written(market, run, facts):
    keeper = ManifestRowWriter(market, run, refresh_seconds=3600)
    keeper.record(facts(1000, pending=True, lines=10, end_t=1009))
    keeper.close(0.0)
    keeper._thread.join()
    assert not Segment.objects.exists()


@writes_from_a_thread
def test_who_was_suspended_does_not_undo_what_the_next_writer_sealed(market, run, facts):
    save_facts(market, run, facts(1000))
    keeper = ManifestRowWriter(market, run, is_mine=lambda: False, refresh_seconds=0.01)
    keeper.record(facts(1000, pending=True, lines=10))
    assert keeper.close(PATIENCE_SECONDS)
    assert (Segment.objects.get().pending, Segment.objects.get().lines) == (False, 1000)


@writes_from_a_thread
def test_pending_facts_do_not_undo_a_sealing(keeper, facts):
    keeper.record(facts(1000))
    keeper.record(facts(1000, pending=True, lines=10))
    assert keeper.close(PATIENCE_SECONDS)
    assert not Segment.objects.get().pending


@writes_from_a_thread
def test_a_pending_row_is_seen_before_its_segment_is_sealed(market, run, facts):
    saved = threading.Event()
    keeper = ManifestRowWriter(market, run, refresh_seconds=0.01)
    from django.db.models.signals import post_save

    def notice(**_):
        saved.set()

    post_save.connect(notice, sender=Segment)
    try:
        keeper.record(facts(1000, pending=True, lines=10))
        assert saved.wait(PATIENCE_SECONDS)
    finally:
        post_save.disconnect(notice, sender=Segment)
        assert keeper.close(PATIENCE_SECONDS)
    assert Segment.objects.get().lines == 10


@writes_from_a_thread
def test_rows_catch_up_after_an_outage_that_is_told_once_each_way(keeper, facts, outage, log):
    outage.begin()
    for t in range(0, 5000, 1000):
        keeper.record(facts(t))
    log.wait_for("the database is unavailable")
    keeper.record(facts(5000, pending=True, lines=1))
    keeper.record(facts(5000, pending=True, lines=2))
    assert keeper.waiting >= 1
    outage.end()
    log.wait_for("the database is back")
    assert keeper.close(PATIENCE_SECONDS)
    assert sorted(Segment.objects.values_list("start_t", "lines")) == [
        *((t, 1000) for t in range(0, 5000, 1000)),
        (5000, 2),
    ]
    away, back = log.messages
    assert away.startswith("IG-USD: the database is unavailable, rows wait: ")
    assert back == "IG-USD: the database is back, the manifest has caught up"


@writes_from_a_thread
def test_a_close_waits_for_the_database_to_come_back(keeper, facts, outage, log):
    outage.begin()
    keeper.record(facts(1000))
    log.wait_for("the database is unavailable")
    closed = []
    closing = threading.Thread(target=lambda: closed.append(keeper.close(PATIENCE_SECONDS)))
    closing.start()
    outage.end()
    closing.join(PATIENCE_SECONDS)
    assert closed == [True]
    assert Segment.objects.count() == 1


@writes_from_a_thread
def test_a_close_gives_up_in_time_and_says_so(keeper, facts, outage, log):
    outage.begin()
    keeper.record(facts(1000))
    log.wait_for("the database is unavailable")
    assert not keeper.close(0.05)
    last_words = log.messages[-1]
    outage.end()
    assert last_words == "IG-USD: rows of the manifest were not written"


@writes_from_a_thread
def test_one_row_that_the_database_refuses_holds_up_no_other(keeper, facts, log):
    keeper.record(facts(1000, lines=None))
    log.wait_for("the database is unavailable")
    keeper.record(facts(2000))
    keeper.record(facts(3000))
    wait_until(lambda: Segment.objects.filter(start_t__gt=1000).count() == 2, "the rows of the others")
    assert not keeper.close(1)
    assert sorted(Segment.objects.values_list("start_t", flat=True)) == [2000, 3000]


@writes_from_a_thread
def test_nothing_is_taken_after_the_end(keeper, facts):
    keeper.close(PATIENCE_SECONDS)
    with pytest.raises(ManifestStopped, match="manifest of IG-USD takes no more segments: it was closed"):
        keeper.record(facts(1000))


@writes_from_a_thread
def test_whatever_a_row_fails_of_is_told_and_holds_up_no_other(keeper, facts, monkeypatch):
    told = []
    monkeypatch.setattr(keeper, "_on_failure", lambda name, error: told.append((name, type(error))))
    keeper.record(facts(1000, seek_points=None))  # a fault in the program, not in the database
    wait_until(lambda: len(told) > 2, "some tries")
    keeper.record(facts(2000))
    assert set(told) == {("manifest of IG-USD", TypeError)}
    wait_until(lambda: Segment.objects.filter(start_t=2000).exists(), "the row of another")
    keeper.record(facts(1000))
    assert keeper.close(PATIENCE_SECONDS)
    assert sorted(Segment.objects.values_list("start_t", flat=True)) == [1000, 2000]


@writes_from_a_thread
def test_a_writer_and_its_manifest_tell_the_same(keeper, tmp_path):
    clock = Clock()
    writer = ZstdSegmentWriter("ticks", tmp_path, 5, 3, clock=clock, on_change=keeper.record)
    for t in range(120):
        clock.now = NOON + t / 10
        writer.roll_if_needed(t)
        writer.write_jsonline(message(t), t)
    writer.flush()
    assert keeper.close(PATIENCE_SECONDS)
    rows = Segment.objects.of("IG-USD", "ticks").on_disk().oldest_first()
    assert [(row.start_t, row.end_t, row.pending) for row in rows] == [
        (0, 49, False),
        (50, 99, False),
        (100, 119, True),
    ]
    for row in rows:
        assert row.bytes == (tmp_path / row.path).stat().st_size


def test_saving_again_keeps_pin_run_and_removal(market, run, facts, now):
    row = save_facts(market, run, facts(1000, pending=True))
    Segment.objects.update(pinned=True, removed_at=now)
    save_facts(market, None, facts(1000))
    row.refresh_from_db()
    assert (row.pinned, row.removed_at, row.run, row.pending) == (True, now, run, False)


def test_listings_are_oldest_first_with_the_pending_one_last(market, facts, now):
    save_facts(market, None, facts(3000, pending=True))
    for t in (2000, 10_000, 1000):
        save_facts(market, None, facts(t))
    save_facts(market, None, facts(500, kind="frames"))
    gone = save_facts(market, None, facts(100))
    Segment.objects.filter(pk=gone.pk).update(removed_at=now)
    lost = save_facts(market, None, facts(200))
    Segment.objects.filter(pk=lost.pk).update(missing=True)
    save_facts(Market.objects.create(symbol="OTHER"), None, facts(1))

    def starts(rows):
        return [row.start_t for row in rows]

    assert starts(finished(market)) == [100, 200, 500, 1000, 2000, 10_000]
    assert starts(finished("IG-USD", "ticks")) == [100, 200, 1000, 2000, 10_000]
    assert starts(Segment.objects.of(market, "ticks").on_disk().oldest_first()) == [1000, 2000, 10_000, 3000]
    assert starts(Segment.objects.of("NONE", "ticks").on_disk().oldest_first()) == []


def test_the_last_t_in_rows_is_that_of_the_kind_whatever_became_of_the_file(market, facts, now):
    assert last_t_in_rows(market) is None
    save_facts(market, None, facts(1000))
    save_facts(market, None, facts(5000, kind="frames"))
    Segment.objects.update(removed_at=now)
    assert last_t_in_rows("IG-USD") == 1999
    assert last_t_in_rows(market, "frames") == 5999
    save_facts(market, None, facts(0, end_t=-1, kind="metrics"))
    assert last_t_in_rows(market, "metrics") is None
