"""What memory took from a recording: what that had lost of a kind is told, as it is to who reads the recording."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest

from recorder.manifest import inventory
from recorder.models import Market
from recorder.segment.layout import KINDS
from recorder.tape.history import History
from streaming.options import Options
from streaming.protocol import Loss
from streaming.relay.relay import Relay
from streaming.resume import Resume
from streaming.ring import Ring
from tests.recorder import damaging
from tests.recorder.store import Store
from tests.streaming.bounded import run
from tests.streaming.tape import Socket, Tape, frames, loss, moment, ticks

FRAMES = Options(types=frozenset(["frame"]))
BOTH = Options(types=frozenset(["frame", "tick"]))


async def resumed(relay: Relay, since: int, options: Options = BOTH) -> Socket:
    feed = relay.feeds.of(options)
    socket = Socket(feed)
    await Resume(socket.client, relay, feed, since).run()
    return socket


async def filled(tape: Tape) -> Relay:
    relay = Relay(tape, 1000, 1 << 20, 0.0)  # type: ignore[arg-type]
    await relay.filling.fill(at_rest=True)
    return relay


@pytest.mark.django_db(transaction=True)
def test_a_damaged_file_is_told_from_memory_as_from_the_recording(tmp_path: Path) -> None:
    store = Store(Market.objects.create(symbol="IG-USD"), tmp_path)
    store.record(60)
    store.record(60)
    for kind in KINDS:
        inventory.compare(store.market, kind, tmp_path / kind)
    damaging.flip_bits(store.paths("frames")[-1], random.Random(1))
    history = History("IG-USD", tmp_path)
    (lost,) = (one for one in history.messages(["frames"], -1) if one.text is None)

    async def test() -> None:
        relay = Relay(history, 1000, 1 << 24, 0.0)
        await relay.filling.fill(at_rest=True)
        assert relay.ring.first_t == 0
        assert (lost.first_t, lost.last_t) == (56, 115)
        assert await (await resumed(relay, 59, FRAMES)).settled() == ["gap frame 60-115 damaged", "caught_up 119"]

    run(test)


@pytest.mark.parametrize("since", [-1, 2, 4, 6, 8])
def test_who_resumes_in_memory_hears_once_what_is_left_of_a_loss(since: int) -> None:
    tape = Tape(
        *frames(0), *ticks(*range(4)), loss("frames", 4, 7, "lost"), *ticks(*range(4, 9)), *frames(9), *ticks(9)
    )
    heard: list[Any] = ["frame 0", 0, 1, 2, 3, "gap frame 4-7 lost", 4, 5, 6, 7, 8, "frame 9", 9]
    of_kinds = {-1: heard, 2: heard[4:], 4: ["gap frame 5-7 lost", *heard[7:]], 6: ["gap frame 7-7 lost", *heard[9:]]}

    async def test() -> None:
        relay = await filled(tape)
        assert relay.ring.first_t == 0
        assert await (await resumed(relay, since)).settled() == [*of_kinds.get(since, heard[11:]), "caught_up 9"]
        only_ticks = await resumed(relay, 3, Options(types=frozenset(["tick"])))
        assert await only_ticks.settled() == [*range(4, 10), "caught_up 9"]

    run(test)


def test_who_is_live_hears_of_frames_that_the_recording_lost_while_nothing_was_heard(hasty: None) -> None:
    """The recording stopped in the midst: frames are lost sooner than ticks, since they are flushed first."""
    lost = [loss("frames", 2, 6, "lost"), *ticks(2, 3), loss("ticks", 4, 6, "lost"), *ticks(7, 8)]

    async def test() -> None:
        relay = await filled(Tape(*ticks(0, 1)))
        socket = await resumed(relay, 1)
        relay.history.kept += lost  # type: ignore[attr-defined]
        relay.pass_on(moment(9))
        told = ["gap frame 2-6 lost", 2, 3, "gap tick 4-6 lost", 7, 8, 9]
        while relay.ring.last_t != 9:
            await asyncio.sleep(0.001)
        assert await socket.settled() == ["caught_up 1", *told]
        assert await (await resumed(relay, 1)).settled() == [*told, "caught_up 9"]

    run(test)


def test_a_loss_is_forgotten_with_the_last_moment_that_it_concerns() -> None:
    ring = Ring(3, 1 << 20)
    ring.lose(Loss("frame", 0, 1, "lost"))
    for t in range(4):
        ring.append(moment(t))
    assert ring.losses_behind(0) == [Loss("frame", 0, 1, "lost")]
    ring.append(moment(4))
    assert ring.losses_behind(-1) == []
