"""Tables of trades: every format, what rows may be wrong in, and going on from anywhere."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import logging
import lzma
import os
import random
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
import zstandard

from market.sources.named import source_from
from market.sources.options import SourceSettings
from market.sources.source import SourceError
from market.tick import Tick
from market.timestamps import EXPECTED

COLUMNS = ["time", "price", "size", "buyer", "seller", "taker"]
ALL = ", ".join(COLUMNS)
BEGIN = 1_700_000_000


def trades(number: int, seed: int = 1) -> list[list[Any]]:
    """Rows as they may come: in disorder within two seconds, with a silence, and somebody's trade with itself."""
    dice, at, rows = random.Random(seed), float(BEGIN), []
    for i in range(number):
        at += dice.expovariate(2) + (100 if i == number // 2 else 0)
        names = dice.choices(["0xa", "0xb", "0xc", "Bäckerei, Söhne", "e"], k=2)
        price = round(100 + dice.gauss(0, 1), 2)
        rows.append(
            [round(at - 2 * dice.random(), 6), price, dice.randint(1, 99) / 8, *names, dice.choice(["buy", "sell", ""])]
        )
    return rows


def as_csv(rows: list[list[Any]], head: list[str] = COLUMNS, **dialect: Any) -> bytes:
    text = io.StringIO()
    csv.writer(text, **dialect).writerows([head, *rows])
    return text.getvalue().encode()


def as_ndjson(rows: list[list[Any]], columns: list[str] = COLUMNS) -> bytes:
    return b"".join(orjson.dumps(dict(zip(columns, row, strict=True))) + b"\n" for row in rows)


def as_parquet(rows: list[list[Any]]) -> bytes:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    columns = [list(column) for column in zip(*rows, strict=True)]
    columns[0] = pyarrow.array([round(at * 1e6) * 1000 for at in columns[0]], pyarrow.timestamp("ns", "UTC"))
    file = io.BytesIO()
    parquet.write_table(pyarrow.table(columns, names=COLUMNS), file, row_group_size=30)
    return file.getvalue()


def two_frames(text: bytes) -> bytes:
    half = len(text) // 2
    return zstandard.compress(text[:half]) + zstandard.compress(text[half:])


PACKED = {"": bytes, "gz": gzip.compress, "zst": two_frames}
FORMATS: dict[str, Callable[[list[list[Any]]], bytes]] = {
    "csv": as_csv,
    "csv with a mark": lambda rows: b"\xef\xbb\xbf" + as_csv(rows),
    "csv with a mark and quotes": lambda rows: b"\xef\xbb\xbf" + as_csv(rows, quoting=csv.QUOTE_ALL),
    "tab": lambda rows: as_csv(rows, delimiter="\t"),
    "semicolon": lambda rows: as_csv(rows, delimiter=";"),
    "csv.gz": lambda rows: gzip.compress(as_csv(rows)),
    "csv.zst": lambda rows: two_frames(as_csv(rows)),
    "ndjson": as_ndjson,
    "ndjson with a mark": lambda rows: b"\xef\xbb\xbf" + as_ndjson(rows),
    "ndjson.gz": lambda rows: gzip.compress(as_ndjson(rows)),
    "ndjson.zst": lambda rows: two_frames(as_ndjson(rows)),
    "parquet": as_parquet,
}


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], Path]:
    """Writes a table, and returns its name as given by somebody in its directory."""
    monkeypatch.chdir(tmp_path)

    def written(data: bytes) -> Path:
        Path("trades").write_bytes(data)
        return Path("trades")

    return written


def opened(options: str = "", interval: float = 1.0, **settings: float) -> Any:
    return source_from(f"trades:trades{options}", SourceSettings(tick_seconds=interval, **settings))  # type: ignore[arg-type]


def played(options: str = "", interval: float = 1.0) -> list[bytes]:
    return [tick.to_json() for tick in opened(options, interval)]


def fault(options: str = "") -> str:
    with pytest.raises(SourceError) as caught:
        played(options)
    return str(caught.value)


# --- formats


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_same_ticks(table: Callable[[bytes], Path], name: str) -> None:
    rows = trades(120)
    table(as_csv(sorted(rows)))
    expected = played()
    table(FORMATS[name](rows))
    assert played("?time=time") == expected
    matches = sum(len(Tick.from_json(line).match_a) for line in expected)
    assert matches == sum(row[3] != row[4] for row in rows)


