"""Redis takes connections and does not do what it is asked: it is full, a replica since a failover, or it hangs."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from redis import Redis

from tests.processes import Site, wait_until
from tests.services import RedisServer


@pytest.mark.redis
def test_a_worker_outlives_a_redis_that_is_a_replica_for_a_while(site: Site, tmp_path: Path) -> None:
    redis = RedisServer(tmp_path)
    redis.start()
    try:
        arguments = ("-A", "igsite", "worker", "--concurrency", "1", "--loglevel", "INFO")
        worker = site.start_program("celery", *arguments, REDIS_URL=redis.url)
        wait_until(lambda: "ready." in worker.log(), "a worker")
        asked = Redis.from_url(redis.url)
        asked.execute_command("REPLICAOF", "127.0.0.1", "1")
        wait_until(lambda: "Redis is away, it is tried again" in worker.log() or not worker.running, "the refusal")
        asked.execute_command("REPLICAOF", "NO", "ONE")
        wait_until(lambda: worker.log().count("mingle: all alone") >= 2 or not worker.running, "its return")
        assert worker.running
        assert "Traceback" not in worker.log()
        assert worker.log().count("read only replica") <= 1
        assert worker.stop() == 0
    finally:
        redis.end()


@pytest.mark.redis
def test_a_worker_ends_when_it_is_told_to_while_redis_hangs(site: Site, tmp_path: Path) -> None:
    redis = RedisServer(tmp_path)
    redis.start()
    assert redis.process is not None
    try:
        arguments = ("-A", "igsite", "worker", "--concurrency", "1", "--loglevel", "INFO")
        worker = site.start_program("celery", *arguments, REDIS_URL=redis.url)
        wait_until(lambda: "ready." in worker.log(), "a worker")
        redis.process.process.send_signal(signal.SIGSTOP)
        # It takes 3 s to find this out: longer than anything that a worker sends regularly.
        wait_until(lambda: "a message of agent_status is lost" in worker.log(), "its silence")
        assert worker.stop() == 0
    finally:
        redis.process.process.send_signal(signal.SIGCONT)
        redis.end()
