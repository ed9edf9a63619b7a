"""History: several kinds side by side in the order of a stream, losses told where they would have been."""

from __future__ import annotations

import pytest
from django.db import OperationalError, connection

from recorder.manifest import inventory
from recorder.manifest.row_writer import save_facts
from recorder.models import Inventory, Segment
from recorder.recovery.reconcile import reconcile
from recorder.segment import segment_lines
from recorder.segment.layout import pending_name
from recorder.segment.listing import state_of
from recorder.tape.history import History, Message
from recorder.tape.recording import Recording
from tests.recorder.store import record_plainly
from tests.recorder.tape import NOON, Clock, message, moment

pytestmark = pytest.mark.django_db

KINDS = ["ticks", "metrics", "frames"]


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
    assert found[0] == Message("frames", 2, 2, message(2, kind="frames"))


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


def test_what_follows_a_segment_of_a_gap_alone_lies_behind_it_though_the_clock_went_back(past, market):
    """As behind two crashes, the second of them before the first tick: both segments begin with the same t."""
    clock = Clock(NOON)
    for step, write in enumerate((
        lambda one: [one.write(t, *moment(t)) for t in range(10)],
        lambda one: one.write_gap(10, 19, "lost"),
        lambda one: [one.write(t, *moment(t)) for t in range(20, 30)],
    )):  # fmt: skip
        newest = {kind: name for kind in KINDS if (name := past.newest(kind)) is not None}
        recording = Recording(
            past.directory, segment_seconds=300, level=3, flush_seconds=1, clock=clock, behind=newest,
            on_change=lambda facts: save_facts(market, None, facts),
        )  # fmt: skip
        write(recording)
        recording.close()
        clock.now += (300, -100, 0)[step]
    assert [past.told_to(kind) for kind in KINDS] == [29, 29, 29]
    assert told(past.messages(["ticks"], 8)) == [
        ("ticks", 9, 9, ""),
        ("ticks", 10, 19, "lost"),
        *(("ticks", t, t, "") for t in range(20, 30)),
    ]


def test_a_gap_line_is_told_with_its_reason_and_cut_to_what_was_asked_for(past, market):
    recording = Recording(past.directory, segment_seconds=300, level=3, flush_seconds=1, clock=Clock())
    recording.write(0, *moment(0))
    recording.write_gap(1, 9, "lost")
    recording.write(10, *moment(10))
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


# -- segments found by rows, where these tell of every file


@pytest.fixture
def by_rows(past, market, monkeypatch):
    """Makes the rows known to be exact; a listing of a directory fails from then on."""

    def trust():
        reconcile(market, past.directory)
        monkeypatch.setattr(inventory, "_TRUSTED_SECONDS", 3600.0)

        def listed(*args):
            raise AssertionError(f"{args} is listed")

        monkeypatch.setattr("os.listdir", listed)

    return trust


def test_where_rows_tell_of_every_file_no_directory_is_listed(past, market, by_rows, django_assert_max_num_queries):
    record_plainly(market, past.directory, 30, ticks=3)
    by_rows()
    assert (past.first_t(), past.last_t(), past.told_to("metrics")) == (0, 89, 89)
    for after_t, to_t in ((-1, 0), (40, 41), (44, 44), (-1, 89), (87, None)):
        expected = list(range(after_t + 1, (89 if to_t is None else to_t) + 1))
        assert [line.first_t for line in past.lines("frames", after_t, to_t)] == expected
    with django_assert_max_num_queries(1):
        assert next(past.lines("ticks", 61)).first_t == 62
    with django_assert_max_num_queries(3):
        assert len(list(past.lines("ticks", -1))) == 90


def test_seek_points_come_with_the_rows_but_for_those_of_a_pending_one(past, market, by_rows, monkeypatch):
    record_plainly(market, past.directory, 2)
    by_rows()
    monkeypatch.setattr(segment_lines, "_found_offset", lambda file, kind, after_t: 1 / 0)
    assert next(past.lines("ticks", 4)).first_t == 5
    Segment.objects.filter(start_t=10).update(seek_points=[[10, 0], [13, 10**9]])
    assert next(past.lines("ticks", 13)).first_t == 14, "a false one costs the reading of the file alone"
    row = Segment.objects.get(kind="ticks", start_t=10)
    path = past.directory / "ticks" / row.name
    path.rename(path.with_name(pending_name(row.name)))
    Segment.objects.filter(start_t=10).update(pending=True)
    Inventory.objects.filter(kind="ticks").update(directory_state=state_of(path.parent))
    monkeypatch.undo()
    assert next(past.lines("ticks", 13)).first_t == 14


def test_segments_that_begin_with_the_same_t_are_all_read(past, market, by_rows):
    for number in range(7):  # more than a page
        clock = Clock(1769256000 + number)
        recording = Recording(
            past.directory, segment_seconds=300, level=3, flush_seconds=1, clock=clock,
            on_change=lambda facts: save_facts(market, None, facts),
        )  # fmt: skip
        recording.write_gap(number, number, "lost")
        recording.close()
    Segment.objects.update(start_t=7, end_t=6)
    by_rows()
    assert [line.first_t for line in past.lines("ticks", -1)] == list(range(7))
    assert past.told_to("ticks") == 6


