"""JSON Schemas of recorded messages: what every tick, metric and frame has, and what some may have."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

_NUMBER: Schema = {"type": "number"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_TEXT: Schema = {"type": "string"}
_SIDE: Schema = {"enum": ["buy", "sell", "none"]}


def _object(required: Schema, **further: Schema) -> Schema:
    return {"type": "object", "properties": {**required, **further}, "required": list(required)}


def _list(item: Schema) -> Schema:
    return {"type": "array", "items": item}


def _message(kind: str, required: Schema, **further: Schema) -> Schema:
    head = {"type": {"const": kind}, "t": _COUNT, "ts": _NUMBER}
    shown = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": kind}
    return {**shown, **_object({**head, **required}, **further)}


_STATE = _object(dict.fromkeys(("price_norm", "volatility", "liquidity", "imbalance"), _NUMBER))
_COUNTS = dict.fromkeys(("buy_count", "sell_count", "none_count", "match_count"), _COUNT)
_NUMBERS = ("match_rate", "quote_price_mean", "quote_price_std", "quote_dist_to_mid_mean")
_EXPERIENCES = ("experience_start", "experience_end", "experience_delta")
_FEATURES = _object(
    {**_COUNTS, **dict.fromkeys((*_NUMBERS, *_EXPERIENCES), _NUMBER), "dominant_side": _SIDE},
    pool_count=_COUNT,
    degree=_COUNT,
)
_NODE = _object({"node_id": _TEXT, "agent_id": _COUNT, "t0": _COUNT, "t1": _COUNT, "features": _FEATURES}, name=_TEXT)
_EDGE = _object({"src": _TEXT, "dst": _TEXT, "type": {"enum": ["match", "quote_proximity"]}, "w": _NUMBER})
_BURST = _object({"t0": _COUNT, "t1": _COUNT, "kind": _TEXT, "score": _NUMBER})
_SHOCK = _object({"t": _COUNT, "kind": _TEXT, "size": _NUMBER, "score": _NUMBER})
#: What a frame says it leaves out.
_LEFT_OUT = {
    "nodes_total": _COUNT,
    "pairs": _object(dict.fromkeys(("match", "quote_proximity"), _COUNT)),
    "matches": _object(dict.fromkeys(("agents", "pool"), _COUNT)),
}

#: By the type of the message.
SCHEMAS: dict[str, Schema] = {
    "tick": _message(
        "tick",
        {
            "s": _STATE,
            "agents": _list(_object({"id": _COUNT, "experience": _NUMBER}, name=_TEXT)),
            "actions": _list(_object({"id": _COUNT, "side": _SIDE, "price": _NUMBER, "size": _NUMBER})),
            "matches": _list(
                _object(
                    {"a": _COUNT, "b": {"type": "integer", "minimum": -1}, "prob": _NUMBER}, price=_NUMBER, size=_NUMBER
                )
            ),
        },
        mid=_NUMBER,
    ),
    "metric": _message("metric", {"s": _STATE, "N": _COUNT, "avg_exp": _NUMBER, "matches_n": _COUNT}),
    "frame": _message(
        "frame",
        {
            "window": _object(dict.fromkeys(("W", "stride", "t0", "t1"), _COUNT), **_LEFT_OUT),
            "nodes": _list(_NODE),
            "edges": _list(_EDGE),
            "events": _object({"bursts": _list(_BURST), "shocks": _list(_SHOCK)}),
        },
    ),
}
