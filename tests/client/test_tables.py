"""Tables made of recorded lines, against rows that plain Python makes of the same lines."""

import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketcamera.errors import BadMessage
from marketcamera.stream.price_ranges import PriceRanges
from marketcamera.tables import batches as batches_module
from marketcamera.tables.arrow import schema_of
from marketcamera.tables.batches import bar_batches, batches
from marketcamera.tables.columns import TABLES
from marketcamera.tables.gaps import MOST_GAPS, Gaps, messages_of
from tests.examples import at_most

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "frames.md").read_text()
#: The frame and the metric of the worked example.
FRAME, METRIC = (
    json.loads(next(text for text in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL) if text.startswith(start)))
    for start in ('{"type": "frame"', '{"type": "metric"')
)

Row = dict[str, Any]

numbers = st.floats(-1e9, 1e9) | st.integers(-1000, 1000)
names = st.text(min_size=1, max_size=8)


@st.composite
def ticks(draw: st.DrawFn) -> list[Row]:
    """Ticks with what a source may tell and what it may leave out."""
    made = []
    for t in range(draw(st.integers(0, 6))):
        agents = [{"id": i, "experience": draw(numbers)} for i in range(draw(st.integers(0, 4)))]
        if draw(st.booleans()):
            agents = [{**agent, "name": draw(names)} for agent in agents]
        actions = [
            {
                "id": i,
                "side": draw(st.sampled_from(["buy", "sell", "none"])),
                "price": draw(numbers),
                "size": draw(numbers),
            }
            for i in range(len(agents))
        ]
        pairs = st.tuples(st.integers(0, max(0, len(agents) - 1)), st.integers(-1, max(0, len(agents) - 1)))
        told = st.fixed_dictionaries({"prob": numbers}, optional={"price": numbers, "size": numbers})
        matches = [{"a": a, "b": b, **draw(told)} for a, b in draw(st.lists(pairs, max_size=4 if agents else 0))]
        s = draw(st.fixed_dictionaries(dict.fromkeys(("price_norm", "volatility", "liquidity", "imbalance"), numbers)))
        mid = draw(st.just({}) | st.fixed_dictionaries({"mid": numbers}))
        ts = 1_700_000_000 + draw(st.integers(0, 10**12)) / 1e6
        made.append(
            {"type": "tick", "t": t, "ts": ts, "s": s, **mid, "agents": agents, "actions": actions, "matches": matches}
        )
    return made


def lines_of(messages: list[Row]) -> list[bytes]:
    return [json.dumps(message).encode() for message in messages]


def made(table: str, messages: list[Row], **options: Any) -> list[Row]:
    found = list(batches(table, lines_of(messages), **options))
    assert all(batch.schema.equals(schema_of(table), check_metadata=True) for batch in found)
    rows = pa.Table.from_batches(found, schema_of(table)).to_pylist()
    return [{**row, "ts": row["ts"].timestamp()} for row in rows]


def of_agents(tick: Row) -> list[Row]:
    return [{"agent_id": one["id"], "name": one.get("name"), "experience": one["experience"]} for one in tick["agents"]]


def of_actions(tick: Row) -> list[Row]:
    both = zip(tick["agents"], tick["actions"], strict=True)
    return [
        {"action": i, "agent_id": agent["id"], **{name: one[name] for name in ("side", "price", "size")}}
        for i, (agent, one) in enumerate(both)
    ]


def of_matches(tick: Row) -> list[Row]:
    rows = []
    for i, one in enumerate(tick["matches"]):
        ends = [one["a"]] if one["b"] == -1 else [one["a"], one["b"]]
        ids = [tick["agents"][end]["id"] for end in ends]
        told = {name: one.get(name) for name in ("a", "b", "prob", "price", "size")}
        volume = one.get("size", min(tick["actions"][end]["size"] for end in ends))
        rows.append({"match": i, **told, "agent_a": ids[0], "agent_b": (*ids, None)[1], "volume": volume})
    return rows


def of_tick(tick: Row) -> list[Row]:
    counts = {f"{name}_n": len(tick[name]) for name in ("agents", "matches")}
    return [{**tick["s"], "price": None, "mid": tick.get("mid"), **counts}]


def of_nodes(frame: Row) -> list[Row]:
    t0 = frame["window"]["t0"]
    lacking = {"name": None, "pool_count": None, "degree": None}
    return [{**lacking, "t0": t0, "agent_id": n["agent_id"], **n["features"]} for n in frame["nodes"]]


def of_edges(frame: Row) -> list[Row]:
    ids = {node["node_id"]: node["agent_id"] for node in frame["nodes"]}
    return [
        {**edge, "t0": frame["window"]["t0"], "src": ids[edge["src"]], "dst": ids[edge["dst"]]}
        for edge in frame["edges"]
    ]


def expected(maker: Any, messages: list[Row]) -> list[Row]:
    return [{"t": message["t"], "ts": message["ts"], **row} for message in messages for row in maker(message)]


MAKERS = {"ticks": of_tick, "agents": of_agents, "actions": of_actions, "matches": of_matches}


@settings(max_examples=at_most(60))
@given(messages=ticks(), rows=st.sampled_from([1, 3, 65_536]), text_bytes=st.sampled_from([1, 700, 1 << 20]))
def test_every_value_of_ticks_is_in_their_tables(messages: list[Row], rows: int, text_bytes: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batches_module, "_TEXT_BYTES", text_bytes)
        for table, maker in MAKERS.items():
            found = [batch.num_rows for batch in batches(table, lines_of(messages), rows=rows)]
            assert all(count == rows for count in found[:-1])
            assert made(table, messages, rows=rows) == expected(maker, messages)


