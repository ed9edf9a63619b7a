"""The channel layer of one process: to every member the same, and none holds up another."""

from __future__ import annotations

import asyncio

import pytest
from channels.exceptions import ChannelFull

from streaming.group.in_process import InProcessLayer

CAPACITY = 3


async def _member(layer: InProcessLayer, group: str = "market") -> str:
    channel = await layer.new_channel("relay")
    await layer.group_add(group, channel)
    return channel


async def _taken(layer: InProcessLayer, channel: str) -> list[int]:
    return [(await layer.receive(channel))["t"] for _ in range(layer.channels[channel].qsize())]


def test_who_takes_nothing_loses_what_it_has_no_room_for_and_others_lose_nothing() -> None:
    async def send() -> tuple[list[int], list[int]]:
        layer = InProcessLayer(capacity=CAPACITY)
        idle, busy = await _member(layer), await _member(layer)
        got = []
        for t in range(CAPACITY + 2):
            await layer.group_send("market", {"t": t})
            got.append((await layer.receive(busy))["t"])
        return await _taken(layer, idle), got

    assert asyncio.run(send()) == ([0, 1, 2], [0, 1, 2, 3, 4])


def test_a_channel_of_its_own_says_that_it_is_full() -> None:
    async def send() -> None:
        layer = InProcessLayer(capacity=CAPACITY)
        channel = await layer.new_channel()
        for t in range(CAPACITY + 1):
            await layer.send(channel, {"t": t})

    with pytest.raises(ChannelFull):
        asyncio.run(send())


def test_who_left_gets_nothing_and_leaves_nothing_behind() -> None:
    async def send() -> InProcessLayer:
        layer = InProcessLayer()
        left, other = await _member(layer), await _member(layer, "system")
        await layer.group_send("market", {"t": 1})
        await layer.group_discard("market", left)
        await layer.group_send("market", {"t": 2})
        await layer.group_discard("system", other)
        return layer

    layer = asyncio.run(send())
    assert (layer.channels, layer.groups) == ({}, {})


def test_one_waits_for_a_message_and_others_go_on() -> None:
    async def send() -> int:
        layer = InProcessLayer()
        channel = await _member(layer)
        waiting = asyncio.create_task(layer.receive(channel))
        await asyncio.sleep(0)
        await layer.group_send("market", {"t": 7})
        return int((await waiting)["t"])

    assert asyncio.run(send()) == 7
