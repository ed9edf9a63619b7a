"""Names, places and gap lines."""

import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from recorder.errors import BadName, BadOrder
from recorder.segment.layout import (
    GAP_START,
    SegmentFacts,
    SegmentName,
    check_kind,
    gap_line,
    make_name,
    market_dir,
    parse_name,
    pending_name,
    segment_files,
)

LASTING = "segment_20260124_120000_1000.jsonl.zst"
PENDING = "segment_20260124_120000_1000_pending.jsonl.zst"
STORE = Path("/store")


def test_a_name_holds_the_second_it_was_opened_in_and_its_first_t():
    name = make_name(1769256000.987, 1000)
    assert name.file == LASTING
    assert make_name(1769256000.987, 1000, pending=True).file == PENDING
    assert pending_name(LASTING) == PENDING


@pytest.mark.parametrize(("file", "pending"), [(LASTING, False), (PENDING, True)])
def test_a_name_is_read_back_as_it_was_made(file, pending):
    name = parse_name(file)
    assert name == SegmentName(1769256000, 1000, pending)
    assert name.file == file
    assert name.lasting == LASTING


@pytest.mark.parametrize(
    "file",
    [
        "",
        "segment",
        LASTING + "\n",
        LASTING + "\0",
        "\0" + LASTING,
        "ticks/" + LASTING,
        "../ticks/" + LASTING,
        "..\\" + LASTING,
        " " + LASTING,
        LASTING.upper(),
        LASTING + ".recovering",
        LASTING.replace("_1000", "_-1"),
        LASTING.replace("_1000", "_01000"),
        LASTING.replace("_1000", ""),
        LASTING.replace("_1000", "_1000_1000"),
        LASTING.replace("_1000", "_" + "9" * 19),
        LASTING.replace("_1000", "_١٠٠٠"),
        LASTING.replace("20260124", "20261301"),
        LASTING.replace("120000", "240000"),
        LASTING.replace("2026", "0000"),
        LASTING.replace(".jsonl.zst", ".jsonl"),
        PENDING.replace("_pending", "_PENDING"),
        PENDING.replace("_pending", "_pending_pending"),
    ],
)
def test_nothing_but_a_segments_name_passes(file):
    with pytest.raises(BadName, match="a segment's name must be"):
        parse_name(file)


@pytest.mark.parametrize("kind", ["", "tick", "Ticks", "ticks/", "../ticks", "ticks\0", "bars"])
def test_nothing_but_a_kind_passes(kind):
    with pytest.raises(BadName) as caught:
        check_kind(kind)
    assert str(caught.value) == f"kind must be one of ticks, frames, metrics, got {kind!r}"


def test_the_home_market_lies_at_the_root_and_others_below_it():
    assert market_dir(STORE, "IG-USD", "IG-USD") == STORE
    assert market_dir(STORE, "0700.HK", "IG-USD") == STORE / "0700.HK"


@pytest.mark.parametrize("symbol", ["", ".", "..", "../x", "a/b", "-a", "_a", "a b", "a\0", "a\n", "ä", "x" * 33])
def test_a_symbol_cannot_leave_the_store(symbol):
    with pytest.raises(BadName, match="symbol must be 1 to 32 of"):
        market_dir(STORE, symbol, "IG-USD")


def test_files_are_listed_by_t_and_nothing_else_is_taken_for_a_segment(tmp_path):
    directory = tmp_path / "ticks"
    directory.mkdir()
    names = [make_name(t, t) for t in (9, 10, 100)]
    for file in [*(name.file for name in names), "notes.txt", LASTING + ".damaged"]:
        (directory / file).touch()
    assert segment_files(tmp_path, "ticks") == names
    assert segment_files(tmp_path, "frames") == []


@pytest.mark.parametrize("stray", ["segment_20261399_999999_0.jsonl.zst", f"segment_20260124_120000_{2**63}.jsonl.zst"])
def test_a_stray_file_stops_no_listing_and_is_told_of_once(tmp_path, caplog, stray):
    directory = tmp_path / "ticks"
    directory.mkdir()
    (directory / make_name(9, 9).file).touch()
    (directory / stray).touch()
    for _ in range(3):
        assert segment_files(tmp_path, "ticks") == [make_name(9, 9)]
    (told,) = caplog.messages
    assert told.startswith(f"{directory / stray} is no segment: a segment's name must be ")


def test_a_gap_line_says_what_is_missing_and_why():
    line = gap_line("ticks", 5, 9, "lost")
    assert line.startswith(GAP_START)
    assert orjson.loads(line) == {"type": "gap", "kind": "ticks", "from_t": 5, "to_t": 9, "reason": "lost"}


def test_a_gap_that_is_none_is_refused():
    with pytest.raises(BadOrder, match="a gap's from_t must be from 0 to its to_t, got 9 to 5"):
        gap_line("ticks", 9, 5, "lost")
    with pytest.raises(
        BadName, match="a gap's reason must be one of slow, expired, lost, damaged, elsewhere, got 'bored'"
    ):
        gap_line("ticks", 5, 9, "bored")


def test_facts_know_their_file_while_pending_and_after():
    facts = SegmentFacts("ticks", LASTING, 0, 0, 1, 1, 1, 0.0, None, True, (), 0, "")
    assert facts.file == PENDING


@pytest.mark.parametrize(
    "module",
    [
        "errors",
        "segment.layout",
        "segment.zstd_frames",
        "segment.segment_file",
        "segment.open_segment",
        "segment.writer",
        "segment.scan",
        "segment.repair",
        "recovery.pending",
        "tape.high_water_mark",
    ],
)
def test_the_pure_modules_need_no_django(module):
    program = f"import recorder.{module}, sys; assert 'django' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[2])
