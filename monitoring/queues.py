"""How many tasks wait in the queues of Celery, which are lists in Redis."""

from __future__ import annotations

from collections.abc import Sequence

from monitoring.families import Families

_PATIENCE_SECONDS = 1.5


async def lengths(url: str, queues: Sequence[str]) -> dict[str, int]:
    """The length of each queue. Raises OSError, redis.exceptions.RedisError."""
    from redis.asyncio import Redis  # a tenth of a process's start

    redis = Redis.from_url(url, socket_connect_timeout=_PATIENCE_SECONDS, socket_timeout=_PATIENCE_SECONDS)
    async with redis:
        return {queue: int(await redis.llen(queue)) for queue in queues}


def add_queues(families: Families, found: dict[str, int]) -> None:
    for queue, waiting in found.items():
        families.add("queue_tasks", waiting, queue)
