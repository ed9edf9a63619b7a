"""Everything after a t: each message once, in order, from wherever it is, and every loss told once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from recorder.errors import OtherStore
from recorder.tape.history import Message
from streaming import moments_after, open_places
from streaming.history_moments import Record, batch_of, moments
from streaming.moments_after import MomentsAfter
from streaming.open_places import OpenPlaces
from streaming.protocol import KINDS, Loss
from streaming.relay.relay import Relay
from streaming.ring import Ring
from tests.streaming.bounded import run
from tests.streaming.tape import Tape, frames, loss, moment, ticks

OLD, NEW = "a" * 32, "b" * 32


class Reader:
    """Whoever reads a tape behind a ring, without threads."""

    def __init__(
        self,
        tape: Tape,
        ring: Iterable[int] = (),
        kinds: Iterable[str] = ("tick",),
        t: int = -1,
        places: OpenPlaces | None = None,
    ) -> None:
        self.store_id: str | None = None
        self.tape = tape
        self.relay = Relay(tape, 1000, 1 << 20, 0.0)  # type: ignore[arg-type]
        self.relay.filling.end()
        for one in ring:
            self.relay.ring.append(moment(one))
        self.after = MomentsAfter(self.relay, self, kinds, t, self._pooled, 1.0, places=places)

    async def _pooled(self, work: Callable[..., Any], *arguments: Any) -> Any:
        return work(*arguments)

    async def all(self, most: int = 1000, *, slow: bool = False) -> list[Any]:
        """What it is given until the present, in batches; a slow one loses its place behind each."""
        given: list[Any] = []
        while found := await self.after.batch(most):
            assert len(found) <= most + 1
            given += [short(one) for one in found]
            if slow:
                self.after.close()
        return given


def short(record: Record) -> Any:
    """5 for a tick, "5 frame" for a frame alone, "5 frame tick" for both."""
    if isinstance(record, Loss):
        return f"{record.kind} {record.from_t}-{record.to_t} {record.reason}"
    found = [kind for kind in KINDS if getattr(record, kind) is not None]
    return record.t if found == ["tick"] else f"{record.t} {' '.join(found)}"


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moments_after, "_LOOK_SECONDS", 0.01)


@pytest.mark.parametrize("slow", [False, True])
@pytest.mark.parametrize("most", [1, 2, 1000])
@pytest.mark.parametrize("t", [-1, 3, 8, 12, 15, 19, 25])
def test_tape_and_memory_are_one(t: int, most: int, slow: bool) -> None:
    async def test() -> None:
        reader = Reader(Tape(*ticks(*range(15))), range(10, 20), t=t)
        assert await reader.all(most, slow=slow) == [*range(t + 1, 20)]
        assert reader.after.t == max(t, 19)
        reader.relay.ring.append(moment(20))
        assert await reader.all() == [*range(max(t, 19) + 1, 21)]

    run(test)


@pytest.mark.parametrize("slow", [False, True])
@pytest.mark.parametrize("most", [1, 2, 3, 1000])
def test_losses_are_told_once_wherever_the_reading_begins_anew(most: int, slow: bool) -> None:
    tape = Tape(
        *ticks(0, 1),
        loss("ticks", 2, 6, "lost"),
        loss("frames", 3, 8),
        *ticks(7, 8),
        *frames(9),
        *ticks(9),
        loss("frames", 10, 10, "damaged"),
        *ticks(10, 11),
        loss("ticks", 12, 13, "lost"),
        *ticks(14),
    )
    told = [0, 1, "tick 2-6 lost", "frame 3-8 expired", 7, 8, "9 frame tick", "frame 10-10 damaged", 10, 11]

    async def test() -> None:
        reader = Reader(tape, range(14, 16), ["frame", "tick"])
        assert await reader.all(most, slow=slow) == [*told, "tick 12-13 lost", 14, 15]

    run(test)


@pytest.mark.parametrize("kinds", [["frame"], ["frame", "metric"], ["frame", "tick"]])
def test_losses_that_were_told_are_not_passed_over_by_each_reading(kinds: list[str]) -> None:
    """Else a slow client of a year of removed segments would have all of them read for each batch."""

    class Counting(Tape):
        passed = 0

        def messages(self, kinds: Iterable[str], after_t: int, to_t: int | None = None) -> Iterator[Message]:
            for message in super().messages(kinds, after_t, to_t):
                self.passed += 1
                yield message

    async def test() -> None:
        removed = [loss("frames", t, t + 9) for t in range(0, 10_000, 10)]
        tape = Counting(loss("ticks", 0, 9_999), *removed, *ticks(10_000))
        told = [f"frame {t}-{t + 9} expired" for t in range(0, 10_000, 10)]
        told[:0] = ["tick 0-9999 expired"] if "tick" in kinds else []
        given = await Reader(tape, [10_001], kinds).all(10, slow=True)
        assert [one for one in given if isinstance(one, str)] == told
        assert tape.passed < 1_500

    run(test)


def test_a_moment_is_whole_beside_a_loss_of_its_t() -> None:
    """Else who goes on behind its t would miss the rest of it."""
    tape: Any = Tape(*frames(4, 5), loss("metrics", 5, 5, "damaged"), *ticks(5))
    given = [short(one) for one in moments(tape, KINDS, -1)]
    assert given == ["4 frame", "metric 5-5 damaged", "5 frame tick"]


def test_a_batch_has_so_many_records_or_bytes_and_one_at_least() -> None:
    records: list[Record] = [moment(t) for t in range(10)]
    size = moment(0).size
    for most, most_bytes, count in ((4, 1 << 20, 4), (100, 1 << 20, 10), (100, 3 * size, 3), (100, 1, 1)):
        assert batch_of(iter(records), most, most_bytes) == records[:count]


def test_the_tape_is_waited_for_that_comes_to_where_memory_begins() -> None:
    async def test() -> None:
        reader = Reader(Tape(*ticks(*range(5))), range(10, 12))
        looks, last_t = 0, reader.tape.last_t

        def flushed(kind: str = "ticks") -> int | None:
            nonlocal looks
            looks += 1
            if looks in (3, 5):
                reader.tape.kept += ticks(*range(looks + 2, looks + 5))
            return last_t(kind)

        reader.tape.last_t = flushed  # type: ignore[method-assign]
        assert await reader.all() == [*range(12)]
        assert looks >= 5

    run(test)


@pytest.mark.parametrize("kinds", [["tick"], ["frame", "tick"], ["frame"]])
def test_what_neither_has_is_lost_once_the_tape_had_its_time(kinds: list[str]) -> None:
    async def test() -> None:
        reader = Reader(Tape(*ticks(*range(5))), [10], kinds)
        heard = await reader.all()
        lost = [f"{kind} 5-9 lost" for kind in kinds]
        assert heard == [*(range(5) if "tick" in kinds else ()), *lost, 10]

    run(test)


def test_of_several_tapes_nothing_is_read_that_no_tick_is_behind() -> None:
    """The frame of t=8 is flushed and that of t=6 not yet."""

    async def test() -> None:
        tape = Tape(*frames(2), *ticks(*range(5)), *frames(8))
        reader = Reader(tape, [10], ["frame", "tick"])
        given = [short(one) for one in await reader.after.batch()]
        assert given[-1] == 4
        tape.kept[-1:] = [*ticks(5), *frames(6), *ticks(6, 7), *frames(8), *ticks(8, 9)]
        assert await reader.all() == [5, "6 frame tick", 7, "8 frame tick", 9, 10]

    run(test)


def test_in_a_hole_of_memory_ticks_tell_what_is_lost_and_nobody_waits() -> None:
    async def test() -> None:
        tape = Tape(*ticks(3), *frames(4), *ticks(4, 7))
        ring = [0, 1, 2, 7, 8]
        both = [*range(4), "4 frame tick", "frame 5-6 lost", "tick 5-6 lost", 7, 8]
        assert await Reader(tape, ring, ["frame", "tick"]).all() == both
        assert await Reader(tape, ring, ["frame"], 1).all() == [2, 3, "4 frame tick", "frame 5-6 lost", 7, 8]
        looking = Reader(Tape(), ring)
        looking.tape.last_t = None  # type: ignore[method-assign,assignment]
        assert await looking.all() == [*range(3), "tick 3-6 lost", 7, 8]

    run(test)


def test_without_anything_in_memory_all_that_is_recorded_is_given() -> None:
    async def test() -> None:
        for kinds in (["tick"], ["frame", "tick"]):
            reader = Reader(Tape(*ticks(*range(5))), (), kinds)
            assert await reader.all() == [*range(5)]
            reader.tape.kept += ticks(5)
            assert await reader.all() == [5]

    run(test)


def test_nothing_of_another_recording_is_given() -> None:
    async def test() -> None:
        tape = Tape(*ticks(*range(20)))
        tape.on_disk = OLD
        heard, unheard = Reader(tape, range(10, 20)), Reader(tape, range(10, 20))
        for reader in (heard, unheard):
            assert len(await reader.after.batch(5)) == 5
            assert reader.store_id == OLD
        heard.relay.enter(NEW)
        with pytest.raises(OtherStore, match=NEW):
            await heard.after.batch()
        with pytest.raises(OtherStore, match=NEW):
            heard.after.rest(1 << 20)
        unheard.relay.history.on_disk = NEW  # type: ignore[attr-defined]
        unheard.after.close()
        with pytest.raises(OtherStore, match=NEW):
            await unheard.after.batch()
        assert (heard.after.t, unheard.after.t) == (4, 4)

    run(test)


def test_the_rest_is_what_memory_has_up_to_the_present_and_little() -> None:
    async def test() -> None:
        size = moment(10).size
        reader = Reader(Tape(*ticks(*range(10))), range(10, 20))
        assert reader.after.rest(1 << 20) is None
        await reader.after.batch(10)
        assert reader.after.rest(10 * size - 1) is None
        rest = reader.after.rest(10 * size)
        assert rest is not None
        assert ([short(one) for one in rest], reader.after.t) == ([*range(10, 20)], 19)
        assert reader.after.rest(0) == []

    run(test)


def test_a_place_is_kept_for_who_asks_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        reader = Reader(Tape(*ticks(*range(20))), [20])
        monkeypatch.setattr(open_places, "SLOW_SECONDS", 60.0)
        for _ in range(3):
            await reader.after.batch(2)
            reader.after.keep()
        assert reader.tape.reads == 1
        monkeypatch.setattr(open_places, "SLOW_SECONDS", 0.0)
        reader.after.keep()
        while reader.after._reading is not None:
            await asyncio.sleep(0)
        assert await reader.all() == [*range(6, 21)]
        assert reader.tape.reads == 2

    run(test)


async def waiting_reader(*kinds: str) -> tuple[OpenPlaces, Reader, Reader, asyncio.Task[list[Record]]]:
    """One that has the only place, and one at t=3 that waits for it with what it is to be given."""
    places = OpenPlaces(1, wait=True)
    first, second = (Reader(Tape(*ticks(*range(20))), [20], kinds, 3, places) for _ in range(2))
    await first.after.batch(2)
    waiting = asyncio.create_task(second.after.batch(3))
    while not places._waiting:
        await asyncio.sleep(0)
    return places, first, second, waiting


@pytest.mark.parametrize("kinds", [["tick"], ["frame", "tick"]])
def test_who_waited_for_a_place_goes_on_where_it_was(kinds: list[str]) -> None:
    async def test() -> None:
        places, first, second, waiting = await waiting_reader(*kinds)
        first.after.close()
        assert [short(one) for one in await waiting] == [4, 5, 6]
        assert list(places._held) == [second.after]
        assert await second.all() == [*range(7, 21)]
        assert not places._held

    run(test)


def test_nothing_of_the_recording_that_came_while_it_waited_for_a_place_is_given() -> None:
    async def test() -> None:
        places, first, second, waiting = await waiting_reader("tick")
        second.store_id = OLD
        second.relay.enter(NEW)
        for t in range(50):
            second.relay.ring.append(moment(t))
        first.after.close()
        with pytest.raises(OtherStore, match=NEW):
            await waiting
        assert not places._held
        assert second.after.t == 3

    run(test)


def test_what_memory_has_after_a_wait_takes_no_place() -> None:
    async def test() -> None:
        places, first, second, waiting = await waiting_reader("tick")
        second.relay.ring = Ring(100, 1 << 20)
        for t in range(4, 30):
            second.relay.ring.append(moment(t))
        first.after.close()
        assert [short(one) for one in await waiting] == [4, 5, 6]
        assert not places._held

    run(test)


def test_who_finds_that_the_disk_failed_leaves_its_place() -> None:
    async def test() -> None:
        places = OpenPlaces(1, wait=True)
        reader = Reader(Tape(*ticks(*range(20))), [20], places=places)

        async def failing(work: Callable[..., Any], *arguments: Any) -> Any:
            raise OSError("it is away")

        await reader.after.batch(2)
        assert places._held
        reader.after._pooled = failing
        with pytest.raises(OSError, match="away"):
            await reader.after.batch(2)
        assert not places._held

    run(test)


@pytest.mark.parametrize("keeps", [True, False])
@pytest.mark.parametrize("kinds", [["tick"], ["frame", "tick"]])
@pytest.mark.parametrize("pace", [1, 5])
def test_a_market_that_goes_on_with_each_reading_is_come_up_with(pace: int, kinds: list[str], keeps: bool) -> None:
    async def test() -> None:
        reader = Reader(Tape(*ticks(*range(100))), kinds=kinds)
        reader.relay.ring = Ring(40, 1 << 20)
        made = 60

        def go_on(count: int) -> None:
            nonlocal made
            for t in range(made, made + count):
                reader.relay.ring.append(moment(t))
            made += count

        async def pooled(work: Callable[..., Any], *arguments: Any) -> Any:
            found = work(*arguments)
            reader.tape.kept += ticks(*range(made, made + pace))
            go_on(pace)
            return found

        go_on(40)
        reader.after._pooled = pooled
        given: list[Any] = []
        for _ in range(200):
            found = await reader.after.batch(10)
            given += [short(one) for one in found]
            if not found:
                break
            if not keeps:
                reader.after.close()
        else:
            raise AssertionError(f"memory goes on with {reader.relay.ring.first_t}, and the reader is at {given[-1]}")
        assert given == [*range(made)]

    run(test)


@pytest.mark.parametrize("keeps", [True, False])
@pytest.mark.parametrize("pace", [5, 8, 10])
def test_who_hardly_comes_up_with_a_market_is_told_of_no_loss(pace: int, keeps: bool) -> None:
    """Also where its batches end with the newest t on the tape: what comes then, it has not waited for."""

    async def test() -> None:
        reader, made = Reader(Tape(*ticks(*range(300))), kinds=["frame", "tick"]), 301
        reader.after._left_seconds = reader.after._most_wait_seconds = 0.03
        reader.relay.ring = Ring(40, 1 << 20)
        for t in range(261, made):
            reader.relay.ring.append(moment(t))
        given: list[Any] = []
        for _ in range(200):
            given += [short(one) for one in await reader.after.batch(10)]
            if not keeps:
                reader.after.close()
            for t in range(made, made + pace):
                reader.relay.ring.append(moment(t))
                reader.tape.kept += ticks(t - 1)
            made += pace
        assert given == [*range(len(given))]

    run(test)


@pytest.mark.parametrize("most", [1, 3, 1000])
@pytest.mark.parametrize(
    ("tape", "told"),
    [
        ([*ticks(*range(12)), loss("ticks", 12, 13), *ticks(14)], []),
        ([*ticks(*range(12)), *ticks(14)], []),
        ([*ticks(*range(8)), loss("ticks", 8, 12, "damaged"), *ticks(13, 14)], ["tick 8-9 damaged"]),
        ([*ticks(*range(8)), *ticks(13, 14)], ["frame 8-9 expired", "tick 8-9 expired"]),
    ],
    ids=["in memory", "in memory, without a word", "partly in memory", "partly in memory, without a word"],
)
def test_what_the_tape_lacks_and_memory_has_is_no_loss(tape: list[Message], told: list[str], most: int) -> None:
    async def test() -> None:
        reader = Reader(Tape(*tape), range(10, 20), ["frame", "tick"])
        given = await reader.all(most)
        assert [one for one in given if isinstance(one, str)] == told
        lost = range(8, 10) if told else range(0)
        assert [one for one in given if not isinstance(one, str)] == [t for t in range(20) if t not in lost]

    run(test)