@pytest.mark.parametrize("name", ["csv", "csv.gz", "csv.zst", "ndjson", "parquet"])
def test_a_table_goes_on_from_any_tick_exactly(table: Callable[[bytes], Path], name: str) -> None:
    table(FORMATS[name](trades(100)))
    whole, source, checkpoints = played(), opened(), []
    ids = source.agent_ids
    checkpoints.append(source.checkpoint())
    for _ in source:
        checkpoints.append(source.checkpoint())
    assert len(whole) > 40
    for made, checkpoint in enumerate(checkpoints):
        again = opened()
        again.agent_ids = ids  # as the store's, which outlive the process
        again.restore(checkpoint)
        assert [tick.to_json() for tick in again] == whole[made:]
        assert again.price_range == source.price_range


@pytest.mark.parametrize("name", ["csv", "csv.gz", "csv.zst", "ndjson", "ndjson.zst"])
def test_a_table_whose_last_line_has_no_end_goes_on_behind_it(table: Callable[[bytes], Path], name: str) -> None:
    kind, _, packed = name.partition(".")
    text = {"csv": as_csv, "ndjson": as_ndjson}[kind](trades(20)).rstrip()
    table(PACKED[packed](text))
    whole, source = played(), opened("?late=1000")  # all rows are read before the first tick
    next(iter(source))
    again = opened("?late=1000")
    again.agent_ids = source.agent_ids
    again.restore(source.checkpoint())
    assert [tick.to_json() for tick in again] == whole[1:]


@pytest.mark.parametrize("checkpoint", ["", "17", "{}", '{"ticks":{}}', '{"ticks":[]}'])
def test_a_checkpoint_of_something_else_is_refused(table: Callable[[bytes], Path], checkpoint: str) -> None:
    table(as_csv(trades(3)))
    with pytest.raises(SourceError, match="trades:trades: not a checkpoint of it"):
        opened().restore(checkpoint)


@pytest.mark.parametrize("name", ["csv", "csv.gz", "ndjson"])
def test_a_table_that_became_shorter_is_a_fault(table: Callable[[bytes], Path], name: str) -> None:
    table(FORMATS[name](trades(50)))
    source = opened()
    assert list(source)
    table(FORMATS[name](trades(10)))
    with pytest.raises(SourceError, match="its text ends before byte"):
        list(source)


@pytest.mark.parametrize("name", ["csv", "csv.gz", "ndjson.zst"])
def test_a_table_of_any_length_takes_bounded_memory(table: Callable[[bytes], Path], name: str) -> None:
    dice, columns = random.Random(1), [*COLUMNS[:5], "note"]
    rows = [[BEGIN + i, 100.0, 1.0, "a", "b", dice.randbytes(20_000).hex()] for i in range(250)]
    data = as_csv(rows, columns) if "csv" in name else as_ndjson(rows, columns)
    table(PACKED[name.partition(".")[2]](data))
    assert len(data) > 10_000_000
    del rows, data
    tracemalloc.start()
    try:
        assert sum(1 for _ in opened()) == 250
        assert tracemalloc.get_traced_memory()[1] < 3_000_000
    finally:
        tracemalloc.stop()


# --- columns and options


def test_usual_columns_are_found_and_told(table: Callable[[bytes], Path], caplog: pytest.LogCaptureFixture) -> None:
    rows = [["1", "2023-11-14 22:13:20.500 UTC", "x", "0.5", "7", "8", "B"]]
    table(as_csv(rows, ["Trade ID", "block_time", "note", "px", "Buyer_ID", "sellerAddress", "side"]))
    with caplog.at_level(logging.INFO), pytest.raises(SourceError):
        opened()
    table(
        as_csv(
            [[*row, "3"] for row in rows],
            ["Trade ID", "block_time", "note", "px", "Buyer_ID", "sellerAddress", "side", "qty"],
        )
    )
    with caplog.at_level(logging.INFO):
        (tick,) = opened()
    assert (tick.ts, tick.mid, tick.names, tick.imbalance) == (BEGIN, 0.5, ("7", "8"), 1.0)
    told = "time=block_time, price=px, size=qty, buyer=Buyer_ID, seller=sellerAddress, taker=side, id=Trade ID"
    assert caplog.messages[0] == f"trades:trades: columns by their names: {told}"