def test_the_worked_example_of_frames_has_its_rows() -> None:
    """Those of a frame, of one of an older version without what is left out, and of a metric."""
    frame = FRAME
    older = {**frame, "t": 4, "nodes": [{**node, "features": dict(node["features"])} for node in frame["nodes"]]}
    for node in older["nodes"]:
        del node["features"]["pool_count"], node["features"]["degree"]
    older["nodes"][0]["name"] = "maker:1"
    assert made("edges", [frame, older]) == expected(of_edges, [frame, older])
    found = made("nodes", [frame, older])
    assert found == [
        {**row, **({"name": "maker:1"} if i == 3 else {})} for i, row in enumerate(expected(of_nodes, [frame, older]))
    ]
    told = {name: METRIC[name] for name in ("t", "ts", "N", "avg_exp", "matches_n")}
    prices = PriceRanges()
    prices.take("0:40000.0:60000.0, 3:210.5:631.5")
    assert made("metrics", [METRIC], prices=prices) == [{**told, **METRIC["s"], "price": 423.105}]


def test_a_time_that_cannot_be_is_null_and_every_other_is_exact() -> None:
    messages = [
        {"t": t, "ts": ts} for t, ts in enumerate([1769192681.95, -1.0, 1e300, None, 1769192681, 7258118399.999999])
    ]
    (batch,) = batches("metrics", lines_of(messages))
    times = batch.column("ts").cast(pa.int64()).to_pylist()
    assert times == [1769192681950000, None, None, None, 1769192681000000, 7258118399999999]


def test_bars_have_their_times() -> None:
    bar = (7, 60_000, 120_000, 9, "1m", 100.0, 110.0, 90.0, 105.0, 3.5)
    found = list(bar_batches([bar] * 5, rows=2))
    assert [batch.num_rows for batch in found] == [2, 2, 1]
    (row, *_) = found[0].to_pylist()
    assert (row["ts"], row["close_time"]) == tuple(datetime.fromtimestamp(s, UTC) for s in (60, 120))
    assert (row["t"], row["last_t"], row["resolution"], row["volume"]) == (7, 9, "1m", 3.5)


ACTION = {"side": "buy", "price": 1.0, "size": 1.0}


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("ticks", b"no JSON"),
        ("ticks", b'{"ts":1.0}'),
        ("agents", b'{"t":1,"ts":1.0,"agents":[{"id":"seven"}]}'),
        ("actions", json.dumps({"t": 1, "ts": 1.0, "agents": [], "actions": [ACTION]}).encode()),
        (
            "matches",
            json.dumps(
                {"t": 1, "ts": 1.0, "agents": [{"id": 1}], "actions": [ACTION], "matches": [{"a": 1, "b": -1}]}
            ).encode(),
        ),
        (
            "matches",
            json.dumps(
                {"t": 1, "ts": 1.0, "agents": [{"id": 1}], "actions": [ACTION], "matches": [{"b": -1}]}
            ).encode(),
        ),
        ("edges", b'{"t":1,"ts":1.0,"window":{"t0":1},"edges":[{"src":"7","dst":"agent:8@t:1-1"}]}'),
    ],
)
def test_what_is_no_message_is_refused_in_a_sentence(table: str, message: bytes) -> None:
    with pytest.raises(BadMessage):
        list(batches(table, [message]))


def test_gaps_are_told_merged_and_bounded() -> None:
    gaps = Gaps()
    told = [(3, 4, "lost"), (5, 9, "lost"), (10, 11, "damaged")]
    lines = [
        b'{"type":"gap","kind":"ticks","from_t":%d,"to_t":%d,"reason":"%s"}\n' % (a, b, r.encode()) for a, b, r in told
    ]
    assert list(messages_of([lines[0], b'{"t":1}\n', *lines[1:]], gaps)) == [b'{"t":1}\n']
    assert json.loads(gaps.json()) == [
        {"from_t": 3, "to_t": 9, "reason": "lost"},
        {"from_t": 10, "to_t": 11, "reason": "damaged"},
    ]
    for t in range(100, 100 + 4 * MOST_GAPS, 2):
        gaps.add(t, t, "lost")
    assert len(gaps) == MOST_GAPS
    assert list(gaps)[-1].to_t == 98 + 4 * MOST_GAPS
    with pytest.raises(BadMessage):
        list(messages_of([b'{"type":"gap","from_t":"x"}'], gaps))


def test_schemas_tell_units_and_meanings() -> None:
    for name, table in TABLES.items():
        schema = schema_of(name)
        assert schema.names[:2] == ["t", "ts"]
        assert schema.metadata[b"table"] == name.encode()
        for column in table.columns:
            told = schema.field(column.name).metadata
            assert (told[b"unit"].decode(), told[b"meaning"].decode()) == (column.unit, column.meaning)


def test_a_missing_pyarrow_is_said_in_one_sentence() -> None:
    lacking = f"import sys; sys.path.insert(0, {str(ROOT / 'client' / 'src')!r}); sys.modules['pyarrow'] = None"
    program = f"{lacking}; import marketcamera, marketcamera.tables.columns; import marketcamera.tables.batches"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.stderr.splitlines()[-1] == (
        "marketcamera.errors.MarketCameraError: tables need the pyarrow package: pip install 'marketcamera[arrow]'"
    )
