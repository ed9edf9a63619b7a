"""The contract's definitions of a frame, written down word for word and slowly, to hold the camera against."""

from __future__ import annotations

import itertools
from statistics import fmean, median, pstdev
from typing import Any

QUOTES = ("buy", "sell")

#: How often a pair met: by type (0 is a match), lower and higher agent.
PairCounts = dict[tuple[int, int, int], int]


def mids_of(ticks: list[dict[str, Any]]) -> list[float | None]:
    mids: list[float | None] = []
    last = None
    for tick in ticks:
        prices = [a["price"] for a in tick["actions"] if a["side"] in QUOTES]
        if tick.get("mid") is not None:
            last = tick["mid"]
        elif prices:
            last = median(prices)
        mids.append(last)
    return mids


def frame(
    run: list[dict[str, Any]],
    t: int,
    W: int,
    stride: int,
    eps: float,
    cap: int,
    first: bool,
    node_cap: int = 5000,
    order: str = "mixed",
    share: float = 0.25,
) -> dict[str, Any]:
    """The frame at t of a run of consecutive ticks, the first of which has t = run[0]["t"]."""
    begin = t - W + 1 - run[0]["t"]
    window = run[begin : begin + W]
    mids = mids_of(run)[begin : begin + W]
    known = [m for m in mids if m is not None]
    centre = fmean(known) if known else None
    ids = sorted({a["id"] for tick in window for a in tick["agents"]})
    counts = pair_counts(run, t, W, eps)
    nodes = [_node(i, window, counts, t, W, centre) for i in ids]
    shown = sorted(sorted(nodes, key=_activity, reverse=True)[:node_cap], key=lambda node: node["agent_id"])
    total = {"nodes_total": len(ids)} if len(ids) > node_cap else {}
    among = {node["agent_id"] for node in shown}
    return {
        "type": "frame",
        "t": t,
        "window": {"W": W, "t0": t - W + 1, "t1": t, "stride": stride, **total, **_before_any_cut(window, counts)},
        "nodes": shown,
        "edges": _edges(counts, t, W, min(cap, 8 * len(shown)), among, order, share),
        "events": _events(window, t, W, t - W if first else t - stride),
    }


def without_further_fields(frame: dict[str, Any]) -> dict[str, Any]:
    """The frame as it was before it told of its whole window."""
    window = {name: value for name, value in frame["window"].items() if name not in ("pairs", "matches")}
    nodes = [{**node, "features": _first_features(node["features"])} for node in frame["nodes"]]
    return {**frame, "window": window, "nodes": nodes}


def _first_features(features: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in features.items() if name not in ("pool_count", "degree")}


def _before_any_cut(window: list[dict[str, Any]], counts: PairCounts) -> dict[str, Any]:
    pool = sum(match["b"] == -1 for tick in window for match in tick["matches"])
    agents = sum(count for (kind, _, _), count in counts.items() if kind == 0)
    match_pairs = sum(kind == 0 for kind, _, _ in counts)
    return {
        "pairs": {"match": match_pairs, "quote_proximity": len(counts) - match_pairs},
        "matches": {"agents": agents, "pool": pool},
    }


def _name(i: int, t: int, W: int) -> str:
    return f"agent:{i}@t:{t - W + 1}-{t}"


def _activity(node: dict[str, Any]) -> tuple[int, int]:
    features = node["features"]
    return features["match_count"], features["buy_count"] + features["sell_count"]


def _node(
    i: int, window: list[dict[str, Any]], counts: PairCounts, t: int, W: int, centre: float | None
) -> dict[str, Any]:
    buys = sells = matched = pool = 0
    prices, experience = [], []
    for tick in window:
        order = [a["id"] for a in tick["agents"]]
        if i not in order:
            continue
        at = order.index(i)
        experience.append(tick["agents"][at]["experience"])
        action = tick["actions"][at]
        buys += action["side"] == "buy"
        sells += action["side"] == "sell"
        if action["side"] in QUOTES:
            prices.append(action["price"])
        matched += sum(m["b"] != -1 and at in (m["a"], m["b"]) for m in tick["matches"])
        pool += sum(m["b"] == -1 and at == m["a"] for m in tick["matches"])
    nones = W - buys - sells
    side = "none"
    if buys > 0 and buys >= sells and buys >= nones:
        side = "buy"
    elif sells > 0 and sells >= buys and sells >= nones:
        side = "sell"
    distance = fmean(abs(p - centre) / abs(centre) for p in prices) if prices and centre else 0.0
    return {
        "node_id": _name(i, t, W),
        "agent_id": i,
        "t0": t - W + 1,
        "t1": t,
        "features": {
            "buy_count": buys,
            "sell_count": sells,
            "none_count": nones,
            "match_count": matched,
            "match_rate": matched / W,
            "quote_price_mean": fmean(prices) if prices else 0.0,
            "quote_price_std": pstdev(prices) if len(prices) > 1 else 0.0,
            "quote_dist_to_mid_mean": distance,
            "experience_start": experience[0],
            "experience_end": experience[-1],
            "experience_delta": experience[-1] - experience[0],
            "dominant_side": side,
            "pool_count": pool,
            "degree": sum(kind == 0 and i in (low, high) for kind, low, high in counts),
        },
    }


