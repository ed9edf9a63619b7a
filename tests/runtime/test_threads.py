"""Threads that are there before they are needed do their work where no more can be started."""

from __future__ import annotations

import threading

import pytest

from runtime.threads import PrestartedThread, running


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> tuple[PrestartedThread, object]:
    """A thread and two, and behind them no memory for another."""
    found = PrestartedThread("one"), running(2, "two")

    def no_more(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", no_more)
    return found


def test_what_runs_already_needs_no_memory_for_a_thread(started: tuple[PrestartedThread, object]) -> None:
    one, two = started
    gate, done = threading.Event(), []
    one.start(lambda: done.append(threading.current_thread().name) or gate.wait())  # type: ignore[func-returns-value]
    assert one.join(0.0) is False
    assert [two.submit(int, n).result() for n in range(3)] == [0, 1, 2]  # type: ignore[attr-defined]
    gate.set()
    assert one.join()
    assert done == ["one"]


def test_one_that_is_given_no_work_ends(started: tuple[PrestartedThread, object]) -> None:
    started[0].end()
    assert started[0].join()