def test_options_name_columns_and_the_market(table: Callable[[bytes], Path]) -> None:
    table(
        as_csv(
            [[BEGIN, 60, 2, "a", "b", "?"], [BEGIN + 3, 61, 1, "b", "a", "?"]],
            ["t", "p", "v", "from me", "to me", "side"],
        )
    )
    options = "?time=t&price=p&size=v&buyer=to%20me&seller=from%20me&taker=&low=50&high=100&silence=2"
    source = opened(options)
    first, second = source
    assert (first.names, first.match_a.tolist(), first.match_b.tolist()) == (("b", "a"), [0], [1])
    assert (source.price_range, first.price_norm, second.ts) == ((50.0, 100.0), 0.2, BEGIN + 3)


def test_the_price_range_is_of_the_first_price(table: Callable[[bytes], Path]) -> None:
    table(as_csv([[BEGIN, 60, 2, "a", "b", ""]]))
    source = opened()
    assert source.price_range is None
    next(iter(source))
    assert source.price_range == (30.0, 90.0)


def test_prices_beyond_the_range_are_told(table: Callable[[bytes], Path], caplog: pytest.LogCaptureFixture) -> None:
    table(as_csv([[BEGIN + i, price, 1, "a", "b", ""] for i, price in enumerate([100, 150, 50, 150.5, 200, 49, 300])]))
    assert [tick.price_norm for tick in opened()] == [0.5, 1, 0, 1, 1, 0, 1]
    told = "trades:trades: the mid of t=%d, %s, is beyond the price range: its tick says %d."
    hint = " The options low and high set the range (%d ticks so far)"
    beyond = [(3, "150.5", 150, 1), (4, "200", 150, 2), (6, "300", 150, 4)]
    assert [one for one in caplog.messages if "beyond" in one] == [(told + hint) % one for one in beyond]
    caplog.clear()
    assert [tick.price_norm for tick in opened("?low=0&high=400")][-1] == 0.75
    assert not [one for one in caplog.messages if "beyond" in one]


def test_times_longer_than_all_of_market_time_are_no_trouble(table: Callable[[bytes], Path]) -> None:
    table(as_csv([[BEGIN, 60, 2, "a", "b", ""], [BEGIN + 90, 60, 2, "a", "b", ""]]))
    assert len(played("?silence=1e305&late=1e305")) == 91


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("?prize=px", f"there is no option 'prize', only {ALL}, id, late, bad, silence, low, high"),
        ("?price=px", f"there is no column 'px' for price, only {ALL}"),
        ("?seller=", f"none of its columns is the seller: seller=COLUMN says which of {ALL}"),
        ("?late=-1", "option late must be a number of seconds, 0 or more, got '-1'"),
        ("?silence=nan", "option silence must be a number of seconds, 0 or more, got 'nan'"),
        ("?bad=ignore", "option bad must be skip or stop, got 'ignore'"),
        ("?low=5", "options low and high belong together, low below high"),
        ("?low=-1e308&high=1e308", "options low and high belong together, low below high"),
        ("?low=5&high=5", "options low and high belong together, low below high"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_an_option_is_one_sentence(table: Callable[[bytes], Path], options: str, told: str) -> None:
    table(as_csv(trades(3)))
    assert fault(options).partition(": ")[2] == told


FORMS = "a table is CSV or NDJSON in UTF-8, both plain, gzip or zstd, or Parquet"


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "its first row must have the names of columns, and is empty"),
        (b"a,b\n", "none of its columns is the time: time=COLUMN says which of a, b"),
        (b"caf\xe9,price\n", "row 1: not UTF-8: invalid continuation byte at byte 3"),
        (b'{"time":1', "row 1: not JSON: unexpected end of data: line 1 column 10 (char 9)"),
        (b"PAR1rubbish", None),
        (b"PK\x03\x04...", f"it is a zip archive or a workbook; {FORMS}"),
        (bz2.compress(b"time"), f"it is compressed by bzip2; {FORMS}"),
        (lzma.compress(b"time"), f"it is compressed by xz; {FORMS}"),
        (b"ARROW1\0\0", f"it is an Arrow file; {FORMS}"),
        ("time,price\n".encode("utf-16"), f"it is text in UTF-16; {FORMS}"),
        (b'[{"time":1}]', f"it is one JSON array; {FORMS}"),
    ],
)
def test_a_file_that_is_no_table_is_one_sentence(table: Callable[[bytes], Path], data: bytes, told: str | None) -> None:
    if told is None:
        pytest.importorskip("pyarrow")
    table(data)
    found = fault()
    assert found.startswith("trades:trades: ")
    assert "\n" not in found
    assert told is None or found == f"trades:trades: {told}"


