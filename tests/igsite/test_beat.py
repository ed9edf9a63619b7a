"""Beat where no worker is: Redis, which carries the live stream too, does not fill with what nobody takes."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from celery import Celery
from redis import Redis
from redis.exceptions import ConnectionError as RedisAway

from igsite import beat
from tests.services import RedisServer

QUEUE = "of a test"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.end()


@pytest.fixture
def app(server: RedisServer) -> Iterator[Celery]:
    app = Celery(broker=server.url, set_as_current=False)
    app.conf.task_default_queue = QUEUE
    app.conf.beat_schedule = {name: {"task": name, "schedule": 0.0001} for name in ("often", "too")}
    yield app
    app.close()


def ticks(scheduler: beat.Scheduler, number: int) -> None:
    for _ in range(number):
        scheduler.tick()


@pytest.mark.redis
def test_what_waits_for_a_worker_that_is_not_there_has_an_end(app: Celery, caplog: pytest.LogCaptureFixture) -> None:
    redis, scheduler = Redis.from_url(app.conf.broker_url), beat.Scheduler(app)
    with caplog.at_level(logging.WARNING, beat.__name__):
        ticks(scheduler, beat.MOST_WAITING)
        assert beat.MOST_WAITING <= redis.llen(QUEUE) <= beat.MOST_WAITING + 1
        redis.ltrim(QUEUE, 0, 9)
        ticks(scheduler, 3)
        assert redis.llen(QUEUE) > 10
    first, second = (record.getMessage() for record in caplog.records)
    assert first.startswith(f"{beat.MOST_WAITING} tasks wait in the queue {QUEUE}")
    assert second == f"The queue {QUEUE} has room again: periodic tasks are sent."


@pytest.mark.redis
def test_a_queue_whose_length_nobody_tells_is_sent_to(app: Celery, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(queue: str) -> SimpleNamespace:
        raise RedisAway("refused")

    scheduler, sent = beat.Scheduler(app), []
    channel = SimpleNamespace(connection=app, queue_declare=away)
    monkeypatch.setattr(beat.Scheduler, "producer", SimpleNamespace(channel=channel))
    monkeypatch.setattr(scheduler, "apply_entry", lambda entry, producer: sent.append(entry.task))
    scheduler.tick()
    assert sorted(sent) == ["often", "too"]


@pytest.mark.redis
def test_an_outage_of_redis_that_a_task_failed_of_is_over_when_redis_is_back(app: Celery, server: RedisServer) -> None:
    app.conf.task_publish_retry_policy = {"max_retries": 1, "interval_start": 0, "interval_step": 0}
    redis, scheduler = Redis.from_url(app.conf.broker_url), beat.Scheduler(app)
    scheduler.tick()
    server.kill()
    ticks(scheduler, 3)
    server.start()
    ticks(scheduler, 3)
    assert redis.llen(QUEUE) > 0
