"""From queued to its end: each step once, whoever else tries."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import DataError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from backtests import tasks
from backtests.engine.progress import LONGEST_SECONDS, Span, progress_of
from backtests.models import Backtest
from backtests.running import embedded, lifecycle, run_backtest, watch
from tests.backtests.series import MINUTE, START

Made = Callable[..., Backtest]
DAY_MS = 86_400_000


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """None that is heard now falls silent while a test goes on."""
    monkeypatch.setattr(lifecycle, "SILENT_SECONDS", 3600.0)


def again(backtest: Backtest) -> Backtest:
    return Backtest.objects.get(pk=backtest.pk)


def ignore(_: object) -> None:
    pass


def test_only_one_worker_gets_a_backtest(made: Made) -> None:
    backtest = made()
    claimed = lifecycle.claim(backtest.backtest_id)
    assert claimed is not None
    assert claimed.status == "running"
    assert claimed.started_at is not None
    assert lifecycle.claim(backtest.backtest_id) is None
    assert lifecycle.claim("bt_none") is None


def test_a_result_does_not_undo_a_cancellation(made: Made) -> None:
    backtest = made(status="running")
    assert lifecycle.cancel(backtest.backtest_id) == "running"
    assert not lifecycle.finish(backtest.backtest_id, {"return": 1.0})
    assert not lifecycle.fail(backtest.backtest_id, "late")
    assert not lifecycle.beat(backtest.backtest_id, 0.5)
    row = again(backtest)
    assert (row.status, row.result, row.error, row.progress) == ("cancelled", None, None, 0.0)


@pytest.mark.parametrize(
    ("row", "fails"),
    [
        ({"status": "queued"}, True),
        ({"status": "running", "worker": lifecycle.worker_of(7)}, True),
        ({"status": "running", "worker": lifecycle.worker_of(8)}, False),
        ({"status": "done", "worker": lifecycle.worker_of(7)}, False),
        ({"status": "cancelled"}, False),
    ],
)
def test_the_end_of_a_child_fails_only_what_nobody_else_runs(
    made: Made, published: list[Any], row: dict[str, str], fails: bool
) -> None:
    backtest = made(**row)
    embedded._see_to_its_end(backtest.backtest_id, 7, 1)
    expected = ("failed", "its process ended with status 1") if fails else (row["status"], None)
    assert (again(backtest).status, again(backtest).error) == expected
    assert len(published) == fails


def test_one_whose_worker_is_silent_has_failed_with_the_reason(
    made: Made, published: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    long_ago = timezone.now() - timedelta(seconds=lifecycle.SILENT_SECONDS + 2)
    silent = made(status="running", worker="process 7 on box", heard_at=long_ago, progress=0.5)
    alive = made(status="running", heard_at=timezone.now())
    waiting = made()
    assert (tasks.look_after(), again(silent).status) == (0, "running"), "all were silent in an outage: it may be back"
    assert tasks.look_after() == 0
    monkeypatch.setattr(lifecycle, "GRACE_SECONDS", 0.0)
    assert tasks.look_after() == 1
    assert (again(silent).status, again(silent).ended_at is not None) == ("failed", True)
    assert again(silent).error == "process 7 on box ran it and gave no sign of life for 3600 s"
    assert (again(alive).status, again(waiting).status) == ("running", "queued")
    assert [(one["backtest_id"], one["data"]["progress"]) for one in published] == [(silent.backtest_id, 0.5)]
    assert tasks.look_after() == 0


def test_where_nobody_is_silent_it_only_looks(made: Made) -> None:
    made(status="running", heard_at=timezone.now())
    with CaptureQueriesContext(connection) as asked:
        assert list(lifecycle.fail_silent()) == []
    assert {query["sql"].split()[0] for query in asked.captured_queries} == {"SELECT"}


def test_a_worker_that_is_heard_in_its_grace_is_alive(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "GRACE_SECONDS", 0.0)
    outage = timezone.now() - timedelta(seconds=2 * lifecycle.SILENT_SECONDS)
    backtest = made(status="running", worker=lifecycle.this_worker(), heard_at=outage)
    assert tasks.look_after() == 0
    assert again(backtest).suspected_at is not None
    assert lifecycle.beat(backtest.backtest_id, 0.5)
    assert again(backtest).suspected_at is None
    assert tasks.look_after() == 0
    assert again(backtest).status == "running"


def test_a_clock_set_back_hides_no_dead_worker(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "GRACE_SECONDS", 0.0)
    backtest = made(status="running", heard_at=timezone.now() + timedelta(days=1))
    assert (tasks.look_after(), tasks.look_after()) == (0, 1)
    assert again(backtest).status == "failed"


@pytest.mark.parametrize(
    ("worker", "error", "revived"),
    [
        (None, None, True),
        ("process 7 on box", None, False),
        (None, "broken failed at the bar of 2026: KeyError: 1", False),
    ],
)
def test_a_worker_that_was_believed_dead_goes_on(
    made: Made, worker: str | None, error: str | None, revived: bool
) -> None:
    worker = worker or lifecycle.this_worker()
    error = error or f"{worker} ran it and gave no sign of life for 15 s"
    facts = {"status": "failed", "worker": worker, "error": error, "ended_at": timezone.now()}
    beaten, finished = made(**facts), made(**facts)
    assert lifecycle.beat(beaten.backtest_id, 0.5) == revived
    assert lifecycle.finish(finished.backtest_id, {"return": 1.0}) == revived
    beaten, finished = again(beaten), again(finished)
    assert (beaten.status, beaten.error) == (("running", None) if revived else ("failed", error))
    assert (finished.status, finished.error) == (("done", None) if revived else ("failed", error))


def test_a_step_whose_answer_was_lost_is_known_as_done(made: Made) -> None:
    backtest = made()
    for _ in range(2):
        assert lifecycle.claim(backtest.backtest_id, again=True) is not None
    assert [lifecycle.finish(backtest.backtest_id, {"return": 1.0}) for _ in range(2)] == [True, True]
    assert not lifecycle.fail(backtest.backtest_id, "late")
    other = made(status="running", worker=lifecycle.this_worker())
    assert [lifecycle.fail(other.backtest_id, "broke\0n") for _ in range(2)] == [True, True]
    assert not lifecycle.fail(other.backtest_id, "for another reason")
    assert again(other).error == "broke�n"
    third = made()
    reason = "its process ended with status 1"
    assert [lifecycle.fail_unless_elsewhere(third.backtest_id, "-", reason) for _ in range(2)] == [True, True]


def test_a_result_that_the_database_refuses_fails_with_that_reason(
    made: Made, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> bool:
        raise DataError("invalid input syntax for type json")

    monkeypatch.setattr(lifecycle, "finish", refuse)
    backtest = made()
    run_backtest.run(backtest.backtest_id, ignore)
    row = again(backtest)
    assert (row.status, row.error) == (
        "failed",
        "its result could not be written: the database refused it (DataError)",
    )
    assert "'return': " in caplog.text
    assert "'trades_count': 1" in caplog.text
    assert "invalid input syntax for type json" in caplog.text


def test_an_error_of_the_programs_own_fails_the_backtest_too(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_backtest, "play", lambda *_: {}["bars"])
    backtest = made()
    with pytest.raises(KeyError):
        run_backtest.run(backtest.backtest_id, ignore)
    assert (again(backtest).status, again(backtest).error) == ("failed", "KeyError: 'bars'")


def test_those_the_broker_may_have_lost_are_sent_again(made: Made) -> None:
    before = timezone.now() - timedelta(seconds=lifecycle.SEND_AGAIN_SECONDS + 1)
    lost, fresh = made(sent_at=before), made(sent_at=timezone.now())
    never_sent, running = made(), made(status="running", sent_at=before)
    Backtest.objects.filter(pk=never_sent.pk).update(created_at=before)
    assert set(lifecycle.unsent()) == {lost.backtest_id, never_sent.backtest_id}
    assert lifecycle.unsent() == []
    assert fresh.backtest_id != running.backtest_id


def test_a_clock_set_back_keeps_none_from_being_sent_again(made: Made) -> None:
    tomorrow = timezone.now() + timedelta(days=1)
    sent, never_sent = made(sent_at=tomorrow), made()
    Backtest.objects.filter(pk=never_sent.pk).update(created_at=tomorrow)
    assert set(lifecycle.unsent()) == {sent.backtest_id, never_sent.backtest_id}
    assert lifecycle.unsent() == []


def test_the_one_that_waits_longest_is_next(made: Made) -> None:
    first, second = made(), made()
    made(status="running")
    assert lifecycle.next_queued() == first.backtest_id
    lifecycle.cancel(first.backtest_id)
    assert lifecycle.next_queued() == second.backtest_id
    lifecycle.cancel(second.backtest_id)
    assert lifecycle.next_queued() is None


def test_a_run_leaves_its_result_and_tells_its_end(made: Made) -> None:
    backtest, told = made(), []
    run_backtest.run(backtest.backtest_id, told.append)
    row = again(backtest)
    assert (row.status, row.progress, row.error) == ("done", 1.0, None)
    assert row.result["bars"] == 10
    assert [one["data"] for one in told] == [
        {
            "progress": 1.0,
            "current_date": "2026-01-05",
            "total_days": 1,
            "completed_days": 1,
            "estimated_remaining": 0,
        }
    ]
    run_backtest.run(backtest.backtest_id, told.append)
    assert len(told) == 1


@pytest.mark.parametrize("resolution", ["1s", "5s", "1m", "5m"])
def test_two_runs_give_one_result(made: Made, resolution: str) -> None:
    rows = [made(strategy="ma_cross", params={"fast": 1, "slow": 2}, resolution=resolution) for _ in range(2)]
    for row in rows:
        run_backtest.run(row.backtest_id, ignore)
    one, other = (again(row).result for row in rows)
    assert one == other
    assert one["bars"] == 600_000 // {"1s": 1000, "5s": 5000, "1m": 60_000, "5m": 300_000}[resolution]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"strategy": "gone"}, "strategy must be one of buy_and_hold, ma_cross, got 'gone'"),
        ({"strategy": "ma_cross", "params": {"fast": 9, "slow": 3}}, "params: fast must be below slow"),
        ({"from_ms": 0, "to_ms": 5}, "there are no bars of IG-USD in the range any more"),
    ],
)
def test_one_that_can_be_run_no_more_has_failed_with_the_reason(
    made: Made, fields: dict[str, Any], reason: str
) -> None:
    backtest = made(**fields)
    run_backtest.run(backtest.backtest_id, ignore)
    assert again(backtest).status == "failed"
    assert again(backtest).error.startswith(reason)


class Slow:
    """Takes its time at each bar."""

    def initialize(self, context: Any) -> None: ...

    def handle_bar(self, context: Any, bar: Any) -> None:
        time.sleep(0.02)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch, made: Made) -> Backtest:
    monkeypatch.setattr(run_backtest, "strategies_in", lambda _: {"slow": Slow})
    monkeypatch.setattr(lifecycle, "BEAT_SECONDS", 0.01)
    return made(strategy="slow", resolution="1s")


def test_while_one_runs_it_tells_how_far_it_is(slow: Backtest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "TELL_SECONDS", 0.05)
    monkeypatch.setattr(Slow, "handle_bar", lambda *_: time.sleep(0.001))
    told: list[dict[str, Any]] = []
    run_backtest.run(slow.backtest_id, told.append)
    parts = [one["data"]["progress"] for one in told]
    assert len(parts) > 3
    assert parts == sorted(parts)
    assert parts[-1] == 1.0
    assert 0 < again(slow).progress <= 1
    assert again(slow).heard_at > again(slow).started_at


def test_a_cancelled_one_stops(slow: Backtest) -> None:
    told: list[dict[str, Any]] = []
    run_backtest.run(slow.backtest_id, told.append, lambda _: lifecycle.cancel(slow.backtest_id))
    assert (again(slow).status, again(slow).result) == ("cancelled", None)
    assert told[-1]["data"]["progress"] < 0.5
    assert told[-1]["data"]["estimated_remaining"] == 0


def test_one_that_is_told_to_stop_has_failed_with_the_reason(slow: Backtest) -> None:
    run_backtest.run(slow.backtest_id, ignore, lambda watch: watch.stop("enough"))
    assert (again(slow).status, again(slow).error) == ("failed", "enough")


def test_one_that_takes_too_long_is_ended(slow: Backtest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "LONGEST_SECONDS", 0.05)
    run_backtest.run(slow.backtest_id, ignore)
    assert (again(slow).status, again(slow).error) == ("failed", "it was not done within 0.05 s")


@pytest.mark.parametrize(
    ("at_ms", "seconds", "expected"),
    [
        (START, 10, (0.0, "2026-01-05", 3, 0, LONGEST_SECONDS - 10)),
        (START + DAY_MS // 2, 10, (0.2, "2026-01-05", 3, 0, 40)),
        (START + DAY_MS, 10, (0.4, "2026-01-06", 3, 1, 15)),
        (START + DAY_MS * 5 // 2 - MINUTE, 10, (0.999722, "2026-01-07", 3, 2, 0)),
        (START + DAY_MS * 5 // 2, 10, (1.0, "2026-01-07", 3, 3, 0)),
    ],
)
def test_progress_counts_days_of_the_span(at_ms: int, seconds: float, expected: tuple[Any, ...]) -> None:
    names = ("progress", "current_date", "total_days", "completed_days", "estimated_remaining")
    span = Span(START, START + DAY_MS * 5 // 2)
    assert progress_of(span, at_ms, seconds, over=False) == dict(zip(names, expected, strict=True))