def test_a_file_that_cannot_be_opened_is_one_sentence(table: Callable[[bytes], Path]) -> None:
    assert fault() == "trades:trades: No such file or directory"
    Path("trades").mkdir()
    assert fault() == "trades:trades: Is a directory"


def test_a_pipe_is_no_table(table: Callable[[bytes], Path]) -> None:
    """As `trades:/dev/stdin`, or a shell's `<(…)`."""
    os.mkfifo("trades")
    other = os.open("trades", os.O_RDWR)
    told = "it is a pipe; a table must be a file, to be read again from any place after a crash"
    assert fault() == f"trades:trades: {told}"
    os.close(other)


def test_an_interval_that_trades_cannot_have_is_one_sentence(table: Callable[[bytes], Path]) -> None:
    table(as_csv(trades(3)))
    with pytest.raises(SourceError, match="trades:trades: trades need a tick interval of whole microseconds"):
        opened(interval=1 / 3)


# --- rows


GOOD = "1700000000,100,1,a,b,buy"


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("later,100,1,a,b,", f"column time: must be ISO 8601 or {EXPECTED}, or the same in ms, µs or ns, got 'later'"),
        ("1700000000,-5,1,a,b,", "column price: must be a number above 0 and within 2^53, got '-5'"),
        ("1700000000,100,,a,b,", "column size: must be a number above 0 and within 2^53, got ''"),
        ("1700000000,100,1,,b,", "column buyer: must be a name of 1 to 128 printable characters, got ''"),
        ("1700000000,100,1,a,\x07,", "column seller: must be a name of 1 to 128 printable characters, got '\\x07'"),
        ("1700000000,100,1,a,b,both", "column taker: must be buy, sell or unknown, got 'both'"),
        ("1700000000,100,1,a,b", "5 fields where row 1 has 6"),
        ('1700000000,100,1,"a"x,b,', "',' expected after '\"'"),
        ("1700000000,100,1,\udcff,b,", "not UTF-8: invalid start byte at byte 17"),
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_is_told_with_file_row_and_column_or_skipped(
    table: Callable[[bytes], Path], caplog: pytest.LogCaptureFixture, row: str, told: str
) -> None:
    text = "\n".join([",".join(COLUMNS), GOOD, "", row, GOOD, row, GOOD])
    table(text.encode("utf-8", "surrogateescape"))
    assert fault() == f"trades:trades: row 4: {told}"
    with caplog.at_level(logging.INFO):
        (tick,) = opened("?bad=skip")
    assert len(tick.match_a) == 3
    assert f"trades:trades: row 4 is left out: {told} (1 so far)" in caplog.messages
    assert caplog.messages[-1] == "trades:trades: 7 rows; 0 late, 0 trades with themselves, 2 bad"


@pytest.mark.parametrize("ends_at", ["an other quote", "the end", "the longest field", "what is not UTF-8"])
def test_a_quote_without_an_end_costs_its_own_row_alone(table: Callable[[bytes], Path], ends_at: str) -> None:
    behind = {"an other quote": '1700000000,100,1,"a, son",b,buy', "what is not UTF-8": "1700000000,100,1,\udcff,b,"}
    more = [GOOD] * (6000 if ends_at == "the longest field" else 3)
    rows = [GOOD, '1700000000,100,1,"a,b,buy', *more, *([behind[ends_at]] if ends_at in behind else []), GOOD]
    table("\n".join([",".join(COLUMNS), *rows]).encode("utf-8", "surrogateescape"))
    assert fault().startswith("trades:trades: row 3: ")
    source = opened("?bad=skip")
    (tick,) = source
    bad = 2 if ends_at == "what is not UTF-8" else 1
    assert len(tick.match_a) == len(rows) - bad
    saved = orjson.loads(source.checkpoint())
    assert saved["bad"] == bad
    assert saved["place"][0] == len(rows) + 1


def test_a_row_of_json_that_cannot_be_is_told_too(table: Callable[[bytes], Path]) -> None:
    lines = as_ndjson([[BEGIN, 100, 1, "a", "b", None]])
    table(b"\n" + lines + b" \r\n")
    assert len(played()) == 1
    table(lines + b"[1]\n")
    assert fault() == "trades:trades: row 2: not a JSON object"
    table(lines + b'{"time":1700000000,"price":1,"size":2,"buyer":"a"}\n')
    told = "column seller: must be a name of 1 to 128 printable characters, got None"
    assert fault() == f"trades:trades: row 2: {told}"


