"""History: several kinds side by side in the order of a stream, losses told where they would have been."""

from __future__ import annotations

import pytest
from django.db import OperationalError, connection

from recorder import history
from recorder.history import History, Message
from recorder.models import Segment
from recorder.recording import Recording
from tests.recorder.store import record_plainly
from tests.recorder.tape import Clock, message

pytestmark = pytest.mark.django_db

KINDS = ["ticks", "metrics", "frames"]


@pytest.fixture(autouse=True)
def no_points_of_other_tests():
    history._known_points.cache_clear()


@pytest.fixture
def past(market, tmp_path):
    return History("IG-USD", tmp_path)


def told(messages):
    return [(one.kind, one.first_t, one.last_t, one.reason) for one in messages]


def remove(kind, start_t):
    row = Segment.objects.get(kind=kind, start_t=start_t)
    row.removed_at = row.created_at
    row.save()
    return row


def test_messages_of_one_t_come_as_frame_metric_tick(past, market):
    record_plainly(market, past.directory, 2, ticks=3)
    found = list(past.messages(KINDS, 1, 4))
    assert [(one.first_t, one.kind) for one in found] == [(t, k) for t in (2, 3, 4) for k in reversed(KINDS)]
    assert found[0] == Message("frames", 2, 2, message(2))


def test_the_ends_of_what_can_be_read(past, market):
    assert past.first_t() is past.last_t() is None
    record_plainly(market, past.directory, 2, first_t=5)
    assert (past.first_t(), past.last_t(), past.first_t("frames")) == (5, 24, 5)


@pytest.mark.parametrize(("after_t", "to_t", "gap"), [(4, 25, (10, 19)), (13, 25, (14, 19)), (13, None, (14, 19))])
def test_a_removed_segment_is_told_in_each_kind(past, market, after_t, to_t, gap):
    record_plainly(market, past.directory, 3)
    for kind in KINDS:
        row = remove(kind, 10)
        (past.directory / kind / row.name).unlink()
    losses = [one for one in past.messages(KINDS, after_t, to_t) if one.text is None]
    assert sorted(told(losses)) == sorted((kind, *gap, "expired") for kind in KINDS)
    order = [one.first_t for one in past.messages(KINDS, after_t, to_t)]
    assert order == sorted(order)


def test_what_was_removed_at_the_beginning_is_told_before_anything_else(past, market):
    record_plainly(market, past.directory, 2)
    for kind in KINDS:
        (past.directory / kind / remove(kind, 0).name).unlink()
    first = list(past.messages(KINDS, -1, 12))[:3]
    assert sorted(told(first)) == sorted((kind, 0, 9, "expired") for kind in KINDS)


def test_a_missing_file_is_told_like_a_removed_one(past, market):
    record_plainly(market, past.directory, 2)
    row = Segment.objects.get(kind="frames", start_t=0)
    (past.directory / "frames" / row.name).unlink()
    Segment.objects.filter(pk=row.pk).update(missing=True)
    assert told(past.messages(["frames"], 3, 10)) == [("frames", 4, 9, "expired"), ("frames", 10, 10, "")]


def test_what_is_missing_and_in_another_segment_is_not_told_as_gone(past, market):
    record_plainly(market, past.directory, 2)
    row = Segment.objects.get(kind="frames", start_t=0)
    row.pk, row.name, row.end_t, row.missing = None, "segment_20260101_000000_0.jsonl.zst", 12, True
    row.save()
    assert told(past.messages(["frames"], 3, 10)) == [("frames", t, t, "") for t in range(4, 11)]
    Segment.objects.filter(pk=row.pk).update(end_t=25)
    assert told(past.messages(["frames"], 17)) == [
        ("frames", 18, 18, ""),
        ("frames", 19, 19, ""),
        ("frames", 20, 25, "expired"),
    ]


def test_a_missing_segment_without_a_message_is_not_told_of(past, market):
    record_plainly(market, past.directory, 2)
    Segment.objects.filter(kind="frames", start_t=10).update(missing=True, lines=0, end_t=9)
    (past.directory / "frames" / Segment.objects.get(kind="frames", start_t=10).name).unlink()
    assert told(past.messages(["frames"], 3)) == [("frames", t, t, "") for t in range(4, 10)]
    assert told(past.messages(["frames"], 8)) == [("frames", 9, 9, "")]


def test_a_gap_line_is_told_with_its_reason_and_cut_to_what_was_asked_for(past, market):
    recording = Recording(past.directory, segment_seconds=300, level=3, flush_seconds=1, clock=Clock())
    recording.write(0, message(0), message(0), message(0))
    recording.write_gap(1, 9, "lost")
    recording.write(10, message(10), message(10), message(10))
    recording.close()
    for kind in KINDS:
        assert told(past.messages([kind], 2, 6)) == [(kind, 3, 6, "lost")]
        assert told(past.messages([kind], -1)) == [(kind, 0, 0, ""), (kind, 1, 9, "lost"), (kind, 10, 10, "")]


@pytest.mark.django_db(transaction=True)
def test_without_a_database_the_files_are_read_all_the_same(past, market, caplog):
    record_plainly(market, past.directory, 3)

    def away(*args):
        raise OperationalError("the server is away")

    with connection.execute_wrapper(away):
        assert [one.first_t for one in past.messages(["ticks"], 14, 25)] == list(range(15, 26))
        assert [one.first_t for one in past.messages(["frames"], 14, 25)] == list(range(15, 26))
    assert "what was removed of the frames cannot be told: the server is away" in caplog.text


def test_seek_points_of_a_finished_segment_are_asked_for_once(past, market, django_assert_num_queries):
    record_plainly(market, past.directory, 2)
    with django_assert_num_queries(1):
        for _ in range(3):
            assert next(past.messages(["ticks"], 4)).first_t == 5


def test_those_of_a_pending_one_are_not_kept(past, market):
    record_plainly(market, past.directory, 1)
    Segment.objects.update(pending=True, seek_points=[[0, 0], [3, 10**9]])
    assert next(past.messages(["ticks"], 4)).first_t == 5
    assert history._known_points.cache_info().currsize == 0
