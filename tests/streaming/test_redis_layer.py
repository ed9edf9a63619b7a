"""The channel layer over Redis, where the network fails and nobody says so."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import RedisError

from streaming.group.redis_layer import RedisLayer
from tests.forks import ran
from tests.processes import environment, free_port
from tests.services import redis_server

#: It hears one message before, and one behind, the end that the kernel makes of a connection to a host that vanished.
LISTENER = """
import asyncio, sys
from streaming.group.redis_layer import RedisLayer

async def tell(layer):
    while True:  # nobody knows when Redis has taken the subscription again
        await layer.group_send("market", {"t": 2})
        await asyncio.sleep(0.05)

async def listen():
    layer = RedisLayer(hosts=[{"address": sys.argv[1]}])
    channel = await layer.new_channel("relay")
    await layer.group_add("market", channel)
    await layer.group_send("market", {"t": 1})
    heard = [await layer.receive(channel)]
    (shard,) = layer._get_layer()._shards
    shard._pubsub.connection._writer.transport._fatal_error(TimeoutError(110, "Connection timed out"))
    telling = asyncio.create_task(tell(layer))
    print([*heard, await layer.receive(channel)])
    telling.cancel()

asyncio.run(listen())
"""


@pytest.mark.redis
def test_a_connection_that_the_kernel_gives_up_is_made_again_and_nothing_stands_still(tmp_path: Path) -> None:
    """In a process of its own: one that stood still could not even fail."""
    with redis_server(tmp_path) as url:
        settings = environment(tmp_path, tmp_path / "none.sqlite3")
        done = ran([sys.executable, "-c", LISTENER, url], settings)
    assert done.stdout.splitlines() == ["[{'t': 1}, {'t': 2}]"], done.stderr


def test_a_redis_that_is_away_leaves_no_channel_behind_with_each_try() -> None:
    async def tries() -> Any:
        layer = RedisLayer(hosts=[{"address": f"redis://127.0.0.1:{free_port()}"}])
        for _ in range(3):
            with pytest.raises((OSError, RedisError)):
                await layer.new_channel("relay")
        kept = dict(layer._get_layer().channels)
        await layer.flush()
        return kept

    assert asyncio.run(tries()) == {}
