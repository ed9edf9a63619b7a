"""Metrics of this process for Prometheus, read from the relays when they are requested."""

from __future__ import annotations

import time
from collections.abc import Iterator

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from recorder.cold import status
from recorder.tape.damaged_files import damages
from streaming.relay.relay import Relay
from streaming.relay.relays import relays

_GAUGES = {
    "market_camera_latest_t": "The newest t this process knows.",
    "market_camera_ring_ticks": "Ticks in memory.",
    "market_camera_ring_bytes": "Bytes in memory.",
    "market_camera_clients": "Stream clients that get live messages.",
    "market_camera_outbox_bytes": "Bytes that wait for clients who do not keep up.",
    "market_camera_option_sets": "Different sets of options among them.",
    "market_camera_running": "1 while a pipeline makes ticks.",
    "market_camera_recording": "1 while what the pipeline makes is kept; 0 while the store takes no data.",
    "market_camera_damaged_segments": "Segments that readers of this process found damaged and that still are.",
    "market_camera_cold_waiting_segments": "Finished segments that wait to be copied to the cold store.",
    "market_camera_cold_failing": "1 while segments cannot be copied to the cold store.",
    "market_camera_silent_seconds": "How long ago the pipeline was heard last.",
}


class _Relays(Collector):
    def collect(self) -> Iterator[Metric]:
        gauges = {name: GaugeMetricFamily(name, text, labels=["symbol"]) for name, text in _GAUGES.items()}
        holes = CounterMetricFamily(
            "market_camera_holes", "Times that moments did not follow each other here.", labels=["symbol"]
        )
        lost = CounterMetricFamily(
            "market_camera_lost_messages", "Messages not sent to slow clients, told as gaps.", labels=["symbol"]
        )
        unpublished = CounterMetricFamily(
            "market_camera_unpublished_messages",
            "Messages of the pipeline that did not reach the channel layer; readers take them from the recording.",
            labels=["symbol"],
        )
        for relay in relays.all():
            for name, value in _figures(relay).items():
                gauges[name].add_metric([relay.symbol], value)
            holes.add_metric([relay.symbol], relay.holes)
            lost.add_metric([relay.symbol], relay.lost_messages)
            told = (relay.status or {}).get("unpublished")
            unpublished.add_metric([relay.symbol], told["messages"] if told else 0)
        yield from gauges.values()
        yield holes
        yield lost
        yield unpublished


def _figures(relay: Relay) -> dict[str, float]:
    running, clients = relay.status is not None and relay.status["running"], relay.feeds.clients()
    figures: dict[str, float] = {
        "market_camera_ring_ticks": len(relay.ring),
        "market_camera_ring_bytes": relay.ring.bytes,
        "market_camera_clients": len(clients),
        "market_camera_outbox_bytes": sum(client.waiting_bytes for client in clients),
        "market_camera_option_sets": len(relay.feeds),
        "market_camera_running": float(running),
        "market_camera_damaged_segments": len(damages.below(relay.history.directory)),
    }
    if copies := status.known.get(relay.symbol):
        figures["market_camera_cold_waiting_segments"] = copies.waiting
        figures["market_camera_cold_failing"] = float(bool(copies.reason))
    if relay.status is not None:
        figures["market_camera_recording"] = float(relay.status["recording"])
    if relay.ring.last_t is not None:
        figures["market_camera_latest_t"] = relay.ring.last_t
    if relay.heard_at is not None:
        figures["market_camera_silent_seconds"] = time.monotonic() - relay.heard_at
    return figures


_registry = CollectorRegistry()
_registry.register(_Relays())
ProcessCollector(registry=_registry)


@require_safe
async def metrics(request: HttpRequest) -> HttpResponse:
    """The metrics as Prometheus text."""
    return HttpResponse(generate_latest(_registry), content_type=CONTENT_TYPE_LATEST)
