"""A market's status in the database: its lease, its last run and its open segment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import DurationField, ExpressionWrapper, F
from django.db.models.functions import Now

from market.price_range import PriceRanges
from recorder.models import Lease, Run, Segment
from recorder.recovery.run_registry import price_ranges
from runtime.db_threads import reading
from streaming.relay.health import SILENCE_SECONDS, silence_allowed


@dataclass(frozen=True, slots=True)
class LeaseStatus:
    """The holder of a market and the age of its last renewal, by its lease; the market's last run; its open segment.

    `token` is "" if there is no holder. `renewed_seconds` is how long ago the holder renewed its lease, by the
    database's clock, and `silence_seconds` how long it may be silent. `run` and `segment` are in the form of `/health`,
    None if there is none.
    """

    token: str = ""
    holder: str = ""
    renewed_seconds: float | None = None
    run: dict[str, Any] | None = None
    silence_seconds: float = SILENCE_SECONDS
    segment: dict[str, Any] | None = None


def standing_of(symbol: str) -> LeaseStatus:
    """Reads the rows. Raises django.db.Error."""
    return reading(lambda: _read(symbol))


def _read(symbol: str) -> LeaseStatus:
    age = ExpressionWrapper(Now() - F("renewed_at"), DurationField())
    lease = Lease.objects.filter(market__symbol=symbol).annotate(age=age).first()
    run = Run.objects.filter(market__symbol=symbol).order_by("-first_t", "-id").first()
    segment = Segment.objects.of(symbol, "ticks").kept().order_by("-start_t").first()
    return LeaseStatus(
        token=lease.token if lease else "",
        holder=lease.holder if lease else "",
        renewed_seconds=lease.age.total_seconds() if lease and lease.age is not None else None,
        run=_run(run, segment, price_ranges(symbol)) if run else None,
        silence_seconds=_silence_seconds(lease, run),
        segment=_segment(segment) if segment and segment.pending else None,
    )


def _silence_seconds(lease: Lease | None, run: Run | None) -> float:
    if lease is not None and lease.silence_seconds is not None:
        return lease.silence_seconds
    # A holder of the previous version does not say; usually it has the speed that is set here too.
    speed = settings.CONFIG.speed
    return silence_allowed(run.tick_interval / speed if run and speed else 0.0)


def _run(run: Run, newest: Segment | None, prices: PriceRanges) -> dict[str, Any]:
    end_t = newest.end_t if newest else -1
    return {
        "start_ts": run.start_ts,
        "ticks": max(0, end_t - run.first_t + 1),
        "seed": run.settings.get("seed", 0),
        "price_ranges": prices.listed(),
    }


def _segment(row: Segment) -> dict[str, Any]:
    return {"start_t": row.start_t, "lines": row.lines, "compressed_bytes": row.bytes, "pending": True}
