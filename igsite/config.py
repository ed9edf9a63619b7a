"""Every setting of Market Camera: name, default, bounds and meaning; the only reader of the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from igsite import parsers
from igsite.market_settings import MarketSettings, setting
from igsite.parsers import BASE_DIR
from igsite.unused_names import UNUSED, unused_names
from runtime.addresses import Network


class ConfigError(Exception):
    """The environment cannot be used; the text lists every problem."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__(f"Market Camera cannot start, {count} in its settings:\n  " + "\n  ".join(problems))


_MEBI = 1 << 20

#: What deploy/market-camera.env has where a secret is to be put.
_EXAMPLE_SECRET = "change-me"


@dataclass(frozen=True)
class Config(MarketSettings):
    """All settings: those of the market and its recording, and these of the service.

    A field's metadata holds its environment name, parser and help text.
    """

    ring_ticks: int = setting(
        "IG_RING_TICKS", 10_000, parsers.integer(1, 10_000_000), "number of ticks kept in memory for each market"
    )
    ring_bytes: int = setting(
        "IG_RING_BYTES", 256 * _MEBI, parsers.integer(_MEBI, 1 << 40), "bytes kept in memory for each market"
    )
    outbox_bytes: int = setting(
        "IG_OUTBOX_BYTES", _MEBI, parsers.integer(1024, 1 << 30), "bytes that may wait for one client"
    )
    max_connections: int = setting(
        "IG_MAX_CONNECTIONS",
        1000,
        parsers.integer(1, 1_000_000),
        "maximum number of stream and bar-feed sockets per process",
    )
    max_connections_per_address: int = setting(
        "IG_MAX_CONNECTIONS_PER_ADDRESS",
        100,
        parsers.integer(1, 1_000_000),
        "maximum number of stream and bar-feed sockets per address and process",
    )
    max_replays: int = setting(
        "IG_MAX_REPLAYS", 100, parsers.integer(0, 1_000_000), "maximum number of replays of the past per process"
    )
    max_requests: int = setting(
        "IG_MAX_REQUESTS", 256, parsers.integer(1, 1_000_000), "maximum number of HTTP requests in progress per process"
    )
    max_requests_per_address: int = setting(
        "IG_MAX_REQUESTS_PER_ADDRESS",
        64,
        parsers.integer(1, 1_000_000),
        "maximum number of HTTP requests in progress per address and process",
    )
    client_memory_mb: int = setting(
        "IG_CLIENT_MEMORY_MB",
        0,
        parsers.integer(0, 1 << 24),
        "memory for clients per process, in MiB; 0 is half of what the process can get",
    )
    pool_threads: int = setting(
        "IG_POOL_THREADS", 2, parsers.integer(1, 64), "number of threads for each kind of slow work"
    )
    cold_cache_bytes: int = setting(
        "IG_COLD_CACHE_BYTES",
        1024 * _MEBI,
        parsers.integer(16 * _MEBI, 1 << 50),
        "disk space for parts of the bucket that were read lately, in the store",
    )
    trusted_proxies: tuple[Network, ...] = setting(
        "IG_TRUSTED_PROXIES",
        (),
        parsers.networks,
        "addresses or networks of the proxies that may name the client's address",
    )
    forwarded_header: str | None = setting(
        "IG_FORWARDED_HEADER",
        None,
        parsers.header,
        "header in which they name it; unset is X-Forwarded-For, or Forwarded if that is missing",
    )
    stream_types: tuple[str, ...] = setting(
        "IG_STREAM_TYPES",
        ("tick", "metric", "frame"),
        parsers.stream_types,
        "types sent to a stream that asks for none, separated by commas",
    )
    task_queue: str = setting(
        "IG_TASK_QUEUE",
        "celery",
        parsers.queue,
        "Celery's queue of periodic tasks, which beat and worker of a machine share; each disk needs one of its own;"
        " backtests wait in `<queue>.backtests`",
    )
    export_dir: Path | None = setting(
        "IG_EXPORT_DIR", None, parsers.path, "folder in which tables of every market are kept current; unset is none"
    )
    export_seconds: float = setting(
        "IG_EXPORT_SECONDS", 3600, parsers.number(10, 86_400), "time from one export to IG_EXPORT_DIR to the next"
    )
    stall_seconds: float = setting(
        "IG_STALL_SECONDS", 30, parsers.number(0.5, 3600), "a client that reads nothing for this long is cut off"
    )
    drain_seconds: float = setting(
        "IG_DRAIN_SECONDS", 0, parsers.number(0, 600), "time from SIGTERM, when `/healthz/ready` turns 503, to the stop"
    )
    permessage_deflate: bool = setting(
        "IG_PERMESSAGE_DEFLATE",
        False,
        parsers.switch,
        "1 compresses messages for sockets that offer permessage-deflate",
    )
    socket_frames_a_second: int = setting(
        "IG_SOCKET_FRAMES_A_SECOND",
        1000,
        parsers.integer(1, 1_000_000),
        "maximum number of WebSocket frames of any kind per second and client",
    )
    api_connections: int = setting(
        "IG_API_CONNECTIONS", 1000, parsers.integer(1, 1_000_000), "maximum number of subscribe sockets per process"
    )
    api_messages_a_second: int = setting(
        "IG_API_MESSAGES_A_SECOND",
        100,
        parsers.integer(1, 100_000),
        "maximum number of messages from a subscribe client in any one second",
    )
    api_subscriptions: int = setting(
        "IG_API_SUBSCRIPTIONS", 50, parsers.integer(1, 100_000), "maximum number of subscriptions per connection"
    )
    api_idle_seconds: float = setting(
        "IG_API_IDLE_SECONDS",
        30,
        parsers.number(1, 86_400),
        "a connection without message and subscription is closed after this time",
    )
    status_seconds: float = setting(
        "IG_STATUS_SECONDS", 30, parsers.number(5, 3600), "time between two reports of a healthy component"
    )
    alert_memory_percent: float = setting(
        "IG_ALERT_MEMORY_PERCENT",
        80,
        parsers.number(0, 100, above=True),
        "memory use of the machine that raises an alert, in percent",
    )
    strategies: tuple[str, ...] = setting(
        "IG_STRATEGIES",
        ("backtests.strategies",),
        parsers.modules,
        "modules with strategies for backtests, separated by commas",
    )
    agent_url: str | None = setting(
        "IG_AGENT_URL",
        None,
        parsers.agent_url,
        "address of a page about an agent, with `{name}` for its name, to which the page links",
    )
    feed_token: str | None = setting(
        "IG_FEED_TOKEN", None, parsers.text, "token that bar-feed clients must send; unset asks for none", secret=True
    )
    start_ts: float | None = setting(
        "IG_START_TS", None, parsers.moment, "start_ts of a new run, in Unix seconds; unset is now"
    )
    max_time_step_seconds: float = setting(
        "IG_MAX_TIME_STEP_SECONDS",
        86_400,
        parsers.number(0, 1e10),
        "largest step of a tape's ts between two ticks, in either direction, or of one row of a table; 0 is any step",
    )
    database_url: str | None = setting(
        "DATABASE_URL", None, parsers.text, "postgres://… or sqlite:///PATH; unset is SQLite in data/", secret=True
    )
    redis_url: str | None = setting(
        "REDIS_URL",
        None,
        parsers.redis_url,
        "redis://…; unset is an in-memory channel layer, for one process",
        secret=True,
    )
    secret_key: str | None = setting(
        "IG_SECRET_KEY",
        None,
        parsers.text,
        "key that signs admin sessions; if unset, one is generated and kept in data/",
        secret=True,
    )
    allowed_hosts: tuple[str, ...] = setting(
        "IG_ALLOWED_HOSTS",
        (),
        parsers.hosts,
        "host names the server answers to, separated by commas; `*` is any; none means this machine's names at IG_BIND",
    )
    tls: bool = setting(
        "IG_TLS",
        False,
        parsers.switch,
        "1 means that a proxy speaks TLS: secure cookies, HSTS, HTTP redirects to HTTPS",
    )
    debug: bool = setting("IG_DEBUG", False, parsers.switch, "1 shows Django's error pages (development only)")

    @property
    def database(self) -> dict[str, Any]:
        """The `DATABASES` entry."""
        if self.database_url:
            return parsers.database(self.database_url)
        return parsers.sqlite(str(BASE_DIR / "data" / "market_camera.sqlite3"))


