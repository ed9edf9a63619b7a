"""The samples of one scrape, by the names that `monitoring.names` lists and by no others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from monitoring.names import NAMES, Name, Type
from runtime.live_first import give_way
from runtime.measured import SECONDS


class Families:
    """Takes samples; `collect` is what Prometheus' client asks of a registry, on a thread."""

    def __init__(self) -> None:
        self._found: dict[str, Metric] = {}

    def add(self, name: str, value: float | None, *labels: str) -> None:
        """A sample of a gauge or counter; None where the value is not known."""
        if value is not None:
            self._of(name).add_metric(labels, value)  # type: ignore[attr-defined]

    def add_timing(self, name: str, counts: Sequence[int], total: float, *labels: str) -> None:
        """A histogram with the bounds `SECONDS`; `counts` are those of `runtime.measured.Histogram`."""
        bounds = [*(f"{bound:g}" for bound in SECONDS), "+Inf"]
        buckets = list(zip(bounds, accumulate(counts), strict=True))
        self._of(name).add_metric(labels, buckets=buckets, sum_value=total)  # type: ignore[attr-defined]

    def collect(self) -> Iterator[Metric]:
        for family in self._found.values():
            give_way()
            yield family

    def _of(self, name: str) -> Metric:
        if name not in self._found:
            self._found[name] = _family(NAMES[name])
        return self._found[name]


def _family(name: Name) -> Metric:
    full = f"market_camera_{name.name}"
    match name.type:
        case Type.GAUGE:
            return GaugeMetricFamily(full, name.help, labels=name.labels)
        case Type.COUNTER:
            return CounterMetricFamily(full, name.help, labels=name.labels)
    return HistogramMetricFamily(full, name.help, labels=name.labels)
