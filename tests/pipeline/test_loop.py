"""The pipeline: ticks become moments, first on the tapes, then in the group; sealed whatever happens."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from camera.window import SlidingWindowCamera
from market.model.simulator import Simulator
from market.tick import MarketError, Tick
from pipeline.continuation import Continued, Placement
from pipeline.encode_tick import TickEncoder
from pipeline.loop import Pipeline
from pipeline.measured_parts import PipelineMeters
from pipeline.pacer import Pacer
from recorder.errors import RecorderError
from runtime.supervision import supervisor

START_TS = 1_700_000_000.25


class Log:
    """Tapes and outlet at once: everything in the order in which it happened."""

    segment_start: int | None = 0
    stopped = False

    def __init__(self, fail_at: int | None = None) -> None:
        self.events: list[tuple[Any, ...]] = []
        self.published: list[dict[str, Any]] = []
        self.flushes = self.waits = 0
        self._fail_at = fail_at

    def write(self, t: int, tick: bytes | None, metric: bytes | None, frame: bytes | None) -> None:
        if t == self._fail_at:
            raise RecorderError("the disk is full")
        self.events.append(("write", t, tick, metric, frame))

    def write_gap(self, from_t: int, to_t: int, reason: str) -> None:
        self.events.append(("gap", from_t, to_t, reason))

    def flush_if_due(self) -> None:
        self.flushes += 1

    def close(self) -> None:
        self.events.append(("close",))

    def current_segment(self) -> dict[str, Any] | None:
        return {"start_t": 0, "lines": len(self.written), "compressed_bytes": 9, "pending": True}

    def publish(self, message: dict[str, Any]) -> None:
        self.events.append(("publish", message["t"]))
        self.published.append(message)

    def wait_for_room(self, seconds: float) -> None:
        self.waits += 1

    @property
    def unpublished(self) -> dict[str, int] | None:
        return None

    @property
    def written(self) -> list[tuple[Any, ...]]:
        return [event for event in self.events if event[0] == "write"]

    @property
    def kinds(self) -> list[Any]:
        return [event[:2] for event in self.events]


class Clock:
    """A clock that `stop.wait` moves: nobody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0
        self.naps: list[float] = []
        self.stop_at = float("inf")

    def __call__(self) -> float:
        return self.now

    def is_set(self) -> bool:
        return self.now >= self.stop_at

    def wait(self, seconds: float) -> bool:
        self.naps.append(seconds)
        self.now += seconds
        return self.is_set()


def ticks(count: int, *, skip: Iterable[int] = ()) -> Iterator[Tick]:
    simulator = Simulator(seed=1)
    made = [simulator.step() for _ in range(count)]
    return iter([tick for tick in made if tick.t not in skip])


def pipeline(
    source: Iterator[Tick],
    log: Log,
    *,
    clock: Clock | None = None,
    interval: float = 0.0,
    metric_every: int = 1,
    first_t: int = 0,
    **options: Any,
) -> Pipeline:
    clock = clock or Clock()
    encoder = TickEncoder(SlidingWindowCamera(4, 2, 0.003, 100), metric_every)
    stop: Any = clock
    return Pipeline(
        Continued(first_t, encoder, source),
        Placement(first_t, START_TS, 0.1),
        recording=log,
        pacer=Pacer(interval, clock()),
        now=clock,
        stop=stop,
        outlet=options.pop("outlet", log),
        seed=3,
        **options,
    )


def test_first_the_tape_then_the_group_then_the_next_tick() -> None:
    log = Log()
    pipeline(ticks(3), log).run()
    assert log.kinds[:6] == [("write", 0), ("publish", 0), ("write", 1), ("publish", 1), ("write", 2), ("publish", 2)]


def test_what_is_published_is_what_was_written_byte_for_byte() -> None:
    log = Log()
    pipeline(ticks(9), log).run()
    sent = [(m["t"], m["tick"], m["metric"], m["frame"]) for m in log.published if m["tick"] is not None]
    assert sent == [event[1:] for event in log.written]


def test_messages_of_a_moment_belong_together() -> None:
    log = Log()
    pipeline(ticks(9), log, metric_every=3).run()
    metrics, frames = [], []
    for _, t, tick, metric, frame in log.written:
        message = json.loads(tick)
        assert (message["t"], message["ts"]) == (t, pytest.approx(START_TS + 0.1 * t, abs=1e-6))
        for other, found in ((metric, metrics), (frame, frames)):
            if other is not None:
                assert (json.loads(other)["t"], json.loads(other)["ts"]) == (t, message["ts"])
                found.append(t)
    assert metrics == [0, 3, 6]
    assert frames == [4, 6, 8]