def load(environ: Mapping[str, str]) -> Config:
    """The settings in `environ`; an empty value counts as unset. Raises ConfigError with every problem."""
    problems = []
    values: dict[str, Any] = {}
    known = {one.metadata["env"]: one for one in fields(Config)}
    for env, one in known.items():
        text = environ.get(env, "").strip()
        if not text:
            continue
        try:
            values[one.name] = one.metadata["parse"](text)
        except ValueError as error:
            got = "" if one.metadata["secret"] else f", got {text[:80]!r}"
            problems.append(f"{env} {error}{got}")
    problems += [
        f"{env} is not a setting of Market Camera"
        for env in sorted(environ)
        if env.startswith("IG_") and env not in known and env not in UNUSED
    ]
    config = Config(**values)
    problems += _contradictions(config)
    if problems:
        raise ConfigError(problems)
    return config


def _contradictions(config: Config) -> list[str]:
    """What is wrong between settings that are each right alone."""
    problems = []
    if config.retain_target_percent > config.retain_disk_percent:
        problems.append(
            f"IG_RETAIN_TARGET_PERCENT ({config.retain_target_percent:g}) must not be above"
            f" IG_RETAIN_DISK_PERCENT ({config.retain_disk_percent:g})"
        )
    if config.redis_url:  # several processes and often several hosts: what everybody knows must be nobody's secret
        problems += [
            f"{one.metadata['env']} still holds {_EXAMPLE_SECRET}, which everybody can read in the example"
            for one in fields(Config)
            if one.metadata["secret"] and _EXAMPLE_SECRET in (getattr(config, one.name) or "")
        ]
    # Of the default too, the project's own directory: a byte that is not UTF-8 is one of these letters.
    if any("\udc80" <= letter <= "\udcff" for letter in str(config.store_dir)):
        problems.append(f"IG_CAM_STORE_DIR must be a path whose names are UTF-8, it is {str(config.store_dir)!r}")
    if config.database_url:
        try:
            parsers.database(config.database_url)
        except ValueError as error:
            problems.append(f"DATABASE_URL {error}")
    return problems


def from_environment() -> Config:
    """The settings of this process. Raises ConfigError."""
    return load(os.environ)


def without_effect() -> list[str]:
    """The names in this process's environment that are accepted and have no effect."""
    return unused_names(os.environ)


def with_changes(config: Config, changes: Mapping[str, str]) -> Config:
    """The settings with some given anew, as text, on a command line. Raises ConfigError."""
    problems = []
    values: dict[str, Any] = {}
    for one in fields(Config):
        if one.name in changes:
            try:
                values[one.name] = one.metadata["parse"](changes[one.name])
            except ValueError as error:
                problems.append(f"--{one.name.replace('_', '-')} {error}, got {changes[one.name][:80]!r}")
    if problems:
        raise ConfigError(problems)
    return replace(config, **values)
