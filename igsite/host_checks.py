"""Checks of the host: whether what the settings name is there and answers, before anything is started on it."""

from __future__ import annotations

import resource
from collections.abc import Iterable, Iterator
from pathlib import Path

import redis
from django.core.checks import CheckMessage, Error, Warning
from django.db import Error as DatabaseError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from igsite.clock_check import clock
from igsite.config import Config
from igsite.files_check import settings_file, store_owner
from igsite.port_checks import certificate, taken_ports
from recorder.retention import disk_use, retention_settings
from recorder.retention_policy import is_full
from runtime.db_threads import detached
from server.admission.descriptors import capacity, wanted

_SOMAXCONN = Path("/proc/sys/net/core/somaxconn")
_BACKLOG = 1024
_REDIS_SECONDS = 5.0


def host_checks(config: Config, settings: Path, ports: Iterable[int]) -> Iterator[CheckMessage]:
    """igsite.E001 to E004 for what would keep Market Camera from running, W007 to W014 for what would limit or endanger
    it. `settings` is the file that the units read, `ports` are those of the web processes."""
    yield from settings_file(settings)
    yield from _database()
    yield from _one_writer(config)
    yield from _redis(config)
    yield from store_owner(config.store_dir)
    yield from _disk(config)
    yield from _descriptors(config)
    yield from _backlog()
    yield from taken_ports(ports)
    yield from certificate(config)
    yield from clock()


def _database() -> Iterator[CheckMessage]:
    try:
        missing = detached(_unapplied)
    except DatabaseError as error:
        hint = "Start it, or correct DATABASE_URL."
        yield Error(f"The database cannot be used: {str(error).strip()}", hint=hint, id="igsite.E001")
        return
    if missing:
        hint = "Run `manage.py migrate`."
        yield Error(f"{missing} migrations are not applied to the database.", hint=hint, id="igsite.E001")


def _unapplied() -> int:
    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def _one_writer(config: Config) -> Iterator[CheckMessage]:
    if config.redis_url and connection.vendor == "sqlite":
        yield Warning(
            "REDIS_URL says that there are several processes, and DATABASE_URL is SQLite, which only one at a time can"
            " write: the others wait, and fail where that takes long.",
            hint="Set DATABASE_URL to a PostgreSQL (docs/operations.md), or run one process (manage.py live).",
            id="igsite.W014",
        )


def _redis(config: Config) -> Iterator[CheckMessage]:
    if not config.redis_url:
        yield Warning(
            "REDIS_URL is not set: the market and its web server must be one process (manage.py live).",
            hint="Set REDIS_URL for markets, web processes and workers of their own.",
            id="igsite.W007",
        )
        return
    try:
        _ping(config.redis_url)
    # The last two are of an address: a host that none can be called, an option that redis-py does not know.
    except (redis.RedisError, ValueError, TypeError) as error:
        yield Error(f"Redis cannot be used: {error}", hint="Start it, or correct REDIS_URL.", id="igsite.E002")


def _ping(url: str) -> None:
    with redis.Redis.from_url(url, socket_connect_timeout=_REDIS_SECONDS, socket_timeout=_REDIS_SECONDS) as client:
        client.ping()


def _disk(config: Config) -> Iterator[CheckMessage]:
    try:
        use = disk_use(config.store_dir)
    except OSError:
        return  # recorder.E001 tells of it
    if is_full(use, retention_settings(config)):
        yield Warning(
            f"The disk of the store is {round(use.percent, 1):g} % full:"
            " the clean-up begins at once to remove old segments.",
            hint=f"Free some space, or raise IG_RETAIN_DISK_PERCENT ({config.retain_disk_percent:g}).",
            id="igsite.W008",
        )


def _descriptors(config: Config) -> Iterator[CheckMessage]:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = wanted(config).within_memory()
    if hard != resource.RLIM_INFINITY and capacity(hard, allowed).sockets < allowed.all_sockets:
        yield Warning(
            f"{hard} file descriptors are fewer than {allowed.all_sockets} WebSockets need.",
            hint="Raise the hard limit (LimitNOFILE= in the unit, ulimit -Hn).",
            id="igsite.W009",
        )


def _backlog() -> Iterator[CheckMessage]:
    if _SOMAXCONN.exists() and (backlog := int(_SOMAXCONN.read_text())) < _BACKLOG:
        yield Warning(
            f"net.core.somaxconn is {backlog}: of a thousand clients that come at once, some are refused.",
            hint=f"sysctl -w net.core.somaxconn={_BACKLOG}",
            id="igsite.W010",
        )
