"""Pages of ticks: memory and tape as one, short of nothing that is there, every loss told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable

import pytest

from streaming import incremental
from streaming.incremental import Page, json_pieces, ticks_after
from streaming.relay import Relay
from tests.streaming.tape import Tape, loss, moment, text, ticks


def page_of(
    tape: Tape, ring: Iterable[int], from_t: int, limit: int, *, ring_ticks: int = 1000
) -> tuple[list[int], object]:
    async def run() -> Page:
        relay = Relay(tape, ring_ticks, 1 << 20, 0.0)  # type: ignore[arg-type]
        relay.filling.end()
        for t in ring:
            relay.ring.append(moment(t))
        return await ticks_after(relay, from_t, limit)

    page = asyncio.run(run())
    return [json.loads(tick)["t"] for tick in page.ticks], page.gap


EXPIRED = Tape(loss("ticks", 0, 49), *ticks(*range(50, 200)))


@pytest.mark.parametrize("from_t", [-1, 0])
@pytest.mark.parametrize("limit", [1, 2, 3, 100, 150])
def test_a_loss_takes_no_place_of_a_tick(from_t: int, limit: int) -> None:
    assert page_of(EXPIRED, range(180, 200), from_t, limit) == ([*range(50, 50 + limit)], (0, 49))


def test_tape_and_memory_follow_each_other() -> None:
    assert page_of(EXPIRED, range(180, 210), 60, 1000) == ([*range(61, 210)], None)
    assert page_of(Tape(), range(0), 5, 10) == ([], None)


def test_between_tape_and_memory_a_hole_is_told_once_the_tape_is_beyond_it() -> None:
    tape = Tape(*ticks(*range(50), *range(100, 120)))
    assert page_of(tape, range(100, 130), 40, 1000) == ([*range(41, 50), *range(100, 130)], (50, 99))


def test_a_recording_that_stands_still_behind_a_loss_holds_no_page_up() -> None:
    tape = Tape(*ticks(*range(10)), loss("ticks", 10, 19))
    assert page_of(tape, range(40, 60), 9, 1000) == ([*range(40, 60)], (10, 39))


def test_what_is_flushed_after_the_tape_was_read_is_not_lost() -> None:
    tape = Tape(*ticks(*range(5)))
    read = tape.messages

    def then_flushed(*arguments):
        found = list(read(*arguments))
        if tape.last_t() == 4:
            tape.kept += ticks(*range(5, 30))
        return iter(found)

    tape.messages = then_flushed  # type: ignore[method-assign]
    assert page_of(tape, range(20, 40), -1, 1000) == ([*range(40)], None)


def test_a_hole_of_memory_is_looked_for_on_the_tape() -> None:
    ring = [0, 1, 2, 7, 8]
    tape = Tape(*ticks(*range(6)), loss("ticks", 6, 6, "lost"), *ticks(7))
    assert page_of(tape, ring, -1, 1000) == ([0, 1, 2, 3, 4, 5, 7, 8], (6, 6))


def test_what_the_ring_lets_go_meanwhile_is_read_from_the_tape() -> None:
    """A market flat out: with each look at the tape the ring moves on by ten ticks, up to 300."""

    async def run() -> Page:
        tape = Tape(*ticks(*range(100)))
        relay = Relay(tape, 20, 1 << 20, 0.0)  # type: ignore[arg-type]
        relay.filling.end()
        for t in range(100):
            relay.pass_on(moment(t))
        loop, read = asyncio.get_running_loop(), tape.messages

        def goes_on(begin: int) -> None:
            for t in range(begin, begin + 10):
                tape.kept += ticks(t)
                relay.pass_on(moment(t))

        def reading(*arguments):
            last = tape.kept[-1].last_t
            if last < 300:
                loop.call_soon_threadsafe(goes_on, last + 1)
            return read(*arguments)

        tape.messages = reading  # type: ignore[method-assign]
        return await ticks_after(relay, -1, 10_000)

    page = asyncio.run(run())
    found = [json.loads(tick)["t"] for tick in page.ticks]
    assert page.gap is None
    assert found == [*range(found[-1] + 1)]
    assert found[-1] >= 100


def test_a_page_of_large_ticks_ends_early_and_the_next_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incremental, "_READ_BYTES", 10 * len(text("tick", 50)))
    assert page_of(EXPIRED, range(190, 200), 49, 1000) == ([*range(50, 60)], None)
    assert page_of(EXPIRED, range(190, 200), 59, 1000) == ([*range(60, 70)], None)


@pytest.mark.parametrize(("count", "gap"), [(0, None), (0, (3, 4)), (1, None), (5000, (3, 4))])
def test_the_pieces_are_one_object(count: int, gap: tuple[int, int] | None) -> None:
    page = Page([text("tick", t) for t in range(count)], count - 1, gap, latest_t=7)
    pieces = list(json_pieces(page, -1))
    assert all(pieces)
    assert len(pieces) == 1 + sum(map(len, page.ticks)) // (128 * 1024)
    data = [{"type": "tick", "t": t} for t in range(count)]
    expected = {"from_t": -1, "count": count, "latest_t": 7, "store": None, "data": data}
    body = json.loads(b"".join(pieces))
    assert body == expected | ({} if gap is None else {"gap": {"from_t": 3, "to_t": 4}})
    assert [*body] == [*expected, *(["gap"] if gap else [])]
