"""Pages of ticks: memory and tape as one, short of nothing that is there, every loss told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable

import pytest

from streaming import open_places
from streaming.http import incremental
from streaming.http.incremental import Page
from streaming.relay.relay import Relay
from tests.streaming.tape import Tape, loss, moment, text, ticks


def relay_of(tape: Tape, ring: Iterable[int], ring_ticks: int = 1000) -> Relay:
    relay = Relay(tape, ring_ticks, 1 << 20, 0.0)  # type: ignore[arg-type]
    relay.filling.end()
    for t in ring:
        relay.ring.append(moment(t))
    return relay


async def pieces_of(page: Page) -> list[bytes]:
    await page.begin()
    pieces = [piece async for piece in page]
    page.close()
    return pieces


def page_of(tape: Tape, ring: Iterable[int], from_t: int, limit: int) -> tuple[list[int], object]:
    async def run() -> list[bytes]:
        return await pieces_of(Page(relay_of(tape, ring), from_t, limit))

    return told(asyncio.run(run()))


def told(pieces: list[bytes]) -> tuple[list[int], object]:
    """The t of the ticks in an answer, and its gap."""
    assert all(pieces)
    body = json.loads(b"".join(pieces))
    assert body["count"] == len(body["data"])
    gap = body.get("gap")
    return [tick["t"] for tick in body["data"]], gap and (gap["from_t"], gap["to_t"])


EXPIRED = Tape(loss("ticks", 0, 49), *ticks(*range(50, 200)))


@pytest.mark.parametrize("from_t", [-1, 0])
@pytest.mark.parametrize("limit", [1, 2, 3, 100, 150])
def test_a_loss_takes_no_place_of_a_tick(from_t: int, limit: int) -> None:
    assert page_of(EXPIRED, range(180, 200), from_t, limit) == ([*range(50, 50 + limit)], (from_t + 1, 49))


@pytest.mark.parametrize(
    ("reasons", "told_reason"),
    [
        (["damaged"], "damaged"),
        (["lost"], "lost"),
        (["expired", "damaged"], "damaged"),
        (["damaged", "expired"], "damaged"),
        (["expired", "lost"], "expired"),
        ([], "lost"),
    ],
)
def test_a_gap_has_the_reason_of_its_losses(reasons: list[str], told_reason: str) -> None:
    losses = [loss("ticks", 10 * number, 10 * number + 9, reason) for number, reason in enumerate(reasons)]
    begin = 10 * len(losses) or 10  # where nothing tells of it, a hole is seen
    tape = Tape(*losses, *ticks(*range(begin, 60)))

    async def run() -> list[bytes]:
        return await pieces_of(Page(relay_of(tape, range(50, 60)), -1, 100))

    assert json.loads(b"".join(asyncio.run(run())))["gap"] == {"from_t": 0, "to_t": begin - 1, "reason": told_reason}


def test_what_is_newest_does_not_go_back_while_memory_is_being_filled() -> None:
    async def run() -> list[bytes]:
        relay = relay_of(Tape(*ticks(*range(200))), range(50))
        relay.filling.filled.clear()
        return await pieces_of(Page(relay, 10, 20))

    assert json.loads(b"".join(asyncio.run(run())))["latest_t"] == 199


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

    async def run() -> list[bytes]:
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
        return await pieces_of(Page(relay, -1, 10_000))

    found, gap = told(asyncio.run(run()))
    assert gap is None
    assert found == [*range(found[-1] + 1)]
    assert found[-1] >= 100


@pytest.mark.parametrize("ring", [range(190, 200), range(50, 200)])
def test_however_long_a_page_is_a_piece_of_it_is_held(monkeypatch: pytest.MonkeyPatch, ring: range) -> None:
    size = len(text("tick", 100))
    monkeypatch.setattr(incremental, "PIECE_BYTES", 10 * size)

    async def run() -> list[bytes]:
        page = Page(relay_of(EXPIRED, ring), 49, 1000)
        pieces = [await page.begin()]
        assert not page.ended
        await anext(page)
        async for piece in page:
            assert sum(map(len, page._ticks)) == 0
            pieces.append(piece)
        return pieces

    pieces = asyncio.run(run())
    assert told(pieces) == ([*range(50, 200)], None)
    assert len(pieces) >= 15
    assert max(map(len, pieces)) < 13 * size


def test_what_a_slow_client_has_open_of_the_recording_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incremental, "PIECE_BYTES", 10 * len(text("tick", 100)))
    monkeypatch.setattr(open_places, "SLOW_SECONDS", 0.0)

    async def run() -> list[bytes]:
        page = Page(relay_of(EXPIRED, range(190, 200)), 49, 1000)
        await page.begin()
        pieces = []
        async for piece in page:
            pieces.append(piece)
            while page._behind._reading is not None:
                await asyncio.sleep(0)
        return pieces

    assert told(asyncio.run(run())) == ([*range(50, 200)], None)


def test_an_answer_that_has_begun_ends_with_its_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incremental, "PIECE_BYTES", 10 * len(text("tick", 100)))

    async def run() -> list[bytes]:
        tape = Tape(*ticks(*range(100)))
        tape.on_disk = "a" * 32
        relay = relay_of(tape, range(100))
        page = Page(relay, -1, 1000)
        pieces = [await page.begin()]
        relay.enter("b" * 32)
        assert await anext(page) == pieces[0]
        return pieces + [piece async for piece in page]

    found, gap = told(asyncio.run(run()))
    assert (found, gap) == ([*range(len(found))], None)
    assert 10 <= len(found) < 20


@pytest.mark.parametrize(("count", "lost"), [(0, None), (0, (3, 4)), (1, None), (5000, (3, 4))])
def test_the_pieces_are_one_object(count: int, lost: tuple[int, int] | None) -> None:
    first = 0 if lost is None else 5
    tape = Tape(*([] if lost is None else [loss("ticks", *lost)]))

    async def run() -> list[bytes]:
        return await pieces_of(
            Page(relay_of(tape, range(first, first + count), 5000), first - 1 if lost is None else 2, 9999)
        )

    body = json.loads(b"".join(asyncio.run(run())))
    data = [{"type": "tick", "t": t} for t in range(first, first + count)]
    expected = {"from_t": body["from_t"], "store": None, "data": data, "count": count, "latest_t": body["latest_t"]}
    assert body == expected | ({} if lost is None else {"gap": {"from_t": 3, "to_t": 4, "reason": "expired"}})