def test_a_run_may_begin_anywhere() -> None:
    log = Log()
    pipeline(ticks(5), log, first_t=1000).run()
    assert [event[1] for event in log.written] == list(range(1000, 1005))
    assert json.loads(log.written[0][2])["ts"] == START_TS


def test_a_jump_in_t_is_recorded_as_a_gap_where_it_happened() -> None:
    log = Log()
    pipeline(ticks(9, skip=(3, 4, 5)), log).run()
    order = [event[:2] for event in log.events if event[0] != "publish"]
    assert order[:5] == [("write", 0), ("write", 1), ("write", 2), ("gap", 3), ("write", 6)]
    assert ("gap", 3, 5, "lost") in log.events
    assert [event[1] for event in log.written if event[4] is not None] == [], "no frame spans the gap"


def test_at_the_end_of_the_source_the_tapes_are_sealed_and_the_group_is_told() -> None:
    log = Log()
    made = pipeline(ticks(3), log)
    made.run()
    assert log.events[-2:] == [("close",), ("publish", None)]
    last = log.published[-1]
    assert (last["tick"], last["metric"], last["frame"]) == (None, None, None)
    assert (last["status"]["running"], last["status"]["ticks"]) == (False, 3)


def test_no_more_ticks_are_made_than_asked_for() -> None:
    log, counted = Log(), []
    made = pipeline(ticks(50), log)
    made.run(7, counted.append)
    assert [event[1] for event in log.written] == list(range(7))
    assert counted == list(range(1, 8))
    assert log.events.count(("close",)) == 1


@pytest.mark.parametrize("broken", ["source", "tape"])
def test_an_error_seals_the_tapes_and_comes_out(broken: str) -> None:
    def source() -> Iterator[Tick]:
        yield from ticks(5)
        raise MarketError("line 6 is no tick")

    log = Log(fail_at=3 if broken == "tape" else None)
    expected = MarketError if broken == "source" else RecorderError
    with pytest.raises(expected):
        pipeline(source(), log).run()
    assert log.events[-2:] == [("close",), ("publish", None)]
    assert len(log.written) == (5 if broken == "source" else 3)
    assert log.published[-1]["status"]["running"] is False


def test_what_could_not_be_written_is_not_published() -> None:
    log = Log(fail_at=3)
    with pytest.raises(RecorderError):
        pipeline(ticks(9), log).run()
    assert [m["t"] for m in log.published] == [0, 1, 2, None]


def test_it_stops_when_told_between_two_ticks() -> None:
    log, clock = Log(), Clock()
    clock.stop_at = 100.35
    pipeline(ticks(50), log, clock=clock, interval=0.1).run()
    assert [event[1] for event in log.written] == [0, 1, 2, 3]
    assert ("close",) in log.events


def test_flat_out_stops_when_told_too() -> None:
    log, clock = Log(), Clock()

    def source() -> Iterator[Tick]:
        for tick in ticks(50):
            clock.now += 1
            yield tick

    clock.stop_at = 110.0
    pipeline(source(), log, clock=clock).run()
    assert len(log.written) == 10


def test_ticks_come_at_their_pace() -> None:
    log, clock = Log(), Clock()
    pipeline(ticks(20), log, clock=clock, interval=0.1).run(11)
    assert clock.now == pytest.approx(101.0)


def test_in_a_long_wait_the_tapes_are_flushed_again_and_again() -> None:
    log, clock = Log(), Clock()
    pipeline(ticks(20), log, clock=clock, interval=60.0).run(3)
    assert clock.now == pytest.approx(220.0)
    assert max(clock.naps) <= 0.5, "written data reaches the disk within a second"
    assert log.flushes >= 240


