"""Supervision: a task that fails is told once, tried again more and more seldom, and healthy after a while."""

from __future__ import annotations

import asyncio
import errno
import logging

import psutil
import pytest

from runtime import supervision
from runtime.supervision import HEALTHY_SECONDS, LONGEST_PAUSE_SECONDS, Supervisor, Trouble
from tests.processes import PATIENCE_SECONDS

ERRORS = [
    OSError(errno.EMFILE, "Too many open files"),
    ValueError("no number"),
    RuntimeError("can't start new thread"),
    psutil.NoSuchProcess(7),
    KeyError("meta"),
]


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def supervisor(clock: Clock) -> Supervisor:
    return Supervisor(clock)


@pytest.fixture
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervision, "FIRST_PAUSE_SECONDS", 0.0)


@pytest.mark.usefixtures("_no_pause")
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_whatever_a_task_fails_of_it_is_started_again(supervisor: Supervisor, error: Exception) -> None:
    starts: list[int] = []

    async def work() -> None:
        starts.append(len(starts))
        if len(starts) < 4:
            raise error

    asyncio.run(supervisor.keep("work", work))
    assert starts == [0, 1, 2, 3]


@pytest.mark.usefixtures("_no_pause")
def test_a_task_whose_own_task_was_cancelled_goes_on_and_one_that_is_cancelled_ends(supervisor: Supervisor) -> None:
    starts: list[int] = []

    async def work() -> None:
        starts.append(1)
        never: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if len(starts) < 3:
            never.cancel()
        await never

    async def run() -> None:
        kept = asyncio.create_task(supervisor.keep("work", work))
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(starts) < 3:
                await asyncio.sleep(0)
        kept.cancel()
        with pytest.raises(asyncio.CancelledError):
            await kept

    asyncio.run(run())
    assert len(starts) == 3


def test_the_pause_doubles_up_to_its_bound_and_begins_anew_after_a_healthy_while(
    supervisor: Supervisor, clock: Clock
) -> None:
    pauses = []
    for _ in range(1100):
        supervisor.failed("work", ValueError())
        pauses.append(supervisor.pause_seconds("work"))
        clock.now += pauses[-1]
    assert pauses[:9] == [0.5, 1, 2, 4, 8, 16, 32, 60, 60]
    assert set(pauses[7:]) == {LONGEST_PAUSE_SECONDS}
    clock.now += HEALTHY_SECONDS - 1
    supervisor.failed("work", ValueError())
    assert supervisor.pause_seconds("work") == LONGEST_PAUSE_SECONDS
    clock.now += LONGEST_PAUSE_SECONDS + HEALTHY_SECONDS
    supervisor.failed("work", ValueError())
    assert supervisor.pause_seconds("work") == 0.5
    assert supervisor.pause_seconds("other") == 0


def test_a_task_fails_until_it_has_run_for_a_while(supervisor: Supervisor, clock: Clock) -> None:
    assert supervisor.troubles() == []
    supervisor.failed("work", OSError(24, "Too many open files"))
    failing = Trouble("work", "OSError: [Errno 24] Too many open files", True)
    assert supervisor.troubles() == [failing]
    clock.now += 0.5 + HEALTHY_SECONDS - 0.1
    assert supervisor.troubles() == [failing]
    clock.now += 0.2
    assert [one.failing for one in supervisor.troubles()] == [False]


def test_the_log_shows_each_kind_of_error_once_and_then_a_line_a_try(
    supervisor: Supervisor, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(error: Exception) -> None:
        try:
            raise error
        except Exception as raised:  # noqa: BLE001
            supervisor.failed("work", raised)

    for _ in range(3):
        fail(ValueError("one"))
        fail(ValueError("one"))  # within the pause, of a part that is called all the time
        clock.now += supervisor.pause_seconds("work")
    fail(KeyError("two"))
    shown = [(bool(record.exc_info), record.getMessage()) for record in caplog.records]
    assert shown == [
        (True, "work failed, the next try is in 0.5 s"),
        (False, "work failed 2 times, the next try is in 1 s: ValueError: one"),
        (False, "work failed 3 times, the next try is in 2 s: ValueError: one"),
        (True, "work failed, the next try is in 4 s"),
    ]
    assert all(record.levelno == logging.ERROR for record in caplog.records)


def test_a_group_of_one_is_told_as_that_one(supervisor: Supervisor) -> None:
    supervisor.failed("work", ExceptionGroup("group", [ExceptionGroup("inner", [ValueError("x" * 1000)])]))
    (trouble,) = supervisor.troubles()
    assert trouble.error == "ValueError: " + "x" * 200


def test_what_stands_beside_a_guarded_part_is_done(supervisor: Supervisor) -> None:
    done = []
    with supervisor.guarded("first", lambda: done.append("failed")):
        raise ValueError
    with supervisor.guarded("second"):
        done.append("second")
    assert done == ["failed", "second"]
    assert [one.name for one in supervisor.troubles()] == ["first"]


@pytest.mark.usefixtures("_no_pause")
def test_a_check_is_done_again_and_again_whatever_one_comes_to(supervisor: Supervisor) -> None:
    rounds: list[int] = []

    async def check() -> None:
        rounds.append(1)
        if len(rounds) % 2:
            raise ValueError

    async def run() -> None:
        work = asyncio.create_task(supervisor.every(0.0, "check", check))
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(rounds) < 7:
                await asyncio.sleep(0)
        work.cancel()

    asyncio.run(run())
