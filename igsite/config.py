"""Every setting of Market Camera: name, default, bounds and meaning; the only reader of the environment."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from igsite import parsers
from igsite.parsers import BASE_DIR, LOCALHOST
from igsite.unused_names import UNUSED, unused_names
from runtime.addresses import Network


class ConfigError(Exception):
    """The environment cannot be used; the text lists every problem."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__(f"Market Camera cannot start, {count} in its settings:\n  " + "\n  ".join(problems))


def _setting(env: str, default: Any, parse: Callable[[str], Any], help: str, *, secret: bool = False) -> Any:
    return field(default=default, metadata={"env": env, "parse": parse, "help": help, "secret": secret})


_MEBI = 1 << 20

#: What deploy/market-camera.env has where a secret is to be put.
_EXAMPLE_SECRET = "change-me"


@dataclass(frozen=True)
class Config:
    """All settings; a field's metadata holds its environment name, parser and help text."""

    store_dir: Path = _setting(
        "IG_CAM_STORE_DIR", BASE_DIR / "data" / "ig_cam", parsers.path, "root directory of the store"
    )
    cam_w: int = _setting("IG_CAM_W", 300, parsers.integer(1, 100_000), "length of the camera's window, in ticks")
    cam_stride: int = _setting("IG_CAM_STRIDE", 10, parsers.integer(1, 100_000), "ticks between two frames")
    cam_edge_cap: int = _setting(
        "IG_CAM_EDGE_CAP", 2000, parsers.integer(0, 1_000_000), "maximum number of edges in a frame"
    )
    cam_prox_eps_pct: float = _setting(
        "IG_CAM_PROX_EPS_PCT",
        0.003,
        parsers.number(0, 1),
        "largest distance of neighbouring quotes, as a fraction of the mid",
    )
    cam_segment_seconds: float = _setting(
        "IG_CAM_SEGMENT_SECONDS", 300, parsers.number(1, 86_400), "length of a segment, in seconds"
    )
    cam_zstd_level: int = _setting(
        "IG_CAM_ZSTD_LEVEL", 3, parsers.integer(1, 22), "zstd compression level of the recording"
    )
    cam_metric_downsample: int = _setting(
        "IG_CAM_METRIC_DOWNSAMPLE", 1, parsers.integer(1, 100_000), "N, to make a metric every N-th tick"
    )
    seed: int = _setting("IG_SEED", 0, parsers.integer(0, 2**63 - 1), "seed of the simulator")
    adjust_interval: int = _setting(
        "IG_ADJUST_INTERVAL",
        2000,
        parsers.integer(1, 1_000_000_000),
        "ticks between the points at which agents may join or leave",
    )
    bind: str = _setting(
        "IG_BIND",
        LOCALHOST,
        parsers.bind,
        "address to listen on: localhost is this machine only, 0.0.0.0 is all of IPv4, :: is everything",
    )
    port: int = _setting("PORT", 8000, parsers.integer(1, 65_535), "port to listen on")
    symbol: str = _setting("IG_SYMBOL", "IG-USD", parsers.symbol, "symbol of the market")
    source: str = _setting(
        "IG_SOURCE",
        "simulator",
        parsers.source,
        "simulator, file:PATH (ticks as NDJSON, plain or .zst) or ws://… (another server)",
    )
    tick_interval: float = _setting(
        "IG_TICK_INTERVAL", 0.1, parsers.number(0, 86_400, above=True), "market seconds per tick"
    )
    speed: float = _setting(
        "IG_SPEED", 1, parsers.number(0, 1e6), "market seconds per real second; 0 is as fast as possible"
    )
    retain_disk_percent: float = _setting(
        "IG_RETAIN_DISK_PERCENT", 80, parsers.number(1, 100), "disk use that starts a clean-up, in percent"
    )
    retain_target_percent: float = _setting(
        "IG_RETAIN_TARGET_PERCENT", 70, parsers.number(0, 100), "disk use at which a clean-up stops, in percent"
    )
    retain_min_segments: int = _setting(
        "IG_RETAIN_MIN_SEGMENTS",
        10,
        parsers.integer(0, 1_000_000),
        "number of finished segments of each kind that are always kept",
    )
    retain_min_days: float = _setting(
        "IG_RETAIN_MIN_DAYS", 1, parsers.number(0, 36_500), "segments younger than this are kept, whatever the disk use"
    )
    retain_max_days: float = _setting(
        "IG_RETAIN_MAX_DAYS", 0, parsers.number(0, 36_500), "segments older than this are removed; 0 is off"
    )
    flush_seconds: float = _setting(
        "IG_FLUSH_SECONDS", 1, parsers.number(0, 60), "written data reaches the file within this time"
    )
    ring_ticks: int = _setting(
        "IG_RING_TICKS", 10_000, parsers.integer(1, 10_000_000), "number of ticks kept in memory for each market"
    )
    ring_bytes: int = _setting(
        "IG_RING_BYTES", 256 * _MEBI, parsers.integer(_MEBI, 1 << 40), "bytes kept in memory for each market"
    )
    outbox_bytes: int = _setting(
        "IG_OUTBOX_BYTES", _MEBI, parsers.integer(1024, 1 << 30), "bytes that may wait for one client"
    )
    max_connections: int = _setting(
        "IG_MAX_CONNECTIONS",
        1000,
        parsers.integer(1, 1_000_000),
        "maximum number of stream and bar-feed sockets per process",
    )
    max_connections_per_address: int = _setting(
        "IG_MAX_CONNECTIONS_PER_ADDRESS",
        100,
        parsers.integer(1, 1_000_000),
        "maximum number of stream and bar-feed sockets per address and process",
    )
    max_requests: int = _setting(
        "IG_MAX_REQUESTS", 256, parsers.integer(1, 1_000_000), "maximum number of HTTP requests in progress per process"
    )
    max_requests_per_address: int = _setting(
        "IG_MAX_REQUESTS_PER_ADDRESS",
        64,
        parsers.integer(1, 1_000_000),
        "maximum number of HTTP requests in progress per address and process",
    )
    client_memory_mb: int = _setting(
        "IG_CLIENT_MEMORY_MB",
        0,
        parsers.integer(0, 1 << 24),
        "memory for clients per process, in MiB; 0 is half of what the process can get",
    )
    pool_threads: int = _setting(
        "IG_POOL_THREADS", 2, parsers.integer(1, 64), "number of threads for each kind of slow work"
    )
    trusted_proxies: tuple[Network, ...] = _setting(
        "IG_TRUSTED_PROXIES",
        (),
        parsers.networks,
        "addresses or networks of the proxies that may name the client's address",
    )
    forwarded_header: str | None = _setting(
        "IG_FORWARDED_HEADER",
        None,
        parsers.header,
        "header in which they name it; unset is X-Forwarded-For, or Forwarded if that is missing",
    )
    stream_types: tuple[str, ...] = _setting(
        "IG_STREAM_TYPES",
        ("tick", "metric", "frame"),
        parsers.stream_types,
        "types sent to a stream that asks for none, separated by commas",
    )
    stall_seconds: float = _setting(
        "IG_STALL_SECONDS", 30, parsers.number(0.5, 3600), "a client that reads nothing for this long is cut off"
    )
    permessage_deflate: bool = _setting(
        "IG_PERMESSAGE_DEFLATE",
        False,
        parsers.switch,
        "1 compresses messages for sockets that offer permessage-deflate",
    )
    socket_frames_a_second: int = _setting(
        "IG_SOCKET_FRAMES_A_SECOND",
        1000,
        parsers.integer(1, 1_000_000),
        "maximum number of WebSocket frames of any kind per second and client",
    )
    api_connections: int = _setting(
        "IG_API_CONNECTIONS", 1000, parsers.integer(1, 1_000_000), "maximum number of subscribe sockets per process"
    )
    api_messages_a_second: int = _setting(
        "IG_API_MESSAGES_A_SECOND",
        100,
        parsers.integer(1, 100_000),
        "maximum number of messages from a subscribe client in any one second",
    )
    api_subscriptions: int = _setting(
        "IG_API_SUBSCRIPTIONS", 50, parsers.integer(1, 100_000), "maximum number of subscriptions per connection"
    )
    api_idle_seconds: float = _setting(
        "IG_API_IDLE_SECONDS",
        30,
        parsers.number(1, 86_400),
        "a connection without message and subscription is closed after this time",
    )
    status_seconds: float = _setting(
        "IG_STATUS_SECONDS", 30, parsers.number(5, 3600), "time between two reports of a healthy component"
    )
    alert_memory_percent: float = _setting(
        "IG_ALERT_MEMORY_PERCENT",
        80,
        parsers.number(0, 100, above=True),
        "memory use of the machine that raises an alert, in percent",
    )
    strategies: tuple[str, ...] = _setting(
        "IG_STRATEGIES",
        ("backtests.strategies",),
        parsers.modules,
        "modules with strategies for backtests, separated by commas",
    )
    feed_token: str | None = _setting(
        "IG_FEED_TOKEN", None, parsers.text, "token that bar-feed clients must send; unset asks for none", secret=True
    )
    start_ts: float | None = _setting(
        "IG_START_TS", None, parsers.moment, "start_ts of a new run, in Unix seconds; unset is now"
    )
    max_time_step_seconds: float = _setting(
        "IG_MAX_TIME_STEP_SECONDS",
        86_400,
        parsers.number(0, 1e10),
        "largest step of a tape's ts between two ticks, in either direction; 0 is any step",
    )
    database_url: str | None = _setting(
        "DATABASE_URL", None, parsers.text, "postgres://… or sqlite:///PATH; unset is SQLite in data/", secret=True
    )
    redis_url: str | None = _setting(
        "REDIS_URL",
        None,
        parsers.redis_url,
        "redis://…; unset is an in-memory channel layer, for one process",
        secret=True,
    )
    secret_key: str | None = _setting(
        "IG_SECRET_KEY",
        None,
        parsers.text,
        "key that signs admin sessions; if unset, one is generated and kept in data/",
        secret=True,
    )
    allowed_hosts: tuple[str, ...] = _setting(
        "IG_ALLOWED_HOSTS",
        (),
        parsers.hosts,
        "host names the server answers to, separated by commas; `*` is any; none means this machine's names at IG_BIND",
    )
    tls: bool = _setting(
        "IG_TLS",
        False,
        parsers.switch,
        "1 means that a proxy speaks TLS: secure cookies, HSTS, HTTP redirects to HTTPS",
    )
    debug: bool = _setting("IG_DEBUG", False, parsers.switch, "1 shows Django's error pages (development only)")

    @property
    def database(self) -> dict[str, Any]:
        """The `DATABASES` entry."""
        default = f"sqlite:///{BASE_DIR / 'data' / 'market_camera.sqlite3'}"
        return parsers.database(self.database_url or default)