@pytest.mark.django_db(transaction=True)
def test_a_database_that_goes_away_meanwhile_costs_no_line_and_repeats_none(past, market):
    record_plainly(market, past.directory, 9)
    reconcile(market, past.directory)
    lines = past.lines("ticks", -1)
    assert [next(lines).first_t for _ in range(35)] == list(range(35))

    def away(*args):
        raise OperationalError("the server is away")

    with connection.execute_wrapper(away):
        assert [line.first_t for line in lines] == list(range(35, 90))
        assert (past.last_t(), past.first_t()) == (89, 0)


def test_a_file_that_somebody_put_there_is_read_at_once(past, market):
    record_plainly(market, past.directory, 1)
    reconcile(market, past.directory)
    assert past.last_t() == 9
    recording = Recording(past.directory, segment_seconds=300, level=3, flush_seconds=1, clock=Clock())
    recording.write(10, *moment(10))
    recording.close()
    assert past.last_t() == 10


def test_messages_of_a_segment_whose_row_is_on_its_way_are_read_beside_the_ticks(past, market):
    """Ticks of the same t are on the disk, in a segment whose row has been there for long."""
    record_plainly(market, past.directory, 2)
    reconcile(market, past.directory)
    late = []
    recording = Recording(
        past.directory, segment_seconds=300, level=3, flush_seconds=1, clock=Clock(NOON + 600),
        on_change=lambda facts: late.append(facts) if facts.kind == "frames" else save_facts(market, None, facts),
        on_file=lambda kind, name, change: inventory.follow(market, [inventory.FileChange(kind, change, name)]),
    )  # fmt: skip
    for t in range(20, 25):
        recording.write(t, *moment(t))
    recording.flush()
    assert inventory.is_exact("IG-USD", "frames", past.directory / "frames")
    assert late
    due = [(kind, t, t, "") for t in range(18, 25) for kind in reversed(KINDS)]
    assert told(past.messages(KINDS, 17, 24)) == due
    save_facts(market, None, late[-1])
    assert told(past.messages(KINDS, 17, 24)) == due
    recording.close()


def test_rows_of_an_older_dump_are_not_taken_for_all_there_is(past, market, monkeypatch):
    record_plainly(market, past.directory, 2)
    reconcile(market, past.directory)
    dumped = dict(Inventory.objects.values_list("kind", "directory_state"))
    record_plainly(market, past.directory, 2, first_t=20)
    reconcile(market, past.directory)
    assert past.told_to() == 39
    Segment.objects.filter(start_t__gte=20).delete()  # the database is restored; the directory stays as it is
    for kind, state in dumped.items():
        Inventory.objects.filter(kind=kind).update(directory_state=state)
    later = inventory.time.monotonic() + 1
    monkeypatch.setattr(inventory.time, "monotonic", lambda: later)
    assert past.told_to() == 39
    assert [one.first_t for one in past.messages(["ticks"], -1)] == list(range(40))


def test_while_a_directory_stays_readers_ask_once_a_second_whether_rows_are_exact(
    past, market, monkeypatch, django_assert_num_queries
):
    record_plainly(market, past.directory, 1)
    reconcile(market, past.directory)
    now = [1000.0]
    monkeypatch.setattr(inventory.time, "monotonic", lambda: now[0])
    for seconds, queries in ((0.0, 2), (0.9, 1), (0.2, 2), (0.9, 1)):
        now[0] += seconds
        with django_assert_num_queries(queries):
            assert past.first_t() == 0


def test_what_is_gone_is_read_as_far_as_somebody_wants_to_know(past, market, django_assert_max_num_queries):
    record_plainly(market, past.directory, 30, ticks=1)
    for row in Segment.objects.filter(start_t__lt=25):
        (past.directory / row.kind / row.name).unlink()
    Segment.objects.filter(start_t__lt=25).update(removed_at=Segment.objects.first().created_at)
    assert told(past.messages(["frames"], -1)) == [
        *(("frames", t, t, "expired") for t in range(25)),
        *(("frames", t, t, "") for t in range(25, 30)),
    ]
    assert told(past.messages(["frames"], 10, 12)) == [("frames", t, t, "expired") for t in (11, 12)]
    with django_assert_max_num_queries(5):
        assert next(past.messages(["frames"], 10)).first_t == 11


PLANS = {
    "on disk": lambda rows: rows.on_disk().from_t(5).order_by("start_t", "name")[:4],
    "newest": lambda rows: rows.on_disk().order_by("-start_t", "-name")[:4],
    "gone": lambda rows: rows.gone().from_t(5).order_by("start_t", "name")[:4],
    "may go": lambda rows: rows.finished().on_disk().order_by("start_t", "name")[:4],
}


@pytest.mark.parametrize("what", PLANS)
def test_no_question_of_a_reader_scans_the_rows(market, what):
    rows = PLANS[what](Segment.objects.of(market, "ticks")).values_list("name")
    plan = rows.explain()
    assert "SCAN" not in plan, plan
    assert f"USING INDEX segment_{'gone' if what == 'gone' else 'on_disk'}" in plan, plan
    assert "TEMP B-TREE FOR ORDER BY" not in plan, plan


@pytest.mark.parametrize("asked", ["IG-USD", None])
def test_pending_segments_of_all_kinds_are_found_without_looking_at_the_others(market, asked):
    of_market = Segment.objects.of(market if asked is None else asked)
    plan = of_market.kept().filter(pending=True).order_by().values_list("name").explain()
    assert "USING INDEX segment_pending" in plan, plan


def test_segments_of_a_symbol_are_not_joined_with_markets():
    """PostgreSQL would sort them all to find the last one."""
    for kind in ("ticks", None):
        assert "JOIN" not in str(Segment.objects.of("IG-USD", kind).order_by("start_t").query)
