"""The settings of a market and of its recording."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from camera.edge_cut import EDGE_ORDERS, MIXED
from igsite import parsers
from igsite.parsers import BASE_DIR, LOCALHOST


def setting(env: str, default: Any, parse: Callable[[str], Any], help: str, *, secret: bool = False) -> Any:
    return field(default=default, metadata={"env": env, "parse": parse, "help": help, "secret": secret})


@dataclass(frozen=True)
class MarketSettings:
    """A field's metadata holds its environment name, parser and help text."""

    store_dir: Path = setting(
        "IG_CAM_STORE_DIR", BASE_DIR / "data" / "ig_cam", parsers.path, "root directory of the store"
    )
    cam_w: int = setting("IG_CAM_W", 300, parsers.integer(1, 100_000), "length of the camera's window, in ticks")
    cam_stride: int = setting("IG_CAM_STRIDE", 10, parsers.integer(1, 100_000), "ticks between two frames")
    cam_edge_cap: int = setting(
        "IG_CAM_EDGE_CAP", 2000, parsers.integer(0, 1_000_000), "maximum number of edges in a frame"
    )
    cam_node_cap: int = setting(
        "IG_CAM_NODE_CAP",
        5000,
        parsers.integer(1, 65_536),
        "maximum number of nodes in a frame: the most active agents of the window",
    )
    cam_prox_eps_pct: float = setting(
        "IG_CAM_PROX_EPS_PCT",
        0.003,
        parsers.number(0, 1),
        "largest distance of neighbouring quotes, as a fraction of the mid",
    )
    cam_edge_order: str = setting(
        "IG_CAM_EDGE_ORDER",
        MIXED,
        parsers.one_of(*EDGE_ORDERS),
        "which of equally strong pairs are edges where not all are: mixed favours nobody, id favours low agent ids",
    )
    cam_type_share: float = setting(
        "IG_CAM_TYPE_SHARE",
        0.25,
        parsers.number(0, 0.5),
        "in the mixed order, the share of a frame's edges that each type has if it has as many pairs",
    )
    cam_segment_seconds: float = setting(
        "IG_CAM_SEGMENT_SECONDS", 300, parsers.number(1, 86_400), "length of a segment, in seconds"
    )
    cam_zstd_level: int = setting(
        "IG_CAM_ZSTD_LEVEL", 3, parsers.integer(1, 22), "zstd compression level of the recording"
    )
    cam_metric_downsample: int = setting(
        "IG_CAM_METRIC_DOWNSAMPLE", 1, parsers.integer(1, 100_000), "N, to make a metric every N-th tick"
    )
    seed: int = setting("IG_SEED", 0, parsers.integer(0, 2**63 - 1), "seed of the simulator")
    adjust_interval: int = setting(
        "IG_ADJUST_INTERVAL",
        2000,
        parsers.integer(1, 1_000_000_000),
        "ticks between the points at which agents may join or leave",
    )
    bind: str = setting(
        "IG_BIND",
        LOCALHOST,
        parsers.bind,
        "address to listen on: localhost is this machine only, 0.0.0.0 is all of IPv4, :: is everything",
    )
    port: int = setting("PORT", 8000, parsers.integer(1, 65_535), "port to listen on")
    symbol: str = setting(
        "IG_SYMBOL", "IG-USD", parsers.symbol, "symbol of the market at the store's root; see \"A store's market\""
    )
    source: str = setting(
        "IG_SOURCE",
        "simulator",
        parsers.source,
        "where ticks come from: simulator, orderbook, file:PATH, stdin, ws://… and more ([sources.md](sources.md))",
    )
    tick_interval: float = setting(
        "IG_TICK_INTERVAL", 0.1, parsers.number(0, 86_400, above=True), "market seconds per tick"
    )
    head_start: int = setting(
        "IG_HEAD_START",
        3000,
        parsers.integer(0, 1_000_000),
        "ticks that a built-in model makes at once in an empty store: its past, which ends now",
    )
    speed: float = setting(
        "IG_SPEED", 1, parsers.number(0, 1e6), "market seconds per real second; 0 is as fast as possible"
    )
    retain_disk_percent: float = setting(
        "IG_RETAIN_DISK_PERCENT", 80, parsers.number(1, 100), "disk use that starts a clean-up, in percent"
    )
    retain_target_percent: float = setting(
        "IG_RETAIN_TARGET_PERCENT", 70, parsers.number(0, 100), "disk use at which a clean-up stops, in percent"
    )
    retain_min_segments: int = setting(
        "IG_RETAIN_MIN_SEGMENTS",
        10,
        parsers.integer(0, 1_000_000),
        "number of finished segments of each kind that are always kept",
    )
    retain_min_days: float = setting(
        "IG_RETAIN_MIN_DAYS", 1, parsers.number(0, 36_500), "segments younger than this are kept, whatever the disk use"
    )
    retain_max_days: float = setting(
        "IG_RETAIN_MAX_DAYS", 0, parsers.number(0, 36_500), "segments older than this are removed; 0 is off"
    )
    retain_digests: bool = setting(
        "IG_RETAIN_DIGESTS",
        False,
        parsers.switch,
        "1 keeps the digests of removed segments, so that the overview still shows their time",
    )
    cold_store: str | None = setting(
        "IG_COLD_STORE",
        None,
        parsers.cold_store,
        "bucket for finished segments: s3://bucket/prefix?endpoint=https://…, or file:///directory; unset is none",
        secret=True,
    )
    cold_zstd_level: int = setting(
        "IG_COLD_ZSTD_LEVEL",
        0,
        parsers.integer(0, 22),
        "zstd compression level of segments in the bucket; 0 copies them as they are",
    )
    cold_open_seconds: float = setting(
        "IG_COLD_OPEN_SECONDS",
        0,
        parsers.number(0, 3600),
        "time between two copies of what is being recorded, for web processes without the market's disk; 0 is never",
    )
    aws_access_key_id: str | None = setting(
        "AWS_ACCESS_KEY_ID", None, parsers.text, "name of the key to the bucket", secret=True
    )
    aws_secret_access_key: str | None = setting(
        "AWS_SECRET_ACCESS_KEY", None, parsers.text, "the key to the bucket", secret=True
    )
    aws_session_token: str | None = setting(
        "AWS_SESSION_TOKEN", None, parsers.text, "token of a key that is valid for a while", secret=True
    )
    aws_region: str | None = setting("AWS_REGION", None, parsers.text, "region of the bucket; unset is us-east-1")
    flush_seconds: float = setting(
        "IG_FLUSH_SECONDS", 1, parsers.number(0, 60), "written data reaches the file within this time"
    )
    log_format: str = setting(
        "IG_LOG_FORMAT",
        "text",
        parsers.one_of("text", "json"),
        "lines of the log: `text`, or `json` with an object each",
    )
    log_file: Path | None = setting(
        "IG_LOG_FILE", None, parsers.new_file, "file to which every process adds its log; unset is standard error"
    )
