"""Recorded lines as nested Arrow columns: many lines at once, parsed by Arrow."""

from __future__ import annotations

from typing import Any

from marketcamera.errors import BadMessage
from marketcamera.tables.arrow import arrow_json, pa

_NUMBER, _COUNT, _TEXT = pa.float64(), pa.int64(), pa.string()


def _struct(**fields: Any) -> Any:
    return pa.struct([pa.field(name, kind) for name, kind in fields.items()])


_HEAD = {"t": _COUNT, "ts": _NUMBER}
_STATE = {"s": _struct(price_norm=_NUMBER, volatility=_NUMBER, liquidity=_NUMBER, imbalance=_NUMBER)}
_AGENTS = pa.list_(_struct(id=_COUNT))
_FEATURES = {
    **dict.fromkeys(("buy_count", "sell_count", "none_count", "match_count"), _COUNT),
    **dict.fromkeys(("match_rate", "quote_price_mean", "quote_price_std", "quote_dist_to_mid_mean"), _NUMBER),
    **dict.fromkeys(("experience_start", "experience_end", "experience_delta"), _NUMBER),
    "dominant_side": _TEXT,
    **dict.fromkeys(("pool_count", "degree"), _COUNT),
}
_WINDOW = {"window": _struct(t0=_COUNT)}

#: What of its messages each table needs; everything else is passed over.
_NEEDED = {
    "ticks": {**_HEAD, **_STATE, "mid": _NUMBER, "agents": _AGENTS, "matches": pa.list_(_struct(a=_COUNT))},
    "agents": {**_HEAD, "agents": pa.list_(_struct(id=_COUNT, name=_TEXT, experience=_NUMBER))},
    "actions": {
        **_HEAD,
        "agents": _AGENTS,
        "actions": pa.list_(_struct(side=_TEXT, price=_NUMBER, size=_NUMBER)),
    },
    "matches": {
        **_HEAD,
        "agents": _AGENTS,
        "actions": pa.list_(_struct(size=_NUMBER)),
        "matches": pa.list_(_struct(a=_COUNT, b=_COUNT, prob=_NUMBER, price=_NUMBER, size=_NUMBER)),
    },
    "metrics": {**_HEAD, **_STATE, "N": _COUNT, "avg_exp": _NUMBER, "matches_n": _COUNT},
    "nodes": {
        **_HEAD,
        **_WINDOW,
        "nodes": pa.list_(_struct(agent_id=_COUNT, name=_TEXT, features=_struct(**_FEATURES))),
    },
    "edges": {
        **_HEAD,
        **_WINDOW,
        "edges": pa.list_(_struct(src=_TEXT, dst=_TEXT, type=_TEXT, w=_NUMBER)),
    },
}
_SCHEMAS = {table: pa.schema(list(fields.items())) for table, fields in _NEEDED.items()}


def parsed(table: str, lines: list[bytes]) -> dict[str, Any]:
    """The fields of messages that a table needs, by name: an array each, one entry a message. Raises BadMessage."""
    text = b"\n".join(lines)
    options = arrow_json.ParseOptions(explicit_schema=_SCHEMAS[table], unexpected_field_behavior="ignore")
    reading = arrow_json.ReadOptions(use_threads=False, block_size=len(text) + 1)
    try:
        found = arrow_json.read_json(pa.BufferReader(text), reading, options).combine_chunks()
    except pa.ArrowInvalid as error:
        raise BadMessage(f"messages cannot be read as rows of {table} ({error})", lines[0]) from None
    if found["t"].null_count:
        raise BadMessage(f"messages cannot be read as rows of {table} (one has no t)", lines[0])
    return {name: found[name].chunk(0) for name in found.column_names}