def test_a_column_that_the_first_object_lacks_counts_too(table: Callable[[bytes], Path]) -> None:
    first, second = as_ndjson([[BEGIN, 100, 1, "a", "b"]], COLUMNS[:5]), as_ndjson([[BEGIN, 100, 2, "a", "b", "sell"]])
    table(first + second)
    (tick,) = opened()
    assert tick.imbalance == pytest.approx(-2 / 3)
    assert played("?taker=taker") == [tick.to_json()]
    table(first + b"[1]\n" + second)
    assert fault() == "trades:trades: row 2: not a JSON object"


def test_a_time_of_1970_in_parquet_is_told_and_no_later_one(table: Callable[[bytes], Path]) -> None:
    ten_hours = 36_000  # whose microseconds are as many as the milliseconds of a time in 1971
    table(as_parquet([[ten_hours, 100.0, 1.0, "a", "b", None]]))
    told = f"column time: must be ISO 8601 or {EXPECTED}, or the same in ms, µs or ns, got 36000000000"
    assert fault() == f"trades:trades: row 1: {told}"


def test_text_of_parquet_that_is_not_utf8_is_a_bad_row(table: Callable[[bytes], Path]) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    columns = [pyarrow.array([value] * 3) for value in (BEGIN, 100, 1, "a", "b", "buy")]
    columns[3] = pyarrow.array([b"a", b"M\xfcller", "Müller".encode()]).view(pyarrow.string())
    parquet.write_table(pyarrow.table(columns, names=COLUMNS), "trades")
    told = "must be a name of 1 to 128 printable characters, got b'M\\xfcller'"
    assert fault() == f"trades:trades: row 2: column buyer: {told}"
    (tick,) = map(Tick.from_json, played("?bad=skip"))
    assert tick.names == ("a", "b", "Müller")


def test_values_of_parquet_that_python_has_not_are_told(table: Callable[[bytes], Path]) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    columns = [pyarrow.array([value]) for value in (BEGIN, 100, 1, "a", "b", "buy")]
    columns[1] = pyarrow.array([2**62], pyarrow.duration("s"))
    parquet.write_table(pyarrow.table(columns, names=COLUMNS), "trades")
    assert fault().startswith("trades:trades: behind row 0: ")


def test_of_two_columns_with_one_name_the_first_counts(table: Callable[[bytes], Path]) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    names, values = [*COLUMNS, "price"], [BEGIN, 100, 1, "a", "b", "buy", 7]
    parquet.write_table(pyarrow.table([[value] for value in values], names=names), "trades")
    of_parquet = played()
    table(as_csv([values], names))
    assert of_parquet == played()


def test_compressed_data_that_is_cut_short_is_told(table: Callable[[bytes], Path]) -> None:
    for pack, told in (
        (gzip.compress, "gzip: Compressed file ended"),
        (zstandard.compress, "the zstd data is cut short"),
    ):
        table(pack(as_csv(trades(2000)))[:-10])
        assert fault().startswith(f"trades:trades: {told}")


def test_disorder_within_the_time_allowed_leaves_no_trace_and_more_is_counted(
    table: Callable[[bytes], Path], caplog: pytest.LogCaptureFixture
) -> None:
    table(as_csv([[BEGIN + second, 100 + second, 1, "a", "b", ""] for second in (0, 4, 1, 9, 6, 3, 9, 7)]))
    ticks = list(opened("?late=3"))
    assert [tick.ts - BEGIN for tick in ticks if tick.ts is not None and len(tick.match_a)] == [0, 1, 4, 6, 7, 9]
    assert [len(tick.match_a) for tick in ticks] == [1, 1, 0, 0, 1, 0, 2, 1, 0, 2]
    told = "row 7 is more than 3 s late, and counts to the tick under way (1 so far)"
    assert f"trades:trades: {told}" in caplog.messages
    assert [len(tick.match_a) for tick in opened("?late=6")] == [1, 1, 0, 1, 1, 0, 1, 1, 0, 2]


