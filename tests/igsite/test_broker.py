"""What is said while Redis is away: one line a minute, and never a traceback."""

from __future__ import annotations

import logging
import ssl
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from billiard.common import restart_state
from celery import Celery
from kombu.connection import Connection
from kombu.exceptions import OperationalError
from kombu.transport.redis import Channel
from redis.connection import parse_url
from redis.exceptions import ConnectionError as RedisAway

from igsite.broker import BROKER_OPTIONS, OneLineAMinute, OneLineOfCelery, broker_url, redis_host
from igsite.celery import app as celery
from igsite.parsers import redis_url
from igsite.settings import LOGGING
from tests.processes import Site, wait_until
from tests.services import RedisServer


def record_of(error: BaseException, name: str = "x", said: str = "Unexpected exception") -> logging.LogRecord:
    try:
        raise error
    except type(error):
        return logging.LogRecord(name, logging.ERROR, "", 0, said, (), sys.exc_info())


def celery_says(*records: logging.LogRecord) -> list[logging.LogRecord]:
    """What is left of records once the handler of worker and beat, that of all processes, has filtered them."""
    assert LOGGING["handlers"]["console"]["filters"] == ["one_line_of_celery"]
    handler = logging.Handler()
    handler.addFilter(OneLineOfCelery())
    return [record for record in records if handler.filter(record)]


@pytest.mark.parametrize("error", [RedisAway("refused"), OSError("refused")])
def test_an_outage_is_one_line_a_minute(error: Exception) -> None:
    now = [0.0]
    quiet = OneLineAMinute(lambda: now[0])
    records = []
    for now[0] in (0.0, 1.0, 59.0, 60.0, 61.0):
        record = record_of(error)
        if quiet.filter(record):
            records.append(record)
    assert [record.getMessage() for record in records] == ["Redis is away, it is tried again each second: refused"] * 2
    assert all(record.exc_info is None and record.levelno == logging.WARNING for record in records)


def test_whatever_else_goes_wrong_is_told_in_full() -> None:
    quiet, record = OneLineAMinute(), record_of(ValueError("not msgpack"))
    assert quiet.filter(record)
    assert record.exc_info


def test_beat_and_worker_say_one_line_of_all_that_comes_of_an_outage() -> None:
    away = RedisAway("refused")
    beat = record_of(away, "celery.beat", "Message Error: refused\n['  File ...']")
    of_it = AttributeError("'NoneType' object has no attribute 'connection_errors'")
    of_it.__context__ = away
    first, *others = celery_says(beat, record_of(of_it, "celery.bootsteps"), record_of(away, "celery.worker"))
    assert others == []
    assert first.getMessage() == "Redis is away, it is tried again: Message Error: refused"
    assert first.exc_info is None


def test_a_redis_that_takes_connections_and_refuses_the_rest_is_one_line() -> None:
    refused = "consumer: Cannot connect to %s: %s.\n%s"
    arguments = ("redis://:**@a/0", "You can't write against a read only replica", "Trying to reconnect...")
    told = [logging.LogRecord("celery.worker.consumer", logging.ERROR, "", 0, refused, arguments, None) for _ in "123"]
    often = record_of(restart_state.RestartFreqExceeded("5 in 1s"), "celery.worker.consumer", "Frequent restarts")
    (first,) = celery_says(*told, often)
    assert first.getMessage() == (
        "Redis is away, it is tried again: consumer: Cannot connect to redis://:**@a/0:"
        " You can't write against a read only replica."
    )


def test_what_is_not_of_redis_or_not_of_celery_keeps_its_traceback() -> None:
    records = [record_of(OSError("disk"), "celery.app.trace"), record_of(RedisAway("refused"), "backtests.running")]
    assert all(record.exc_info for record in celery_says(*records))
    assert len(celery_says(*records)) == 2


def test_a_unix_socket_has_no_keepalive() -> None:
    assert redis_host("unix:///run/redis.sock") == {"address": "unix:///run/redis.sock"}
    assert redis_host("redis://a/0")["socket_keepalive"] is True


def as_kombu_connects(url: str) -> dict[str, Any]:
    connection = Connection(broker_url(redis_url(url)))  # type: ignore[no-untyped-call]
    assert connection.transport_cls in ("redis", "rediss")
    channel = Channel.__new__(Channel)
    channel.connection = SimpleNamespace(client=connection, default_port=6379)
    return dict(channel._connparams())  # type: ignore[no-untyped-call]


@pytest.mark.parametrize(
    "url",
    [
        "redis://127.0.0.1",
        "redis:///3",
        "redis://[::1]:7000/2",
        "redis://user:p%2Fw@host:6380/1",
        "redis://:a;b@host/?db=4&socket_timeout=3",
        "rediss://:word@host:6380/1",
        "unix:///run/redis.sock",
        "unix://user:p%2Fw@/run/a%20redis.sock?db=3",
        "unix:///run/redis.sock?db=3&password=se%2Fc;ret%2541",
        "redis://host/0?username=us%40er&password=p:w",
        "rediss://user@host/0?username=other&password=word",
    ],
)
def test_celery_connects_to_the_same_redis_as_the_channel_layer(url: str) -> None:
    usual = {"host": "127.0.0.1", "port": 6379, "db": 0, "path": None, "username": None, "password": None}
    ours = {**usual, **as_kombu_connects(url)}
    others = {**usual, **parse_url(url)}  # type: ignore[no-untyped-call]
    assert {name: ours[name] for name in usual} == {name: others[name] for name in usual}


def test_celery_verifies_a_certificate_unless_the_address_says_otherwise() -> None:
    assert as_kombu_connects("rediss://host")["ssl_cert_reqs"] == ssl.CERT_REQUIRED
    said = as_kombu_connects("rediss://host/0?ssl_cert_reqs=none&ssl_ca_certs=/etc/ca.pem")
    assert (said["ssl_cert_reqs"], said["ssl_ca_certs"]) == (ssl.CERT_NONE, "/etc/ca.pem")


@pytest.mark.redis
def test_a_task_arrives_over_a_unix_socket(site: Site, tmp_path: Path) -> None:
    path, celery = tmp_path / "redis.sock", ("celery", "-A", "igsite")
    redis = RedisServer(tmp_path, "--unixsocket", str(path))
    redis.start()
    try:
        worker = site.start_program(
            *celery, "worker", "--pool", "solo", "--loglevel", "INFO", REDIS_URL=f"unix://{path}"
        )
        site.start_program(*celery, "call", "access.tasks.forget_audit", REDIS_URL=f"unix://{path}")
        wait_until(lambda: "access.tasks.forget_audit" in worker.log().partition("ready.")[2], "the task")
        assert worker.stop() == 0
    finally:
        redis.end()


def test_who_sends_without_redis_hears_it_at_once() -> None:
    """A request that queues a backtest holds a thread of the database meanwhile."""
    pauses: list[str] = []
    options = {**BROKER_OPTIONS, "callback": lambda: pauses.append("one more second")}
    with Celery(broker="redis://127.0.0.1:1/0", set_as_current=False) as app:
        app.conf.broker_transport_options = options
        for _ in range(2):
            with pytest.raises(OperationalError):
                app.send_task("any", retry=False)
    assert pauses == []


def test_worker_and_beat_wait_for_redis_for_ever() -> None:
    assert celery.conf.broker_connection_max_retries is None
