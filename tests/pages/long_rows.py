"""Rows as they are after years on a busy day: long names, large t, hundreds of thousands of lines."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

#: Behind all t of this are 285 years of ten ticks a second, and as many digits as JavaScript can count.
T = 9_007_199_254_740_000

SYMBOL = "EXTRAORDINARILY-LONG-PAIR-USDT-2"
HOST = "process 4194304 on market-camera-7f9c8b6d5d-x2x9z.recording.example.org"
NAME = "a-fund-with-a-name-of-sixty-four-letters-as-most-agents-may-have"
NOON = datetime(2026, 11, 29, 12, 13, 14, tzinfo=UTC)


def fill() -> None:
    """Two rows of everything that the admin lists."""
    from django.contrib.admin.models import CHANGE, LogEntry
    from django.contrib.auth.models import Group, User

    from access.models import AuditEntry
    from access.tokens import issue
    from recorder.models import Lease, Market

    assert len(SYMBOL) == 32
    owner = User.objects.create_user("an.operator.of.the.night.shift", "an.operator.of.the.night.shift@example.org")
    Group.objects.create(name=3 * "people who look after markets ")
    market = Market.objects.create(symbol=SYMBOL)
    Lease.objects.create(market=market, token="x", holder=HOST, renewed_at=NOON)
    for n in range(2):
        _recorded(market, n)
        _told(owner, n)
        token, _ = issue(f"{n} {8 * 'robot-number-'}"[:100], owner=owner)
        LogEntry.objects.log_actions(owner.pk, [token], CHANGE, f"revoked {2 * NAME}")
        facts = {"who": 2 * NAME, "address": f"2001:db8:1234:567{n}::/64", "times": 600_000}
        AuditEntry.objects.create(day=NOON, action="subscribe", first_at=NOON, last_at=NOON, **facts)


def _recorded(market: Any, n: int) -> None:
    """What the recorder writes of a market, at the n-th of its latest t."""
    from bars.models import Bar, Gap
    from recorder.models import Agent, Inventory, Run, Segment

    t = T + 600_000 * n
    source = "trades:/srv/markets/archive/2026/extraordinarily-long-pair-usdt-2.parquet?column=price"
    run = Run.objects.create(
        **{"market": market, "first_t": t, "start_ts": 1.7e9, "tick_interval": 0.001, "source": source},
        **{"settings": {"seed": 2**64 - 1}, "ended_at": NOON},
    )
    for kind in ("ticks", "frames", "metrics"):
        Inventory.objects.get_or_create(
            market=market, kind=kind, segments=600_000, bytes=10**14, lines=T, removed=600_000
        )
        Segment.objects.create(
            **{"market": market, "run": run, "kind": kind, "name": f"segment_20261129_121314_{t}.jsonl.zst"},
            **{"start_t": t, "end_t": t + 599_999, "lines": 600_000, "bytes": 1_023 * 2**20, "text_bytes": 10**10},
            **{"created_at": NOON, "pending": False, "gaps": 600_000, "pinned": True},
        )
    Agent.objects.create(market=market, agent_id=T + n, name=f"{NAME[:-1]}{n}", folded=f"{n}", first_t=t)
    Gap.objects.create(market=market, at_ms=1_764_418_394_000, from_t=t, to_t=t + 599_999)
    prices = dict.fromkeys(("open", "high", "low", "close"), 123_456.12345678)
    Bar.objects.create(
        **{
            "market": market,
            "resolution": "1s",
            "open_ms": 1_764_418_394_000 + n,
            **prices,
            "volume": 600_000.12345678,
        },
        **{"matches": 600_000, "first_t": t, "last_t": t + 599_999, "next_ms": 1_764_418_395_000 + n},
    )


def _told(owner: Any, n: int) -> None:
    """Alerts and backtests."""
    from alerts.models import Alert
    from backtests.models import Backtest

    why = f"segments of {SYMBOL} cannot be copied to the cold store: {3 * 'https://objects.example.org/bucket/'}"
    Alert.objects.create(
        **{"level": "critical", "message": why, "source": f"market:{SYMBOL}", "key": f"{n}", "timestamp": NOON},
        **{"acknowledged_at": NOON, "acknowledged_by": owner.username},
    )
    Backtest.objects.create(
        **{"strategy": f"strategies.of.a.fund.MeanReversionOfTheWidestSpread{n}", "symbol": SYMBOL},
        **{"resolution": "1m", "from_ms": 0, "to_ms": 1, "cash": 1e9, "fee": 0, "status": "done", "progress": 1.0},
        **{"result": {"return": 12_345.6789, "equity": [[0, 1.0]]}, "ended_at": NOON},
    )
