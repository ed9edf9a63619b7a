"""The JSON of every answer over HTTP, by name."""

from __future__ import annotations

from alerts.models import LEVELS
from backtests.models import STATUSES
from bars.making.resolutions import PERIOD_MS
from contracts.errors import ERROR
from contracts.schemas import (
    BOOLEAN,
    COUNT,
    NUMBER,
    NUMBERS,
    TEXT,
    Schema,
    array,
    by_name,
    described,
    integer,
    nullable,
    one_of,
    record,
    ref,
)
from exports.message_schemas import SCHEMAS as MESSAGES
from realism.card import HORIZONS
from realism.facts import FACTS
from recorder.segment.layout import GAP_REASONS, KINDS
from streaming.protocol import LARGEST_T
from structure.measures import MEASURES

STORE_ID: Schema = {"type": "string", "pattern": "^[0-9a-f]{32}$", "description": "The id of a recording."}
T: Schema = integer(0, LARGEST_T, description="The number of a tick.")
#: In the answers that a client gets of the past, the recording itself can have changed, too.
REASONS = (*GAP_REASONS, "store_changed")
_MS = {"type": "integer", "description": "Milliseconds since 1970."}
_UNIX = {"type": "number", "description": "Unix seconds."}
_TIME = {"type": "string", "format": "date-time"}
_SPAN = record({"from_t": T, "to_t": T})
_SPREAD = record(dict.fromkeys(("mean", "min", "max"), array(nullable(NUMBER))))
_SERIES = ("N", "avg_exp", "matches", "volatility", "liquidity", "imbalance")
_KIND_TOTALS = record(
    dict.fromkeys(("segments", "bytes", "lines", "removed", "cold_segments", "cold_bytes"), COUNT),
)
_TOTALS = record(dict.fromkeys(KINDS, _KIND_TOTALS))
_BUCKETS = {
    "t0": nullable(T),
    "t1": nullable(T),
    "bucket": described(COUNT, "The width of a bucket, or the distance of frames, in ticks."),
    "t": described(array(COUNT), "Where each bucket begins; every other list stands beside it."),
    "ts": array(nullable(NUMBER)),
}
_UNSUMMED = described(array(_SPAN), "What is recorded and in no bucket yet.")

_META = record(
    {
        "running": BOOLEAN,
        "recording": described(nullable(BOOLEAN), "False while the store takes no data."),
        "start_ts": nullable(_UNIX),
        "ticks": COUNT,
        "seed": nullable({"type": "integer"}),
        "unpublished": nullable(record({"messages": COUNT, "from_t": T, "to_t": T})),
        "price_range": nullable({**NUMBERS, "minItems": 2, "maxItems": 2}),
        "price_ranges": array({**NUMBERS, "minItems": 3, "maxItems": 3}),
        "store": nullable(STORE_ID),
    },
)
_OPEN_SEGMENT = record({"start_t": T, "lines": COUNT, "compressed_bytes": COUNT, "pending": BOOLEAN})

_FACT = record(
    {
        "name": one_of(fact.name for fact in FACTS),
        "horizon": one_of(HORIZONS),
        "value": nullable(NUMBER),
        "n": described(COUNT, "The number of returns."),
        "low": described(nullable(NUMBER), "The lower end of the 95 % confidence band."),
        "high": described(nullable(NUMBER), "Its upper end."),
        "usual": described({**NUMBERS, "minItems": 2, "maxItems": 2}, "What real markets show."),
        "verdict": one_of(("inside", "outside", "too few")),
        "source": TEXT,
        "steps": array({"type": "integer"}),
        "values": array(nullable(NUMBER)),
    },
)
_HORIZON = record({"bars": COUNT, "t0": nullable(T), "t1": nullable(T)})

_TRADE = record(
    {
        "time": _MS,
        "side": one_of(("buy", "sell")),
        **dict.fromkeys(("price", "size", "fee", "cash", "position"), NUMBER),
    },
)
_RESULT = record(
    {
        **dict.fromkeys(("return", "max_drawdown", "sharpe", "exposure", "fees"), NUMBER),
        "trades": described(array(_TRADE), "The newest 2000."),
        "trades_count": COUNT,
        "equity": array({**NUMBERS, "minItems": 2, "maxItems": 2}),
        "refused": array(
            record({"time": _MS, "side": one_of(("buy", "sell")), "size": nullable(NUMBER), "reason": TEXT})
        ),
        "refused_count": COUNT,
        "bars": COUNT,
    },
)