def test_of_many_price_ranges_most_messages_have_the_newest_alone() -> None:
    few, many = [[(t, 1.0, 2.0 + t) for t in range(runs)] for runs in (3, 500)]
    for ranges in (few, many):
        log = Log()
        pipeline(ticks(30), log, clock=Clock(), interval=0.1, price_ranges=lambda given=ranges: given).run()  # type: ignore[misc]
        told = [message["status"] for message in log.published]
        whole = [status for status in told if "price_ranges" in status]
        assert all(status["price_ranges"] == ranges for status in whole)
        assert told[0] in whole, "who hears the first one knows all of them"
        if ranges is few:
            assert len(whole) == len(told) == 31
        else:
            assert 3 <= len(whole) <= 4, "once a second of the three"
            assert {status.get("newest_prices", ranges[-1]) for status in told} == {ranges[-1]}


@pytest.mark.parametrize("is_quiet", [True, False])
def test_only_a_market_that_is_known_to_be_quiet_says_so(is_quiet: bool) -> None:
    log, clock = Log(), Clock()

    def ready(seconds: float) -> bool:
        clock.now += seconds
        return clock.now > 160.0

    pipeline(ticks(1), log, clock=clock, ready=ready, quiet=lambda: is_quiet).run(1)
    told = [message for message in log.published if message["t"] is None and message["status"]["running"]]
    assert len(told) == (17 if is_quiet else 0)
    assert all(message["tick"] is None for message in told)


def test_flat_out_waits_for_room_and_a_paced_market_does_not() -> None:
    fast, paced = Log(), Log()
    pipeline(ticks(5), fast).run()
    pipeline(ticks(5), paced, interval=0.1).run()
    assert fast.waits >= 5
    assert paced.waits == 0


def test_without_an_outlet_it_records_all_the_same() -> None:
    log = Log()
    pipeline(ticks(5), log, outlet=None).run()
    assert [event[0] for event in log.events] == ["write"] * 5 + ["close"]


def test_the_status_says_what_health_needs() -> None:
    log = Log()
    pipeline(ticks(2), log, first_t=500, silence_seconds=12.0).run()
    status = log.published[1]["status"]
    assert {"running", "start_ts", "ticks", "seed", "silence_seconds", "segment"} <= status.keys()
    assert (status["running"], status["start_ts"], status["ticks"], status["seed"]) == (True, START_TS, 2, 3)
    assert status["silence_seconds"] == 12.0
    assert status["segment"]["pending"] is True


def test_a_real_event_stops_it_from_another_thread() -> None:
    log, stop = Log(), threading.Event()
    made = Pipeline(
        Continued(0, TickEncoder(SlidingWindowCamera(4, 2, 0.003, 100), 1), ticks(10)),
        Placement(0, START_TS, 0.1),
        recording=log,
        pacer=Pacer(3600.0, 0.0),
        now=lambda: 0.0,
        stop=stop,
    )
    seen: Callable[[int], None] = lambda count: stop.set()  # noqa: E731
    made.run(on_tick=seen)
    assert len(log.written) == 1


class Failing:
    """An observer and a keeper of checkpoints that fail of everything."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def observe(self, tick: Tick, moment: Any) -> Any:
        raise self._error

    def after(self, next_t: int, segment_start: int | None) -> None:
        raise self._error

    def last(self, next_t: int, *, ended: bool) -> None:
        raise self._error


@pytest.mark.parametrize(
    "error", [ValueError("no number"), RuntimeError("can't start new thread"), OSError(24, "files")]
)
def test_neither_an_observer_nor_a_checkpoint_that_fails_ends_the_market(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(supervisor, "_tasks", {})

    class Good:
        def observe(self, tick: Tick, moment: Any) -> int:
            return tick.t

    class Holding(Log):
        def holds(self, from_t: int) -> bool:
            return True

    log, failing = Holding(), Failing(error)
    pipeline(ticks(5), log, checkpoints=failing, observers={"bad": failing, "good": Good()}).run()
    assert [one["t"] for one in log.published] == [0, 1, 2, 3, 4, None]
    assert [one["seen"] for one in log.published[:5]] == [{"bad": None, "good": t} for t in range(5)]
    assert log.kinds[-2:] == [("close",), ("publish", None)]
    assert {one.name for one in supervisor.troubles()} == {"observer bad", "checkpoint"}


def test_the_cpu_time_of_each_part_is_measured() -> None:
    meters = PipelineMeters()
    pipeline(ticks(20), Log(), meters=meters).run()
    assert min(meters.simulator.cpu_seconds, meters.camera.cpu_seconds, meters.recorder.cpu_seconds) > 0
    assert None not in (meters.simulator.used_at, meters.camera.used_at, meters.recorder.used_at)
