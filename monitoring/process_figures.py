"""What a web process knows of itself, and what markets told it: no question to anybody."""

from __future__ import annotations

import asyncio
from collections import Counter

from api_socket.service import service
from bars.feed.hub import watchers_of
from monitoring import connections, requests
from monitoring.families import Families
from monitoring.market_figures import MarketFigures, figures_in
from recorder.cold import status as cold_status
from recorder.tape.damaged_files import damages
from runtime import measured, pools
from runtime.supervision import supervisor
from streaming.admitting import replays
from streaming.measured import OTHER, REASONS, counts_of
from streaming.options import EVENTS
from streaming.relay.health import hears
from streaming.relay.relay import Relay
from streaming.relay.relays import relays


async def add_process(families: Families, version: str) -> None:
    """Everything but what has to be asked for. The loop does its other work between two markets."""
    families.add("build_info", 1, version)
    for relay in relays.all():
        _add_ring(families, relay)
        _add_clients(families, relay)
        _add_counts(families, relay)
        _add_market(families, relay)
        await asyncio.sleep(0)
    _add_subscribers(families)
    _add_connections(families)
    _add_requests(families)
    families.add("failing_tasks", sum(one.failing for one in supervisor.troubles()))


def _add_ring(families: Families, relay: Relay) -> None:
    symbol = relay.symbol
    families.add("latest_t", relay.ring.last_t, symbol)
    families.add("ring_ticks", len(relay.ring), symbol)
    families.add("ring_bytes", relay.ring.bytes, symbol)
    families.add("option_sets", len(relay.feeds), symbol)
    families.add("damaged_segments", len(damages.below(relay.history.directory)), symbol)
    if copies := cold_status.known.get(symbol):
        families.add("cold_waiting_segments", copies.waiting, symbol)
        families.add("cold_failing", float(bool(copies.reason)), symbol)


def _add_clients(families: Families, relay: Relay) -> None:
    count, waiting = Counter({"websocket": 0, "events": 0}), Counter({"websocket": 0, "events": 0})
    for feed in relay.feeds.values():
        protocol = "events" if feed.options.encoding == EVENTS else "websocket"
        count[protocol] += len(feed.clients)
        waiting[protocol] += sum(client.waiting_bytes for client in feed.clients)
    count["bars"] = watchers_of(relay)
    for protocol, number in count.items():
        families.add("clients", number, relay.symbol, protocol)
    for protocol, number in waiting.items():
        families.add("outbox_bytes", number, relay.symbol, protocol)


def _add_counts(families: Families, relay: Relay) -> None:
    symbol, counts = relay.symbol, counts_of(relay.symbol)
    for way, lag in (("direct", counts.direct), ("outbox", counts.behind)):
        families.add_timing("made_to_sent_seconds", lag.counts, lag.sum, symbol, way)
    families.add("lost_messages", counts.dropped, symbol)
    families.add("holes", relay.holes, symbol)
    for reason in (*REASONS, OTHER):
        families.add("gaps", counts.gaps[reason], symbol, reason)


def _add_market(families: Families, relay: Relay) -> None:
    symbol, status, silent_seconds = relay.symbol, relay.status, relay.silent_seconds
    families.add("running", float(status is not None and status["running"]), symbol)
    families.add("silent_seconds", silent_seconds, symbol)
    if status is None:
        return
    families.add("recording", float(status["recording"]), symbol)
    told = status.get("unpublished")
    families.add("unpublished_messages", told["messages"] if told else 0, symbol)
    figures = figures_in(relay.figures)
    if figures is not None and hears(status, silent_seconds):
        _add_figures(families, symbol, figures)


def _add_figures(families: Families, symbol: str, figures: MarketFigures) -> None:
    families.add("ticks", figures.ticks, symbol)
    families.add("late_seconds", figures.late_seconds, symbol)
    families.add("checkpoint_age_seconds", figures.checkpoint_age_seconds, symbol)
    families.add("overdue_ticks", figures.overdue_ticks, symbol)
    families.add("waiting_messages", figures.unpublished, symbol)
    families.add("waiting_rows", figures.unwritten_rows, symbol)
    families.add("market_memory_bytes", figures.memory_bytes, symbol)
    for part, seconds in figures.cpu_seconds.items():
        families.add("market_cpu_seconds", seconds, symbol, part)
    for name, timings in (("flush_seconds", figures.flushes), ("seal_seconds", figures.seals)):
        for kind, timing in timings.items():
            families.add_timing(name, timing.counts, timing.sum, symbol, kind)


def _add_subscribers(families: Families) -> None:
    subscribers, heard = service().hub.subscribers, Counter[tuple[str, str]]()
    families.add("clients", len(subscribers), "", "api")
    families.add("outbox_bytes", sum(one.waiting_bytes for one in subscribers), "", "api")
    for one in service().components.of(None):
        heard[_kind(one.agent_id), one.data["status"]] += 1
    for (kind, status), number in heard.items():
        families.add("components", number, kind, status)


def _kind(agent_id: str) -> str:
    """A component without the market, the host and the process that its name may have."""
    return agent_id.partition("@")[0].partition("-")[0]


def _add_connections(families: Families) -> None:
    families.add("replays", replays().open)
    for (protocol, code), number in measured.ended_streams.items():
        families.add("ended_streams", number, protocol, code)
    for limit in measured.LIMITS:
        families.add("limits_reached", measured.limits_reached[limit], limit)
    if (admitted := connections.known()) is not None:
        families.add("connections", admitted.open)
        families.add("connections_limit", admitted.capacity.total)
        families.add("sockets", admitted.sockets)
        families.add("sockets_limit", admitted.capacity.sockets)
        families.add("requests_in_progress", admitted.requests.open)
        families.add("requests_in_progress_limit", admitted.capacity.requests)


def _add_requests(families: Families) -> None:
    for pool in pools.ALL:
        families.add("pool_tasks", pool.taken, pool.name)
        families.add("full_pools", measured.full_pools[pool.name], pool.name)
    for (route, status), number in requests.answered.items():
        families.add("http_requests", number, route, status)
    for route, lag in requests.durations.items():
        families.add_timing("http_request_seconds", lag.counts, lag.sum, route)
