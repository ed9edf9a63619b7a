"""`/export` through the real server: the rows that were recorded, what is missing among them, and bad requests."""

from __future__ import annotations

import io
import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import polars
import pyarrow as pa
import pytest
from pyarrow import csv, ipc, parquet

from marketcamera.tables.arrow import schema_of
from marketcamera.tables.batches import batches
from marketcamera.tables.columns import TABLES
from tests.end_to_end.reading import assert_error
from tests.processes import Live, Site, first_t, wait_until

TICKS = 15_000
SETTINGS = {"IG_SEED": 7, "IG_CAM_W": 20, "IG_CAM_STRIDE": 100, "IG_SPEED": 1}


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory, migrated_database: Path) -> Iterator[tuple[Live, list[int]]]:
    """A server whose recording lacks a file of ticks that begins in the middle, and the t at which files begin."""
    site = Site(tmp_path_factory.mktemp("recorded"), migrated_database)
    try:
        for ticks in (6_000, 500, TICKS - 6_500):
            made = site.run("runmarket", "--ticks", str(ticks), "--speed", "0", **SETTINGS)
            assert made.returncode == 0, made.stderr
        files = site.segments("ticks")
        starts = [first_t(path) for path in files]
        files[1].unlink()
        live = site.serve(**SETTINGS)
        live.wait_for_ticks(TICKS - 1)  # before, it is not healthy
        yield live, starts
    finally:
        site.end()


def expected(live: Live, table: str, t0: int, t1: int) -> pa.Table:
    """What the messages of `/range` make."""
    lines = live.ask(f"/range?kind={TABLES[table].tape}&t0={t0}&t1={t1}").body.splitlines()
    messages = [line for line in lines if not line.startswith(b'{"type":"gap"')]
    return pa.Table.from_batches(batches(table, messages), schema_of(table))


def without_price(table: pa.Table) -> pa.Table:
    return table.drop_columns([name for name in ("price",) if name in table.column_names])


@pytest.mark.parametrize("table", [name for name in TABLES if name != "bars"])
def test_a_table_has_what_was_recorded_and_tells_what_is_missing(recorded: tuple[Live, list[int]], table: str) -> None:
    live, starts = recorded
    answer = live.ask(f"/export?kind={table}&t0=5900&t1=7000")
    assert answer.status == 200, answer.body
    assert answer.headers["Content-Type"] == "application/vnd.apache.parquet"
    assert answer.headers["Market-Camera-Store"] == live.ask("/health").json()["meta"]["store"]
    file = parquet.ParquetFile(io.BytesIO(answer.body))
    assert file.schema_arrow.equals(schema_of(table))
    found = file.read()
    wanted = expected(live, table, 5900, 7000)
    assert wanted.num_rows
    assert without_price(found).equals(without_price(wanted))
    told = [{"from_t": starts[1], "to_t": starts[2] - 1, "reason": "expired"}]
    metadata = {name.decode(): value.decode() for name, value in file.metadata.metadata.items()}
    assert json.loads(metadata["gaps"]) == (told if TABLES[table].tape == "ticks" else [])
    assert (metadata["table"], metadata["symbol"], metadata["store"]) == (
        table,
        "IG-USD",
        answer.headers["Market-Camera-Store"],
    )


def test_prices_are_those_of_the_runs(recorded: tuple[Live, list[int]]) -> None:
    live, _ = recorded
    rows = parquet.read_table(io.BytesIO(live.ask("/export?kind=ticks&t0=100&t1=200").body)).to_pylist()
    assert [row["price"] for row in rows] == [round(40_000 + 20_000 * row["price_norm"], 6) for row in rows]


def test_row_groups_have_64k_rows_and_every_format_the_same_ones(recorded: tuple[Live, list[int]]) -> None:
    live, starts = recorded
    paths = {form: f"/export?kind=agents&t1={TICKS - 1}&format={form}" for form in ("parquet", "arrow", "csv")}
    answers = {form: live.ask(path) for form, path in paths.items()}
    file = parquet.ParquetFile(io.BytesIO(answers["parquet"].body))
    groups = [file.metadata.row_group(i).num_rows for i in range(file.metadata.num_row_groups)]
    assert len(groups) > 1
    assert set(groups[:-1]) == {65_536}
    assert file.metadata.row_group(0).column(2).compression == "ZSTD"
    table = file.read()
    stream = ipc.open_stream(answers["arrow"].body)
    parts = list(stream.iter_batches_with_custom_metadata())
    assert pa.Table.from_batches([part.batch for part in parts]).equals(table)
    assert parts[-1].batch.num_rows == 0
    (gap,) = json.loads(parts[-1].custom_metadata[b"gaps"])
    assert (gap["from_t"], gap["to_t"]) == (starts[1], starts[2] - 1)
    types = {field.name: field.type for field in table.schema}
    options = csv.ConvertOptions(column_types=types, null_values=[""], strings_can_be_null=True)
    assert csv.read_csv(io.BytesIO(answers["csv"].body), convert_options=options).cast(table.schema).equals(table)
    assert polars.read_ipc_stream(answers["arrow"].body).equals(polars.read_parquet(answers["parquet"].body))
    for form, answer in answers.items():
        assert answer.headers["Trailer"] == "Gap"
        assert answer.headers["Content-Disposition"] == f'attachment; filename="IG-USD-agents-{TICKS - 1}.{form}"'