def test_too_much_disorder_is_told(table: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("market.trades.ticks.MOST_WAITING", 9)
    table(as_csv([[BEGIN - i, 100, 1, "a", "b", ""] for i in range(10)]))  # the newest row first
    told = "more than 9 trades wait for their tick; ticks, or the time by which a trade may be late, must be shorter"
    assert fault("?late=100") == f"trades:trades: row 11: {told}"


def test_a_trade_with_itself_is_told(table: Callable[[bytes], Path], caplog: pytest.LogCaptureFixture) -> None:
    table(as_csv([[BEGIN, 100, 1, "a", "a", ""], [BEGIN, 100, 1, "a", "b", ""]]))
    assert len(played()) == 1
    assert "trades:trades: row 2 is a trade of a with itself, and left out (1 so far)" in caplog.messages


# --- damaged times


DAY, CENTURY = 86_400, 100 * 31_557_600


def at(*seconds: float) -> bytes:
    """A row for each time since BEGIN."""
    return as_csv([[BEGIN + second, 100 + i, 1, f"agent {i}", "b", ""] for i, second in enumerate(seconds)])


def made(**settings: Any) -> list[tuple[float, list[float]]]:
    """The ticks with trades: their times since BEGIN, and the prices, which number the rows."""
    ticks = [tick for tick in opened(**settings) if len(tick.match_a)]
    return [(tick.ts - BEGIN, tick.match_prices.tolist()) for tick in ticks]


def test_one_damaged_time_is_a_bad_row_and_moves_the_market_by_nothing(
    table: Callable[[bytes], Path], caplog: pytest.LogCaptureFixture
) -> None:
    table(at(0, 1, CENTURY, 2, 3))
    why = "column time: it is 3,155,759,998 s ahead of the next row, and of all before"
    told = f"trades:trades: row 4: {why} (IG_MAX_TIME_STEP_SECONDS=0 allows any)"
    assert fault() == told
    assert made(options="?bad=skip") == [(0, [100]), (1, [101]), (2, [103]), (3, [104])]
    assert told.replace("4:", "4 is left out:") + " (1 so far)" in caplog.messages
    assert made(most_step_seconds=0) == [(0, [100]), (1, [101]), (2, [103]), (3, [104]), (CENTURY, [102])]


@pytest.mark.parametrize(
    ("seconds", "bad"),
    [
        ((CENTURY, 0, 1), [0]),
        ((0, CENTURY, 1, 2 * CENTURY, CENTURY, 2), [1, 3, 4]),
        ((0, DAY + 9, 8), [1]),
        ((0, DAY + 9, 9), []),
        ((0, 9 * DAY, 9 * DAY - 4, 18 * DAY, 27 * DAY), []),
    ],
)
def test_a_leap_of_time_is_damage_where_the_next_row_falls_back(
    table: Callable[[bytes], Path], seconds: tuple[float, ...], bad: list[int]
) -> None:
    table(at(*seconds))
    taken = sorted(int(price) - 100 for _, prices in made(options="?bad=skip") for price in prices)
    assert taken == [i for i in range(len(seconds)) if i not in bad]
    assert bad or made() == made(options="?bad=skip")


def test_disorder_that_is_allowed_is_no_damage(table: Callable[[bytes], Path]) -> None:
    table(at(*(i * DAY * 2 for i in (3, 2, 1, 0))))
    assert fault().startswith("trades:trades: row 2: column time: it is 172,800 s ahead of the next row")
    assert [ts for ts, _ in made(options=f"?late={DAY * 9}")] == [0, DAY * 2, DAY * 4, DAY * 6]


def test_a_table_with_leaps_and_damage_goes_on_from_any_tick_exactly(table: Callable[[bytes], Path]) -> None:
    rows = at(0, 1, CENTURY, 2, 2 * DAY, 2 * DAY + 1, 5 * DAY, 8 * DAY, CENTURY, 8 * DAY + 1, 20 * DAY).splitlines()
    damaged = [line for row in rows for line in (row, b"rubbish")]
    table(b"\n".join([rows[0], *damaged[2:]]))
    whole, source, checkpoints = played("?bad=skip"), opened("?bad=skip"), []
    for _ in source:
        checkpoints.append(source.checkpoint())
    assert len(whole) > 8
    for made, checkpoint in enumerate(checkpoints, start=1):
        again = opened("?bad=skip")
        again.agent_ids = source.agent_ids
        again.restore(checkpoint)
        assert [tick.to_json() for tick in again] == whole[made:]
        assert again.checkpoint() == source.checkpoint()