BODIES: dict[str, Schema] = {
    "Error": ERROR,
    **{
        name.capitalize(): {key: part for key, part in one.items() if key != "$schema"}
        for name, one in MESSAGES.items()
    },
    "Description": record(
        {"message": TEXT, "version": TEXT, "cam_store": TEXT, "endpoints": by_name(TEXT)},
    ),
    "Health": record({"ok": BOOLEAN, "meta": _META, "current_segment": nullable(_OPEN_SEGMENT)}, detail=TEXT),
    "Probe": record({"ok": BOOLEAN}, detail=TEXT),
    "TickPage": record(
        {
            "from_t": integer(-1, LARGEST_T),
            "store": nullable(STORE_ID),
            "data": array(ref("Tick")),
            "count": COUNT,
            "latest_t": described(nullable(T), "The newest t; the page is the last one when this was received."),
        },
        gap=record({"from_t": T, "to_t": T, "reason": one_of(REASONS)}),
    ),
    "GapLine": {
        "description": "Takes the place of lines that are missing: those with `from_t <= t <= to_t`.",
        **record(
            {"type": {"const": "gap"}, "kind": one_of(KINDS), "from_t": T, "to_t": T, "reason": one_of(REASONS)},
            t=T,
            store=STORE_ID,
        ),
    },
    "Gaps": array(_SPAN),
    "Segments": array(
        record(
            {
                "path": TEXT,
                "start_t": T,
                "end_t": integer(-1, LARGEST_T),
                "lines": COUNT,
                "bytes": COUNT,
                "created_at": _TIME,
                "pending": BOOLEAN,
            },
            kind=one_of(KINDS),
        )
    ),
    "SeekPoints": record(
        {
            "path": TEXT,
            "bytes": COUNT,
            "seek_points": described(array({"type": "array", "items": COUNT}), "First t and byte offset of each."),
            "sha256": described(TEXT, "Of which file these are; empty while the segment is pending."),
        },
    ),
    "Overview": record(
        {
            **_BUCKETS,
            "price": record(dict.fromkeys(("first", "last", "mean", "min", "max"), array(nullable(NUMBER)))),
            **dict.fromkeys(_SERIES, _SPREAD),
            "gaps": array(_SPAN),
            "runs": array(record({"t": T, "source": TEXT})),
            "events": array(
                record(
                    {
                        "t": T,
                        "kind": one_of(("burst", "price", "liquidity")),
                        "size": NUMBER,
                        "score": NUMBER,
                        "frame_t": T,
                    }
                )
            ),
            "unsummed": _UNSUMMED,
            "unsummed_events": _UNSUMMED,
        },
    ),
    "Structure": record({**_BUCKETS, "unsummed": _UNSUMMED}, **dict.fromkeys(MEASURES, _SPREAD)),
    "Agents": record({"agents": array(record({"id": COUNT, "name": TEXT, "first_t": T})), "more": BOOLEAN}),
    "Disk": record(
        {
            "store": record({"path": TEXT, "exists": BOOLEAN}),
            "disk": record({**dict.fromkeys(("total_bytes", "used_bytes", "free_bytes"), COUNT), "percent": NUMBER}),
            "kinds": _TOTALS,
            "markets": by_name(_TOTALS),
            "retention": record(
                dict.fromkeys(("disk_percent", "target_percent", "min_segments", "min_days", "max_days"), NUMBER)
            ),
            "clean_up": record(
                {"due": BOOLEAN, "because": array(one_of(("disk", "age"))), "segments": COUNT, "bytes": COUNT}
            ),
        },
    ),
    "Bars": record(
        {
            "symbol": TEXT,
            "resolution": one_of(PERIOD_MS),
            "bars": array(
                record(
                    {
                        "open_time": _MS,
                        "close_time": _MS,
                        **dict.fromkeys(("open", "high", "low", "close", "volume"), NUMBER),
                        "closed": {"const": True},
                    }
                )
            ),
            "gaps": array(_SPAN),
        },
    ),
    "Realism": record(
        {
            "symbol": TEXT,
            "t0": nullable(T),
            "t1": nullable(T),
            "horizons": record(dict.fromkeys(HORIZONS, _HORIZON)),
            "facts": array(_FACT),
        },
    ),
    "Alerts": record(
        {
            "alerts": array(
                record(
                    {
                        "id": COUNT,
                        "level": one_of(LEVELS),
                        "message": TEXT,
                        "timestamp": _UNIX,
                        "source": TEXT,
                        "cleared_at": nullable(_UNIX),
                    }
                )
            )
        },
    ),
    "BacktestQueued": record({"backtest_id": TEXT, "status": one_of(STATUSES)}),
    "Backtest": record(
        {
            "backtest_id": TEXT,
            "status": one_of(STATUSES),
            "progress": {"type": "number", "minimum": 0, "maximum": 1},
            "error": nullable(TEXT),
            "result": described(nullable(_RESULT), "Null until the backtest is done."),
            "strategy": TEXT,
            "symbol": TEXT,
            "resolution": one_of(PERIOD_MS),
            "from": _MS,
            "to": _MS,
            "cash": NUMBER,
            "fee": NUMBER,
            "params": {"type": "object"},
            "created_at": nullable(_TIME),
            "started_at": nullable(_TIME),
            "ended_at": nullable(_TIME),
        },
    ),
    "Backtests": record({"backtests": array(ref("Backtest"))}),
}
