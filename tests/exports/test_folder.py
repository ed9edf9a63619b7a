"""The folder of an export: read by DuckDB, Polars and pandas as one table, gone on with, and put right after a kill."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import pandas
import polars
import pyarrow as pa
import pytest
from mcap.reader import make_reader
from pyarrow import parquet

from bars import stored
from exports import day_files, folder
from exports.errors import NotAnExport, OtherExport
from exports.export_log import NAME
from exports.folder import MCAP, Folder, Layout
from exports.message_schemas import SCHEMAS
from exports.recorded import RunPrices
from marketcamera.tables.arrow import schema_of
from marketcamera.tables.batches import batches
from marketcamera.tables.columns import TABLES
from recorder.models import Market
from recorder.recovery.run_registry import price_ranges
from recorder.tape.history import History
from tests.bars.conftest import walk
from tests.bars.kept import built
from tests.recorder import store as stores
from tests.recorder.made_once import made_once
from tests.recorder.store import Store

pytestmark = pytest.mark.django_db

#: Twenty seconds before a day ends: a tick is 0.1 s.
EVENING = 1_767_225_580.0
NIGHT_T = 200
TICKS, GAP = 330, 30
OF_TAPES = [name for name in TABLES if name != "bars"]

Export = Callable[..., list[Any]]


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> History:
    """Ticks over midnight, in three segments of each kind; before the last, some are lost."""
    monkeypatch.setattr(stores, "NOON", EVENING)
    monkeypatch.setattr(folder, "PART_TICKS", 64)
    made_once(Market.objects.create(symbol="IG-USD"), tmp_path / "store", over_midnight)
    return History("IG-USD", tmp_path / "store")


def over_midnight(store: Store) -> None:
    store.record(120)
    store.record(100)
    store.record(TICKS - 220 - GAP, gap=GAP)


@pytest.fixture
def export(recorded: History, tmp_path: Path) -> Export:
    """Exports kinds up to a t to a folder."""

    def run(*kinds: str, to_t: int = TICKS - 1, name: str = "out", **layout: Any) -> list[Any]:
        opened = Folder(tmp_path / name, recorded, Layout(**layout), RunPrices(price_ranges("IG-USD")))
        return [part for kind in kinds or OF_TAPES for part in opened.export(kind, to_t)]

    return run


def expected(history: History, table: str) -> pa.Table:
    found = history.messages([TABLES[table].tape], -1)
    lines = [message.text for message in found if message.text is not None]
    prices = RunPrices(price_ranges("IG-USD"))
    return pa.Table.from_batches(batches(table, lines, prices=prices), schema_of(table))


def read(directory: Path) -> pa.Table:
    """All files of a kind, in order of t, without the columns of their folders."""
    files = sorted(directory.rglob("*.parquet"), key=lambda path: path.name)
    return pa.concat_tables([parquet.ParquetFile(path).read() for path in files])


def test_every_table_is_there_by_day_and_read_by_others(recorded: History, export: Export, tmp_path: Path) -> None:
    parts = export()
    assert {part.kind for part in parts} == set(OF_TAPES)
    gaps = [gap for part in parts if part.kind == "actions" for gap in part.gaps]
    assert (gaps[0]["from_t"], gaps[-1]["to_t"], gaps[0]["reason"]) == (220, 220 + GAP - 1, "lost")
    for table in OF_TAPES:
        directory, wanted = tmp_path / "out" / f"kind={table}", expected(recorded, table)
        assert wanted.num_rows
        assert {path.name for path in directory.iterdir()} == {"date=2025-12-31", "date=2026-01-01"}
        assert read(directory).equals(wanted)
        pattern = f"{tmp_path}/out/kind={table}/**/*.parquet"
        last = wanted.column_names[-1]
        by_duckdb = duckdb.sql(
            f"SELECT date, t, ts, \"{last}\" FROM read_parquet('{pattern}') ORDER BY filename, file_row_number"
        )
        by_polars = polars.scan_parquet(pattern, hive_partitioning=True).select("date", "t", "ts", last).collect()
        by_pandas = pandas.read_parquet(directory)[["date", "t", "ts", last]]
        days = [f"{'2026-01-01' if t >= NIGHT_T else '2025-12-31'}" for t in wanted.column("t").to_pylist()]
        for found in (by_duckdb.to_arrow_table(), by_polars.to_arrow(), pa.Table.from_pandas(by_pandas)):
            rows = sorted(zip(*(map(str, found.column(name).to_pylist()) for name in ("date", "t", last)), strict=True))
            plain = (map(str, wanted.column(name).to_pylist()) for name in ("t", last))
            assert rows == sorted(zip(days, *plain, strict=True))
        assert by_polars.schema["ts"] == polars.Datetime("us", "UTC")


def test_an_export_goes_on_where_it_ended(recorded: History, export: Export, tmp_path: Path) -> None:
    """Also one that was killed: between files and line, in the middle of a line, and in the middle of a file."""
    export("agents", "edges", to_t=100)
    log = tmp_path / "out" / NAME
    whole = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(whole[:-1]) + whole[-1][:40])
    begun = tmp_path / "out" / "kind=agents" / "date=2025-12-31" / f"{day_files.file_name(128, 0, '.parquet')}.new"
    begun.write_bytes(b"PAR1")
    mine = tmp_path / "out" / "kind=agents" / "notes.txt"
    mine.write_text("stays")
    export("agents", "edges")
    export("agents", "edges")
    assert not begun.exists()
    assert mine.exists()
    for table in ("agents", "edges"):
        assert read(tmp_path / "out" / f"kind={table}").equals(expected(recorded, table))
    spans = [
        (part["from_t"], part["to_t"])
        for part in map(json.loads, log.read_text().splitlines()[1:])
        if part["kind"] == "agents"
    ]
    assert [spans[0][0], spans[-1][1]] == [0, TICKS - 1]
    assert all(before[1] + 1 == after[0] for before, after in pairwise(spans))


def test_what_was_removed_at_the_beginning_is_one_gap(recorded: History, export: Export, tmp_path: Path) -> None:
    for path in (recorded.directory / "ticks").glob("segment_*_0.jsonl.zst"):
        path.unlink()
    first, *_ = export("ticks", by_day=False)
    assert (first.from_t, first.to_t, first.rows, first.files) == (0, 119, 0, [])
    assert first.gaps == [{"from_t": 0, "to_t": 119, "reason": "expired"}]
    assert read(tmp_path / "out" / "kind=ticks").column("t").to_pylist() == [*range(120, 220), *range(220 + GAP, TICKS)]


def test_a_folder_of_something_else_is_left_alone(export: Export, recorded: History, tmp_path: Path) -> None:
    export("ticks", to_t=10)
    with pytest.raises(OtherExport, match="an export with by_day True, not False; choose another folder"):
        export("ticks", by_day=False)
    recorded.store_id = "0" * 32
    with pytest.raises(OtherExport, match="an export with store None, not 0000"):
        export("ticks")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "letter.txt").write_text("mine")
    with pytest.raises(NotAnExport, match="it is not empty, and has no _export"):
        export("ticks", name="taken")


def test_days_that_come_and_go_have_whole_files(tmp_path: Path) -> None:
    """Of a tape whose ts leap, and of rows without a ts."""
    lines = [json.dumps({"t": t, "ts": -1.0 if t == 50 else 86_400.0 * (t * 7 % 12)}).encode() for t in range(60)]
    schema = schema_of("metrics")
    files = day_files.DayFiles(tmp_path, 0, schema, lambda: {"gaps": "[]"}, by_day=True)
    for batch in batches("metrics", lines, rows=3):
        files.write(batch)
    paths = files.finish()
    assert len(paths) > 13
    assert sorted(read(tmp_path).column("t").to_pylist()) == list(range(60))
    without = [path for path in paths if path.parent.name == "date=__HIVE_DEFAULT_PARTITION__"]
    assert parquet.read_table(without[0], partitioning=None).column("t").to_pylist() == [50]
    assert all(parquet.read_metadata(path).metadata[b"gaps"] == b"[]" for path in paths)


def test_mcap_has_every_message_with_a_schema_that_holds(recorded: History, export: Export, tmp_path: Path) -> None:
    import jsonschema  # here, since it takes seconds of every worker to load

    parts = export(MCAP, form="mcap")
    messages = []
    for part in parts:
        with (tmp_path / "out" / part.files[0]).open("rb") as file:
            reader = make_reader(file, validate_crcs=True)
            assert {schema.encoding for schema in reader.get_summary().schemas.values()} == {"jsonschema"}
            for schema, channel, message in reader.iter_messages():
                told = json.loads(message.data)
                jsonschema.validate(told, json.loads(schema.data))
                assert (channel.topic, channel.message_encoding, told["type"]) == (schema.name, "json", schema.name)
                assert message.log_time == round(told["ts"] * 1e6) * 1000
                messages.append(message.data)
            (metadata,) = reader.iter_metadata()
            assert json.loads(metadata.metadata["gaps"]) == part.gaps
    recorded_texts = [m.text for m in recorded.messages(["ticks", "metrics", "frames"], -1) if m.text is not None]
    assert sorted(messages) == sorted(recorded_texts)
    assert any(part.gaps for part in parts)


def test_the_schemas_refuse_what_is_no_message(recorded: History) -> None:
    import jsonschema  # as above

    for kind, name in (("ticks", "tick"), ("frames", "frame"), ("metrics", "metric")):
        text = next(message.text for message in recorded.messages([kind], -1))
        told = json.loads(text or b"")
        jsonschema.Draft202012Validator.check_schema(SCHEMAS[name])
        for field in SCHEMAS[name]["required"]:
            with pytest.raises(jsonschema.ValidationError):
                jsonschema.validate({key: value for key, value in told.items() if key != field}, SCHEMAS[name])


def test_a_gap_behind_the_last_bar_is_told_with_the_bars_behind_it(tmp_path: Path) -> None:
    market = Market.objects.create(symbol="IG-USD")
    ticks = walk(600)
    found = []
    for last_t in (230, 600):
        closings, _ = built([tick for tick in ticks if tick.t <= last_t])
        stored.save(market, closings)
        opened = Folder(tmp_path / "out", History("IG-USD", tmp_path / "store"), Layout(), None)
        found += opened.export("bars", last_t)
    first, second = found
    assert (first.to_t, [gap["from_t"] for gap in first.gaps]) == (119, [5, 102])
    assert (second.from_t, second.gaps[0]["from_t"]) == (120, 199)
    metadata = parquet.read_metadata(tmp_path / "out" / first.files[0]).metadata
    assert json.loads(metadata[b"gaps"]) == first.gaps
