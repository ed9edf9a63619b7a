"""What is said while Redis is away: one line a minute, and never a traceback."""

from __future__ import annotations

import logging
import sys

import pytest
from redis.exceptions import ConnectionError as RedisAway

from igsite.broker import OneLineAMinute, redis_host


def record_of(error: BaseException) -> logging.LogRecord:
    try:
        raise error
    except type(error):
        return logging.LogRecord("x", logging.ERROR, "", 0, "Unexpected exception", (), sys.exc_info())


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


def test_a_unix_socket_has_no_keepalive() -> None:
    assert redis_host("unix:///run/redis.sock") == {"address": "unix:///run/redis.sock"}
    assert redis_host("redis://a/0")["socket_keepalive"] is True
