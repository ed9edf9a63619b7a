"""Every metric of Market Camera: name, type, labels, where it is known from, and what it means.

`tools/metrics_table.py` prints the table of docs/monitoring.md from it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Type(StrEnum):
    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"


class Known(StrEnum):
    """From where a web process knows a figure; it is absent while that is away."""

    PROCESS = "this process"
    MARKET = "the market's messages"
    DATABASE = "the database"
    DISK = "the disk"
    REDIS = "Redis"


class Name(NamedTuple):
    """A metric without the prefix `market_camera_`, and a counter's without `_total`."""

    name: str
    type: Type
    labels: tuple[str, ...]
    known: Known
    help: str

    @property
    def full(self) -> str:
        """The name by which it is queried; a histogram's has `_bucket`, `_sum` and `_count` behind it."""
        return f"market_camera_{self.name}{'_total' if self.type is Type.COUNTER else ''}"


def _of(known: Known, *rows: tuple[str, Type, str, str]) -> tuple[Name, ...]:
    return tuple(Name(name, type, tuple(labels.split()), known, text) for name, type, labels, text in rows)


_GAUGE, _COUNTER, _HISTOGRAM = Type.GAUGE, Type.COUNTER, Type.HISTOGRAM

_PROCESS = _of(
    Known.PROCESS,
    ("build_info", _GAUGE, "version", "1, with the version of the server."),
    ("scrape_failures", _GAUGE, "source", "1 while figures of this source are absent, because it gave none in time."),
    ("latest_t", _GAUGE, "symbol", "The newest t this process knows."),
    ("ring_ticks", _GAUGE, "symbol", "Ticks in memory."),
    ("ring_bytes", _GAUGE, "symbol", "Bytes of messages in memory."),
    ("option_sets", _GAUGE, "symbol", "Different sets of options among stream clients."),
    ("clients", _GAUGE, "symbol protocol", "Clients that get live messages; those of the api have no symbol."),
    ("replays", _GAUGE, "", "Replays of the past under way."),
    ("outbox_bytes", _GAUGE, "symbol protocol", "Bytes that wait for clients that do not keep up."),
    ("made_to_sent_seconds", _HISTOGRAM, "symbol way", "From a tick to its bytes on the sockets of clients."),
    ("lost_messages", _COUNTER, "symbol", "Messages dropped for slow clients, told to them as gaps."),
    ("gaps", _COUNTER, "symbol reason", "Gaps told to clients of the stream, by reason."),
    ("holes", _COUNTER, "symbol", "Times that moments did not follow each other here."),
    ("damaged_segments", _GAUGE, "symbol", "Segments that readers here found damaged and that still are."),
    ("ended_streams", _COUNTER, "protocol code", "Sockets and streams that the server ended, by code of the error."),
    ("connections", _GAUGE, "", "Open connections that were admitted, of any kind."),
    ("connections_limit", _GAUGE, "", "Connections that this process admits at most."),
    ("sockets", _GAUGE, "", "Open WebSockets and streams of events."),
    ("sockets_limit", _GAUGE, "", "WebSockets and streams of events that this process admits at most."),
    ("requests_in_progress", _GAUGE, "", "HTTP requests whose answer has not ended."),
    ("requests_in_progress_limit", _GAUGE, "", "HTTP requests in progress that this process admits at most."),
    ("limits_reached", _COUNTER, "limit", "Times that a connection or request was refused, by limit."),
    ("pool_tasks", _GAUGE, "pool", "Pieces of work that a pool of threads does or has waiting."),
    ("full_pools", _COUNTER, "pool", "Requests that were refused because the queue of a pool was full."),
    ("http_requests", _COUNTER, "route status", "HTTP requests by pattern of the path and class of the status."),
    ("http_request_seconds", _HISTOGRAM, "route", "From a request to the head of its answer."),
    ("components", _GAUGE, "component status", "Components of the system that were heard, by kind and status."),
    ("failing_tasks", _GAUGE, "", "Side tasks of this process that fail."),
)

