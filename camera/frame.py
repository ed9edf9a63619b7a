"""The structure frame as a message: what a window shows, in the contract's words."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson

from camera.edges import EDGE_TYPES
from camera.frame_json import edge_pieces, node_pieces
from camera.snapshot import Shot

#: A dominant side is one of these; its place here is how `Shot.dominant_sides` tells it.
SIDES = ("buy", "sell", "none")


def frame_of(shot: Shot) -> dict[str, Any]:
    """The frame message of a shot."""
    names = _names(shot)
    weights = np.round(shot.edges.counts / shot.window, 6).tolist()
    kinds = EDGE_TYPES
    edges = [
        {"src": names[low], "dst": names[high], "type": kinds[kind], "w": w}
        for kind, low, high, w in zip(
            shot.edges.kinds.tolist(), shot.edges.low.tolist(), shot.edges.high.tolist(), weights, strict=True
        )
    ]
    nodes = [
        {"node_id": name, "agent_id": i, "t0": shot.t0, "t1": shot.t, "features": features}
        for name, i, features in zip(names, shot.agent_ids.tolist(), _features(shot), strict=True)
    ]
    return {**_head(shot), "nodes": nodes, "edges": edges, "events": _events(shot)}


def frame_json(shot: Shot) -> bytes:
    """The frame message of a shot as JSON: what `orjson.dumps(frame_of(shot))` gives, in a third of the time."""
    head = b'%s,"nodes":[' % orjson.dumps(_head(shot))[:-1]
    events = b'],"events":%s}' % orjson.dumps(_events(shot))
    # One join of all pieces: a frame is long, and each time it is copied shows.
    pieces = [head, *node_pieces(shot), b'],"edges":[']
    pieces += edge_pieces(shot)
    pieces.append(events)
    return b"".join(pieces)


def _names(shot: Shot) -> list[str]:
    """Each agent's node id."""
    return [f"agent:{i}@t:{shot.t0}-{shot.t}" for i in shot.agent_ids.tolist()]


def _head(shot: Shot) -> dict[str, Any]:
    """The message without nodes, edges and events."""
    message: dict[str, Any] = {"type": "frame", "t": shot.t}
    if shot.ts is not None:
        message["ts"] = shot.ts
    message["window"] = {"W": shot.window, "t0": shot.t0, "t1": shot.t, "stride": shot.stride}
    return message


def _events(shot: Shot) -> dict[str, Any]:
    return {"bursts": shot.bursts, "shocks": shot.shocks}


def _features(shot: Shot) -> list[dict[str, Any]]:
    rates = np.round(shot.matches / shot.window, 6)
    columns = (shot.buys, shot.sells, shot.nones, shot.matches, rates, *shot.numbers(), shot.dominant_sides())
    return [
        {
            "buy_count": buy,
            "sell_count": sell,
            "none_count": none,
            "match_count": match,
            "match_rate": rate,
            "quote_price_mean": mean,
            "quote_price_std": std,
            "quote_dist_to_mid_mean": distance,
            "experience_start": first,
            "experience_end": last,
            "experience_delta": delta,
            "dominant_side": SIDES[side],
        }
        for buy, sell, none, match, rate, mean, std, distance, first, last, delta, side in zip(
            *(column.tolist() for column in columns), strict=True
        )
    ]