def raw(live: Live, path: str, version: str = "1.1") -> bytes:
    with socket.create_connection(("127.0.0.1", live.port)) as connection:
        connection.sendall(f"GET {path} HTTP/{version}\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        return b"".join(iter(lambda: connection.recv(1 << 16), b""))


def test_the_field_gap_follows_a_long_answer_and_stands_before_a_short_one(recorded: tuple[Live, list[int]]) -> None:
    live, starts = recorded
    missing = f"{starts[1]}-{starts[2] - 1} expired"
    assert raw(live, f"/export?kind=agents&t1={TICKS}").endswith(f"\r\n0\r\nGap: {missing}\r\n\r\n".encode())
    assert raw(live, "/export?kind=agents&t1=5000").endswith(b"\r\n0\r\nGap: none\r\n\r\n")
    assert raw(live, f"/export?kind=agents&t1={TICKS}", "1.0").endswith(b"PAR1")
    short = live.ask(f"/export?kind=ticks&t0={starts[1] - 5}&t1={starts[2] + 4}&format=csv")
    assert (short.headers["Gap"], short.headers["Trailer"]) == (missing, None)
    assert len(short.body.splitlines()) == 11
    assert int(short.headers["Content-Length"]) == len(short.body)


def test_one_address_has_two_tables_under_way(recorded: tuple[Live, list[int]]) -> None:
    """Clients that take nothing hold their tables; once they are gone there is room again."""
    live, _ = recorded
    request = b"GET /export?kind=actions&format=csv HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with ExitStack() as idle:
        for _ in range(2):
            client = idle.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", live.port))
            client.sendall(request)
            assert client.recv(12) == b"HTTP/1.1 200"
        refused = live.ask("/export?kind=ticks")
        assert_error(refused, 429, "too_many_requests")
        assert refused.json()["error"]["message"] == "2 tables are under way from 127.0.0.1, the most for one address"
        assert refused.headers["Retry-After"] == "2"
    wait_until(lambda: live.ask("/export?kind=ticks").status == 200, "room for another table")


def test_bars_are_those_of_the_bars_path(recorded: tuple[Live, list[int]]) -> None:
    """Of a range those that lie within it, also one that began before its first tick."""
    live, _ = recorded
    bars = live.json("/api/v1/bars?resolution=1m&from=0&limit=10000")["bars"]
    rows = parquet.read_table(io.BytesIO(live.ask("/export?kind=bars&resolution=1m").body)).to_pylist()
    assert len(rows) > 15
    names = ("open", "high", "low", "close", "volume")

    def form(bar: dict[str, Any], begin: Any, end: Any) -> tuple[Any, ...]:
        return (begin, end, *(bar[name] for name in names))

    told = [form(row, row["ts"].timestamp() * 1000, row["close_time"].timestamp() * 1000) for row in rows]
    assert told[: len(bars)] == [form(bar, bar["open_time"], bar["close_time"]) for bar in bars][: len(told)]
    assert rows[0]["t"] == 0
    some = live.ask(f"/export?kind=bars&resolution=1m&t0={rows[3]['t'] + 1}&t1={rows[9]['last_t']}")
    assert parquet.read_table(io.BytesIO(some.body)).to_pylist() == rows[4:10]


def test_an_empty_range_is_a_table_without_rows(recorded: tuple[Live, list[int]]) -> None:
    live, _ = recorded
    far = "t0=9000000&t1=9000001"
    for kind in ("edges", "bars"):
        assert parquet.read_table(io.BytesIO(live.ask(f"/export?kind={kind}&{far}").body)).num_rows == 0
        assert ipc.open_stream(live.ask(f"/export?kind={kind}&{far}&format=arrow").body).read_all().num_rows == 0
        assert live.ask(f"/export?kind={kind}&{far}&format=csv").body.count(b"\n") == 1


def test_head_has_the_headers_and_no_body(recorded: tuple[Live, list[int]]) -> None:
    live, _ = recorded
    for path in ("/export?kind=agents&t1=7000", "/export?kind=ticks&t1=10&format=csv"):
        head, get = live.ask(path, "HEAD"), live.ask(path)
        assert (head.status, head.body) == (200, b"")
        for name in ("Content-Type", "Content-Disposition", "Content-Length", "Trailer", "Market-Camera-Prices"):
            assert head.headers[name] == get.headers[name]


@pytest.mark.parametrize(
    ("query", "status", "code", "words"),
    [
        ("kind=frames", 400, "bad_parameter", "kind must be one of ticks, agents, actions"),
        ("format=xlsx", 400, "bad_parameter", "format must be one of parquet, arrow, csv"),
        ("t0=5&t1=4", 400, "bad_parameter", "t1 must not be below t0"),
        ("t0=x", 400, "bad_parameter", "t0 must be an integer"),
        ("kind=edges&resolution=1m", 400, "bad_parameter", "resolution is of bars"),
        ("kind=bars&resolution=2m", 400, "bad_parameter", "resolution must be one of"),
        ("symbol=NOPE", 404, "unknown_symbol", "NOPE"),
        (f"store={'0' * 32}", 409, "store_changed", "the recording of IG-USD is"),
    ],
)
def test_bad_requests_are_told_what_is_wrong(
    recorded: tuple[Live, list[int]], query: str, status: int, code: str, words: str
) -> None:
    answer = recorded[0].ask(f"/export?{query}")
    assert_error(answer, status, code)
    assert words in answer.json()["error"]["message"]