_MARKET = _of(
    Known.MARKET,
    ("running", _GAUGE, "symbol", "1 while a pipeline makes ticks."),
    ("recording", _GAUGE, "symbol", "1 while what the pipeline makes is kept; 0 while the store takes no data."),
    ("silent_seconds", _GAUGE, "symbol", "How long ago the pipeline was heard last."),
    ("unpublished_messages", _COUNTER, "symbol", "Messages that did not reach the channel layer."),
    ("ticks", _COUNTER, "symbol", "Ticks made by the process of the market."),
    ("late_seconds", _GAUGE, "symbol", "How far the source lags its own clock."),
    ("checkpoint_age_seconds", _GAUGE, "symbol", "How long ago a checkpoint was kept."),
    ("overdue_ticks", _GAUGE, "symbol", "Ticks that are due and not made."),
    ("waiting_messages", _GAUGE, "symbol", "Messages of the pipeline that wait for the channel layer."),
    ("waiting_rows", _GAUGE, "symbol", "Rows of the recording that wait for the database."),
    ("market_memory_bytes", _GAUGE, "symbol", "Resident memory of the process of the market."),
    ("market_cpu_seconds", _COUNTER, "symbol part", "CPU time by part of the pipeline."),
    ("flush_seconds", _HISTOGRAM, "symbol kind", "How long each flush of a tape took."),
    ("seal_seconds", _HISTOGRAM, "symbol kind", "How long each sealing of a segment took, with its sync to the disk."),
)

_DATABASE = _of(
    Known.DATABASE,
    ("segments", _GAUGE, "symbol kind place", "Segments that are kept: on the disk, or in the bucket alone."),
    ("segment_bytes", _GAUGE, "symbol kind place", "Bytes of these."),
    ("removed_segments", _COUNTER, "symbol kind", "Segments that retention has removed."),
    ("undigested_segments", _GAUGE, "symbol", "Finished segments that wait for a digest, 10,000 at most."),
    ("cold_waiting_segments", _GAUGE, "symbol", "Finished segments that wait to be copied to the cold store."),
    ("cold_failing", _GAUGE, "symbol", "1 while segments cannot be copied to the cold store."),
    ("open_alerts", _GAUGE, "level", "Alerts that are active."),
    ("backtests", _GAUGE, "status", "Backtests that are queued or running."),
    ("task_runs", _COUNTER, "task queue", "Runs of a scheduled task that ended well."),
    ("task_failures", _COUNTER, "task queue", "Runs of it that failed."),
    (
        "task_items",
        _COUNTER,
        "task queue",
        "What its runs did, such as segments removed, digests made or segments copied.",
    ),
    ("task_success_timestamp_seconds", _GAUGE, "task queue", "When it ended well last, in Unix time."),
    ("task_failure_timestamp_seconds", _GAUGE, "task queue", "When it failed last, in Unix time."),
    ("task_duration_seconds", _GAUGE, "task queue", "How long its last run took."),
)

_DISK = _of(
    Known.DISK,
    ("disk_size_bytes", _GAUGE, "", "Size of the file system of the store."),
    ("disk_free_bytes", _GAUGE, "", "What is free of it."),
    ("disk_used_ratio", _GAUGE, "", "Which part of it is used, as retention counts it."),
    ("disk_threshold_ratio", _GAUGE, "", "The part from which on retention removes the oldest segments."),
)

_REDIS = _of(Known.REDIS, ("queue_tasks", _GAUGE, "queue", "Tasks that wait in a queue of Celery."))

#: Those of the process itself have the names that every client of Prometheus gives them (`process_…`).
NAMES: dict[str, Name] = {one.name: one for group in (_PROCESS, _MARKET, _DATABASE, _DISK, _REDIS) for one in group}