def load(environ: Mapping[str, str]) -> Config:
    """The settings in `environ`; an empty value counts as unset. Raises ConfigError with every problem."""
    problems = []
    values: dict[str, Any] = {}
    known = {setting.metadata["env"]: setting for setting in fields(Config)}
    for env, setting in known.items():
        text = environ.get(env, "").strip()
        if not text:
            continue
        try:
            values[setting.name] = setting.metadata["parse"](text)
        except ValueError as error:
            got = "" if setting.metadata["secret"] else f", got {text[:80]!r}"
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
            f"{setting.metadata['env']} still holds {_EXAMPLE_SECRET}, which everybody can read in the example"
            for setting in fields(Config)
            if setting.metadata["secret"] and _EXAMPLE_SECRET in (getattr(config, setting.name) or "")
        ]
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
    for setting in fields(Config):
        if setting.name in changes:
            try:
                values[setting.name] = setting.metadata["parse"](changes[setting.name])
            except ValueError as error:
                problems.append(f"--{setting.name.replace('_', '-')} {error}, got {changes[setting.name][:80]!r}")
    if problems:
        raise ConfigError(problems)
    return replace(config, **values)


def settings_table() -> str:
    """Every setting as a Markdown table, as it stands in docs/settings.md."""
    rows = ["| name | default | meaning |", "|---|---|---|"]
    for setting in fields(Config):
        default = setting.default
        if default is None:
            shown = "unset"
        elif isinstance(default, Path):
            shown = f"`{default.relative_to(BASE_DIR)}`"
        elif isinstance(default, tuple):
            shown = f"`{', '.join(map(str, default))}`" if default else "none"
        else:
            shown = f"`{int(default)}`" if isinstance(default, bool) else f"`{default}`"
        rows.append(f"| `{setting.metadata['env']}` | {shown} | {setting.metadata['help']} |")
    return "\n".join(rows) + "\n"
