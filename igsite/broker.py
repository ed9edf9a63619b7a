"""The broker, Redis: how its absence is noticed, and how much is said about it."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import SplitResult, parse_qsl, quote, urlencode, urlsplit

from igsite.log_limits import Seldom

#: A host that vanished without a word is noticed after so long, instead of the quarter of an hour that TCP takes.
_NOTICE_SECONDS = 15

#: A broker that hangs, or is not there, is an error for who asks it, soon: a request that queues a backtest for one.
#: Without `max_retries` kombu pauses between attempts of its own, also where whoever sends wants none. Worker and beat
#: say themselves how often they try to connect.
BROKER_OPTIONS = {"socket_connect_timeout": 5, "socket_timeout": 10, "max_retries": 0}

#: The channel layer tries again each second, Celery every few; each would tell each time.
_SAY_AGAIN_SECONDS = 60.0

#: How Celery words, without the error itself, that a worker has no connection. The waits between these lines grow, but
#: not where Redis takes connections and refuses the rest.
_NO_CONNECTION = "consumer: Cannot connect to"


def redis_host(url: str) -> dict[str, Any]:
    """A host of the channel layer, as channels_redis takes it."""
    if url.startswith("unix://"):
        return {"address": url}
    options = {
        "TCP_KEEPIDLE": 5,
        "TCP_KEEPINTVL": 5,
        "TCP_KEEPCNT": 2,
        "TCP_USER_TIMEOUT": _NOTICE_SECONDS * 1000,
    }
    known = {getattr(socket, name): value for name, value in options.items() if hasattr(socket, name)}
    return {"address": url, "socket_keepalive": True, "socket_keepalive_options": known, "socket_connect_timeout": 5}


def broker_url(url: str) -> str:
    """The same Redis for kombu, which knows no scheme `unix`, verifies no certificate unless it is told to, and fails
    of the other options that redis-py takes of an address."""
    parts = urlsplit(url.replace(";", "%3B"))  # to kombu the address of another broker begins behind it
    options = dict(parse_qsl(parts.query))
    if parts.scheme == "unix":
        database = urlencode({"virtual_host": options.get("db", "0")})
        return f"redis+socket://{_place(parts, options)}{parts.path}?{database}"
    address = f"{parts.scheme}://{_place(parts, options)}/{options.get('db') or _database(parts.path)}"
    if parts.scheme == "redis":
        return address
    tls = {name: value for name, value in options.items() if name.startswith("ssl_")}
    return f"{address}?{urlencode({'ssl_cert_reqs': 'required', **tls})}"


def _place(parts: SplitResult, options: dict[str, str]) -> str:
    """The host, behind who logs in: as redis-py finds it, in the options too."""
    user = parts.username or quote(options.get("username", ""), safe="")
    word = parts.password or quote(options.get("password", ""), safe="")
    host = parts.netloc.rpartition("@")[2]
    return f"{user}:{word}@{host}" if user or word else host


def _database(path: str) -> str:
    """The number of the database in a path, as redis-py finds it."""
    number = path.replace("/", "")
    return number if number.isdecimal() else "0"


class OneLineAMinute(Seldom):
    """Makes one line a minute of the tracebacks that the channel layer writes while Redis is away."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__(_SAY_AGAIN_SECONDS, now)

    def filter(self, record: logging.LogRecord) -> bool:
        from redis.exceptions import RedisError  # who has a line to filter has loaded it

        error = record.exc_info[1] if record.exc_info else None
        if not isinstance(error, (OSError, RedisError)):
            return True
        if not self.is_due():
            return False
        self.make_line(record, "Redis is away, it is tried again each second: %s", error)
        return True


class OneLineOfCelery(Seldom):
    """Makes one line a minute of what worker and beat write while Redis is away, or refuses what they ask."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__(_SAY_AGAIN_SECONDS, now)

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        of_celery = record.name.startswith(("celery", "kombu"))
        if not of_celery or not (_is_of_redis(error) or str(record.msg).startswith(_NO_CONNECTION)):
            return True
        if not self.is_due():
            return False
        said = record.getMessage().partition("\n")[0]  # beat writes a second stack behind its line
        self.make_line(record, "Redis is away, it is tried again: %s", said)
        return True


def _is_of_redis(error: BaseException | None) -> bool:
    """Whether Redis failed, or this came of it: Celery fails in other ways while it cleans up behind that."""
    if error is None:
        return False
    from billiard.common import restart_state
    from redis.exceptions import RedisError  # who has a line to filter has loaded it

    while error is not None:
        # A Redis that refuses all it is asked is there at once whenever a worker connects again.
        if isinstance(error, (RedisError, restart_state.RestartFreqExceeded)):
            return True
        error = error.__cause__ or error.__context__
    return False