def pair_counts(run: list[dict[str, Any]], t: int, W: int, eps: float) -> PairCounts:
    """How often each pair met in the window that ends at t."""
    begin = t - W + 1 - run[0]["t"]
    counts: PairCounts = {}

    def meet(kind: int, one: int, other: int) -> None:
        key = (kind, min(one, other), max(one, other))
        counts[key] = counts.get(key, 0) + 1

    for tick, mid in list(zip(run, mids_of(run), strict=True))[begin : begin + W]:
        ids = [a["id"] for a in tick["agents"]]
        for match in tick["matches"]:
            if match["b"] != -1:
                meet(0, ids[match["a"]], ids[match["b"]])
        for side in QUOTES:
            quotes = [(a["price"], ids[a["id"]]) for a in tick["actions"] if a["side"] == side]
            quotes.sort(key=lambda q: q[0], reverse=side == "buy")  # stable in both directions
            for (p, one), (q, other) in itertools.pairwise(quotes):
                if mid is not None and abs(p - q) <= eps * mid:
                    meet(1, one, other)
    return counts


def splitmix64(z: int) -> int:
    """The finalizer of splitmix64, on unsigned numbers of 64 bits."""
    z &= 2**64 - 1
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & 2**64 - 1
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & 2**64 - 1
    return z ^ (z >> 31)


def place_of(pair: tuple[int, int, int], order: str) -> tuple[int, int, int, int]:
    """What decides between pairs that met equally often: the least comes first."""
    kind, low, high = pair
    return kind, splitmix64((low << 32) | high) if order == "mixed" else 0, low, high


def _edges(
    counts: PairCounts, t: int, W: int, most: int, among: set[int], order: str, share: float
) -> list[dict[str, Any]]:
    def place(item: tuple[tuple[int, int, int], int]) -> tuple[int, ...]:
        return -item[1], *place_of(item[0], order)

    inside = sorted(((pair, n) for pair, n in counts.items() if {pair[1], pair[2]} <= among), key=place)
    of_types = [[item for item in inside if item[0][0] == kind] for kind in (0, 1)]
    own = [item for items in of_types for item in items[: int(most * share) if order == "mixed" else 0]]
    chosen = sorted([*own, *[item for item in inside if item not in own][: most - len(own)]], key=place)
    kinds = ("match", "quote_proximity")
    return [
        {"src": _name(low, t, W), "dst": _name(high, t, W), "type": kinds[kind], "w": count / W}
        for (kind, low, high), count in chosen
    ]


def _events(window: list[dict[str, Any]], t: int, W: int, after: int) -> dict[str, Any]:
    bursts: list[dict[str, Any]] = []
    counts = [len(tick["matches"]) for tick in window]
    std = pstdev(counts)
    if std:
        for tick, x in zip(window, counts, strict=True):
            score = round((x - fmean(counts)) / std, 6)
            if score < 4:
                continue
            if bursts and bursts[-1]["t1"] == tick["t"] - 1:
                bursts[-1]["t1"] = tick["t"]
                bursts[-1]["score"] = max(score, bursts[-1]["score"])
            else:
                bursts.append({"t0": tick["t"], "t1": tick["t"], "kind": "match", "score": score})
    shocks = []
    for kind, field in (("price", "price_norm"), ("liquidity", "liquidity")):
        levels = [tick["s"][field] for tick in window]
        changes = [b - a for a, b in itertools.pairwise(levels)]
        std = pstdev(changes) if changes else 0
        for tick, d in zip(window[1:], changes, strict=True):
            if std and round(abs(d - fmean(changes)) / std, 6) >= 5:
                score = abs(d - fmean(changes)) / std
                shocks.append({"t": tick["t"], "kind": kind, "size": d, "score": score})
    return {
        "bursts": [b for b in bursts if b["t0"] > after],
        "shocks": sorted((s for s in shocks if s["t"] > after), key=lambda s: (s["t"], s["kind"])),
    }


def assert_same(ours: Any, theirs: Any, where: str = "") -> None:
    """Equal in content and order; floats within 2e-6, everything else exactly and of the same type."""
    if isinstance(theirs, dict):
        assert ours.keys() == theirs.keys(), where
        for name in theirs:
            assert_same(ours[name], theirs[name], f"{where}.{name}")
    elif isinstance(theirs, list):
        assert len(ours) == len(theirs), f"{where}: {len(ours)} instead of {len(theirs)}"
        for i, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            assert_same(one, other, f"{where}[{i}]")
    elif isinstance(theirs, float):
        assert isinstance(ours, float), where
        assert abs(ours - theirs) <= 2e-6, f"{where}: {ours} instead of {theirs}"
    else:
        assert type(ours) is type(theirs), where
        assert ours == theirs, f"{where}: {ours} instead of {theirs}"
