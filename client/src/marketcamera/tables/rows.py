"""The rows of each table, out of the nested columns of its messages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from marketcamera.errors import BadMessage
from marketcamera.tables.arrow import pa, pc, schema_of
from marketcamera.tables.lines import parsed

Columns = dict[str, Any]


class Prices(Protocol):
    """The price ranges of a market's runs."""

    def price_at(self, t: int, price_norm: float) -> float:
        """The market's price at a t."""


def batch_of(table: str, lines: list[bytes], prices: Prices | None) -> Any:
    """The rows of a table in messages of its tape, as a RecordBatch with its schema. Raises BadMessage."""
    messages = parsed(table, lines)
    messages["ts"] = times(messages["ts"])
    columns = _MAKERS[table](messages, prices)
    schema = schema_of(table)
    return pa.record_batch([columns[name] for name in schema.names], schema=schema)


def times(seconds: Any) -> Any:
    """Unix seconds as times; null where they are no time that pandas and others can hold."""
    can_be = pc.and_(pc.greater_equal(seconds, 0.0), pc.less(seconds, _END_SECONDS))
    micros = pc.round(pc.multiply(pc.if_else(can_be, seconds, None), 1e6))
    return micros.cast(pa.int64()).cast(pa.timestamp("us", "UTC"))


#: The year 2262, where nanoseconds in 64 bits end.
_END_SECONDS = 9_214_646_400.0


def _ticks(messages: Columns, prices: Prices | None) -> Columns:
    counts = {f"{name}_n": _lengths(messages[name]) for name in ("agents", "matches")}
    return {**messages, **_state(messages, prices), **counts}


def _metrics(messages: Columns, prices: Prices | None) -> Columns:
    return {**messages, **_state(messages, prices)}


def _state(messages: Columns, prices: Prices | None) -> Columns:
    state = messages["s"]
    columns = {field.name: pc.struct_field(state, field.name) for field in state.type}
    return {**columns, "price": _prices(messages["t"], columns["price_norm"], prices)}


def _prices(t: Any, price_norm: Any, prices: Prices | None) -> Any:
    if prices is None:
        return pa.nulls(len(t), pa.float64())
    known = zip(t.to_pylist(), price_norm.to_pylist(), strict=True)
    return pa.array([None if norm is None else prices.price_at(at, norm) for at, norm in known], pa.float64())


def _agents(messages: Columns, prices: Prices | None) -> Columns:
    columns = _flat(messages, "agents")
    return {**columns, "agent_id": columns["id"]}


def _actions(messages: Columns, prices: Prices | None) -> Columns:
    columns = _flat(messages, "actions")
    index = _index_in_message(messages["actions"])
    return {**columns, "action": pa.array(index), "agent_id": _of_agent(messages, "actions", index)}


def _matches(messages: Columns, prices: Prices | None) -> Columns:
    columns = _flat(messages, "matches")
    a, b = (pc.fill_null(columns[name], _NOBODY).to_numpy() for name in ("a", "b"))
    with_pool = b == _POOL
    b = np.where(with_pool, a, b)
    sizes = [_of_action(messages, action) for action in (a, b)]
    agent_b = _of_agent(messages, "matches", b)
    return {
        **columns,
        "match": pa.array(_index_in_message(messages["matches"])),
        "agent_a": _of_agent(messages, "matches", a),
        "agent_b": pc.if_else(pa.array(with_pool), pa.scalar(None, agent_b.type), agent_b),
        "volume": pc.coalesce(columns["size"], pc.min_element_wise(*sizes, skip_nulls=False)),
    }


_POOL, _NOBODY = -1, -2


def _of_action(messages: Columns, action: Any) -> Any:
    """The size of an action, given by its index, for each match."""
    return _of_lists(messages["actions"], "size").take(_places(messages, "matches", action, "actions"))


def _nodes(messages: Columns, prices: Prices | None) -> Columns:
    columns = _flat(messages, "nodes", t0=pc.struct_field(messages["window"], "t0"))
    features = columns["features"]
    return {**columns, **{field.name: pc.struct_field(features, field.name) for field in features.type}}


def _edges(messages: Columns, prices: Prices | None) -> Columns:
    columns = _flat(messages, "edges", t0=pc.struct_field(messages["window"], "t0"))
    return {**columns, "src": _agent_ids(columns["src"]), "dst": _agent_ids(columns["dst"])}


def _agent_ids(nodes: Any) -> Any:
    """The ids in `agent:ID@t:T0-T1`. Each is in many edges of a frame, so only different ones are taken apart."""
    different = nodes.dictionary_encode()
    ids = pc.extract_regex(different.dictionary, r"^agent:(?P<id>[0-9]{1,18})@")
    if ids.null_count:
        wrong = different.dictionary[pc.index(ids.is_null(), True).as_py()]
        raise BadMessage("the ends of an edge are agent:ID@t:T0-T1", str(wrong))
    return ids.field("id").cast(pa.int64()).take(different.indices)


_MAKERS: dict[str, Callable[[Columns, Prices | None], Columns]] = {
    "ticks": _ticks,
    "agents": _agents,
    "actions": _actions,
    "matches": _matches,
    "metrics": _metrics,
    "nodes": _nodes,
    "edges": _edges,
}


def _flat(messages: Columns, name: str, **further: Any) -> Columns:
    """A row for each entry of a list: its fields, and `t`, `ts` and `further` of its message."""
    entries = messages[name]
    of_message = pc.list_parent_indices(entries)
    fields = {field.name: _of_lists(entries, field.name) for field in entries.type.value_type}
    told = {"t": messages["t"], "ts": messages["ts"], **further}
    return {**fields, **{column: values.take(of_message) for column, values in told.items()}}


def _of_lists(entries: Any, field: str) -> Any:
    """A field of all entries of lists, one after the other."""
    return pc.struct_field(entries.flatten(), field)


def _lengths(lists: Any) -> Any:
    """How many entries each list has; a message without it has none."""
    return pc.fill_null(pc.list_value_length(lists), 0).cast(pa.int64())


def _begins(lists: Any) -> Any:
    """Where the entries of each list begin among those of all, and where the last one ends."""
    return np.concatenate(([0], np.cumsum(_lengths(lists).to_numpy())))


def _index_in_message(lists: Any) -> Any:
    """The index of each entry in its own list."""
    begins = _begins(lists)
    return np.arange(begins[-1]) - np.repeat(begins[:-1], np.diff(begins))


def _of_agent(messages: Columns, name: str, action: Any) -> Any:
    """The id of the agent of an action, given by its index, for each entry of a list."""
    return _of_lists(messages["agents"], "id").take(_places(messages, name, action, "agents"))


def _places(messages: Columns, name: str, index: Any, among: str) -> Any:
    """Where an index, one for each entry of the list `name`, leads to among all entries of another list.

    Raises BadMessage if a message has no entry of that index.
    """
    of_message = pc.list_parent_indices(messages[name]).to_numpy()
    begins = _begins(messages[among])
    places = begins[of_message] + index
    wrong = (index < 0) | (places >= begins[of_message + 1])
    if wrong.any():
        t = messages["t"][int(of_message[wrong.argmax()])]
        raise BadMessage(f"the {name} of a tick name its {among}", f"t={t}")
    return pa.array(places)
