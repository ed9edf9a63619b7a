"""Sources: the golden tapes whole, plain and compressed, and an error with file and line for every fault."""

from __future__ import annotations

import io
import os
import random
import tracemalloc
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import orjson
import pytest
import zstandard

from market.model.simulator import Simulator
from market.sources import text_file
from market.sources.source import SourceError
from market.sources.tape_file import FileSource
from market.tick import MarketError
from tests.examples import at_most

GOLDEN = Path(__file__).parents[1] / "data" / "golden"
NAMES = ("default", "churn", "reference", "events", "sparse")

Writer = Callable[[bytes], Path]


def golden_text(name: str) -> bytes:
    compressed = (GOLDEN / f"{name}.ticks.jsonl.zst").read_bytes()
    reader = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(compressed), read_across_frames=True)
    return reader.read()


def compressed(text: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=3, write_checksum=True).compress(text)


def tape(ticks: int = 20, seed: int = 1) -> list[bytes]:
    simulator = Simulator(seed)
    return [simulator.step().to_json() for _ in range(ticks)]


def joined(lines: list[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in lines)


def played(path: str | Path) -> list[bytes]:
    return [tick.to_json() for tick in FileSource(path)]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Writer:
    """Writes a tape and returns its name, as given by somebody in its directory."""
    monkeypatch.chdir(tmp_path)

    def written(data: bytes) -> Path:
        Path("tape.jsonl").write_bytes(data)
        return Path("tape.jsonl")

    return written


def fault(path: str | Path) -> str:
    with pytest.raises(SourceError) as caught:
        played(path)
    return str(caught.value)


# --- whole tapes


@pytest.mark.parametrize("name", NAMES)
def test_a_golden_tape_plays_whole_compressed_and_plain(name: str, write: Writer) -> None:
    text = golden_text(name)
    assert played(GOLDEN / f"{name}.ticks.jsonl.zst") == text.splitlines()
    assert played(write(text)) == text.splitlines()


def test_concatenated_frames_play_whole_whatever_the_suffix(write: Writer) -> None:
    lines = tape(300)
    cuts = [compressed(joined(lines[i : i + 7])) for i in range(0, 300, 7)]
    assert played(write(b"".join(cuts))) == lines


def test_frames_may_be_empty_and_cut_lines_in_two(write: Writer) -> None:
    text, lines = joined(tape(5)), tape(5)
    data = compressed(text[:300]) + compressed(b"") + compressed(text[300:301]) + compressed(text[301:])
    assert played(write(data)) == lines


def test_skippable_frames_are_skipped(write: Writer) -> None:
    note = b"\x50\x2a\x4d\x18\x04\x00\x00\x00note"
    assert played(write(note + compressed(joined(tape(5))) + note)) == tape(5)


def test_blank_lines_carriage_returns_and_a_missing_last_end_do_no_harm(write: Writer) -> None:
    lines = tape(4)
    assert played(write(b"\n \r\n" + b"\r\n\n".join(lines))) == lines


def test_gap_lines_of_recorded_tapes_are_passed_over(write: Writer) -> None:
    lines = tape(6)
    gap = b'{"type":"gap","kind":"ticks","from_t":2,"to_t":3,"reason":"lost"}'
    assert played(write(joined([*lines[:2], gap, *lines[4:]]))) == lines[:2] + lines[4:]


def test_an_empty_file_has_no_ticks(write: Writer) -> None:
    assert played(write(b"")) == []
    assert played(write(compressed(b""))) == []


def test_a_file_goes_on_behind_the_last_tick_it_gave(write: Writer) -> None:
    source = FileSource(write(joined(tape(5))))
    assert [tick.t for tick in islice(source, 2)] == [0, 1]
    assert [tick.t for tick in source] == [2, 3, 4]
    assert list(source) == []


@pytest.mark.parametrize("taken", [0, 1, 3, 5])
def test_a_file_goes_on_from_a_checkpoint(write: Writer, taken: int) -> None:
    path, lines = write(compressed(joined(tape(5)))), tape(5)
    first, second = FileSource(path), FileSource(path)
    assert len(list(islice(first, taken))) == taken
    second.restore(first.checkpoint())
    assert [tick.to_json() for tick in second] == lines[taken:]


@pytest.mark.parametrize("text", ["", "x", "1.5", "9" * 100])
def test_what_is_no_checkpoint_of_a_file_is_refused(write: Writer, text: str) -> None:
    with pytest.raises(SourceError, match="a checkpoint must be the last played t"):
        FileSource(write(joined(tape(2)))).restore(text)


def test_a_fault_before_the_checkpoint_is_still_a_fault(write: Writer) -> None:
    source = FileSource(write(joined([b"{}", *tape(3)])))
    source.restore("1")
    with pytest.raises(SourceError, match=r"^tape\.jsonl:1: "):
        list(source)


def test_ts_is_passed_on_as_it_came(write: Writer) -> None:
    simulator = Simulator(1)
    line = simulator.step().placed(17, 1769192681.9512345).to_json()
    assert played(write(line)) == [line]


# --- faults


def test_a_fault_names_file_line_and_field(write: Writer) -> None:
    lines = tape(20)
    message = orjson.loads(lines[16])
    message["actions"][2]["side"] = "hold"
    lines[16] = orjson.dumps(message)
    expected = "tape.jsonl:17: actions[2]: side must be buy, sell or none, got 'hold'"
    assert fault(write(joined(lines))) == expected
    assert fault(write(compressed(joined(lines)))) == expected


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (b'{"type":"metric","t":2}', "type must be \"tick\", got 'metric'"),
        (b'{"type":"frame","t":2}', "type must be \"tick\", got 'frame'"),
        (b'{"type":"heartbeat","t":2}', "type must be \"tick\", got 'heartbeat'"),
        (b"[]", "a tick is a JSON object, got []"),
        (b'"gap"', "a tick is a JSON object, got 'gap'"),
        (b'{"t":2}', "a tick lacks 's'"),
        (b"time,price", "not JSON: unexpected character: line 1 column 2 (char 1)"),
        (b'{"type":"tick","t":"\xff\xfe"}', "not UTF-8: invalid start byte at byte 20"),
        (b"\x00\x00\x00", "not JSON: unexpected character: line 1 column 1 (char 0)"),
    ],
)
def test_a_line_that_is_no_tick_is_a_fault(write: Writer, line: bytes, text: str) -> None:
    lines = tape(4)
    found = fault(write(joined([*lines[:2], b"", line, *lines[2:]])))
    assert found.startswith("tape.jsonl:4: ")
    assert found.removeprefix("tape.jsonl:4: ").split(":")[0] == text.split(":")[0]
    if not text.startswith("not JSON"):
        assert found == f"tape.jsonl:4: {text}"


@pytest.mark.parametrize(("order", "text"), [((0, 1, 1), "got 1 after 1"), ((0, 2, 1), "got 1 after 2")])
def test_t_must_rise(write: Writer, order: tuple[int, ...], text: str) -> None:
    lines = tape(3)
    assert fault(write(joined([lines[t] for t in order]))) == f"tape.jsonl:3: t must rise, {text}"


def timed(*times: float | None) -> list[bytes]:
    """Ticks at these times."""
    simulator = Simulator(1)
    ticks = [simulator.step() for _ in times]
    return [
        tick.to_json() if ts is None else tick.placed(tick.t, ts).to_json()
        for tick, ts in zip(ticks, times, strict=True)
    ]


@pytest.mark.parametrize(
    ("times", "said"),
    [
        ([1.7e12], ":1: ts must be Unix seconds from 1971 to 2199, got 1700000000000 (it looks like milliseconds)"),
        ([1.7e9, 1.7e15], ":2: ts must be Unix seconds from 1971 to 2199, got 1700000000000000 (it looks like micro"),
        ([None, 3.5], ":2: ts must be Unix seconds from 1971 to 2199, got 3.5"),
        ([1.7e9, None, 1.7e9 + 86_401], ":3: ts must not go from 1700000000 to 1700086401: that is more than 86,400 s"),
        ([1.7e9, 1.7e9 - 90_000], ":2: ts must not go from 1700000000 to 1699910000"),
    ],
)
def test_a_time_that_cannot_be_is_a_fault_that_names_its_line(
    write: Writer, times: list[float | None], said: str
) -> None:
    got, text = played_to_the_fault(write(joined(timed(*times))))
    assert len(got) == len(times) - 1
    assert text.startswith(f"tape.jsonl{said}")


def test_a_tape_may_step_as_far_as_is_asked_for(write: Writer) -> None:
    times = [1.7e9, 1.5e9, 1.7e9 + 7 * 86_400]
    path = write(joined(timed(*times)))
    assert [tick.ts for tick in FileSource(path, 0)] == times
    assert len([*FileSource(path, 2.1e8)]) == 3


def test_what_was_played_before_it_was_judged_is_gone_on_with(write: Writer) -> None:
    path = write(joined(timed(1.7e12, 1.7e9, 1.7e9 + 1, 1.7e9 + 2)))
    source = FileSource(path)
    source.restore("1")
    assert [tick.t for tick in source] == [2, 3]


def test_every_cut_of_a_zstd_tape_is_a_fault_and_never_a_silent_end(write: Writer) -> None:
    whole = compressed(joined(tape(3))) + compressed(joined(tape(6)[3:]))
    first = len(compressed(joined(tape(3))))
    for cut in range(4, len(whole)):
        path = write(whole[:cut])
        if cut == first:
            assert played(path) == tape(3)
        else:
            assert "the zstd data is cut short" in fault(path)


def test_a_cut_tape_gives_its_whole_frames_first(write: Writer) -> None:
    lines = tape(200)
    frames = [compressed(joined(lines[at : at + 50])) for at in range(0, 200, 50)]
    got, text = played_to_the_fault(write(b"".join(frames[:3]) + frames[3][:-10]))
    assert got == lines[:150], "of the last one nothing vouches for a line"
    begin = sum(map(len, frames[:3]))
    assert text == f"tape.jsonl:151: the zstd data is cut short (the frame at byte {begin:,} has no end)"


@pytest.mark.parametrize("step", [64, 1024])
def test_no_flipped_bit_gives_a_tick_of_the_frame_it_is_in(
    write: Writer, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """Whatever of a frame decodes before the bit is met, and whatever the checksum is said to be."""
    monkeypatch.setattr(text_file, "_STEP_BYTES", step)
    lines, dice = tape(90), random.Random(step)
    frames = [compressed(joined(lines[at : at + 30])) for at in (0, 30, 60)]
    whole = b"".join(frames)
    headers = [start + at for start in (0, len(frames[0])) for at in range(18)]
    for at in [*headers, *(dice.randrange(len(whole)) for _ in range(10 * at_most(30)))]:
        for bit in range(8) if at in headers else [dice.randrange(8)]:
            data = bytearray(whole)
            data[at] ^= 1 << bit
            got, _ = played_as_far_as_it_goes(write(bytes(data)))
            assert len(got) in (0, 30, 60, 90)
            assert got == lines[: len(got)], (at, bit)


def played_to_the_fault(path: Path) -> tuple[list[bytes], str]:
    got, text = played_as_far_as_it_goes(path)
    assert text is not None, f"{path} played to its end"
    return got, text


def played_as_far_as_it_goes(path: Path) -> tuple[list[bytes], str | None]:
    """The ticks before a fault and its text; all, and None, without one."""
    got = []
    try:
        for tick in FileSource(path):
            got.append(tick.to_json())
    except SourceError as error:
        return got, str(error)
    return got, None


def test_damage_inside_a_frame_is_a_fault(write: Writer) -> None:
    data = bytearray(compressed(joined(tape(50))))
    data[len(data) // 2] ^= 0xFF
    assert fault(write(bytes(data))).startswith("tape.jsonl:")


def test_rubbish_after_the_last_frame_is_a_fault(write: Writer) -> None:
    found = fault(write(compressed(joined(tape(3))) + b"rubbish!"))
    assert found.startswith("tape.jsonl:4: zstd")


def test_a_line_beyond_the_bound_is_a_fault(write: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_file, "MOST_LINE_BYTES", 10_000)
    lines = tape(2)
    just_within = lines[1] + b" " * (10_000 - len(lines[1]))
    assert played(write(joined([lines[0], just_within]))) == lines
    expected = "tape.jsonl:2: a line of more than 10,000 bytes"
    assert fault(write(joined([lines[0], just_within + b" "]))) == expected
    assert fault(write(lines[0] + b"\n" + just_within + b" ")) == expected


def test_a_small_file_that_unpacks_to_much_takes_bounded_memory(write: Writer) -> None:
    compressor = zstandard.ZstdCompressor().compressobj()
    bomb = b"".join(compressor.compress(bytes(2**20)) for _ in range(400)) + compressor.flush()
    path = write(bomb)
    assert path.stat().st_size < 2**20
    tracemalloc.start()
    try:
        found = fault(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found == "tape.jsonl:1: a line of more than 67,108,864 bytes"
    assert peak < 256 * 2**20


def test_memory_does_not_grow_with_the_length_of_a_tape(write: Writer) -> None:
    messages = [orjson.loads(line) for line in tape(50)]
    lines = [orjson.dumps(messages[t % 50] | {"t": t}) for t in range(6_000)]
    more_bytes = len(joined(lines[1_500:]))
    short = peak_bytes(write(compressed(joined(lines[:1_500]))))
    assert peak_bytes(write(compressed(joined(lines)))) < short + more_bytes / 4


def peak_bytes(path: Path) -> int:
    tracemalloc.start()
    try:
        for _ in FileSource(path):
            pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_missing_file_is_a_fault_at_once(tmp_path: Path) -> None:
    path = tmp_path / "none.jsonl"
    with pytest.raises(SourceError) as caught:
        FileSource(path)
    assert str(caught.value) == f"{path}: No such file or directory"
    assert isinstance(caught.value, MarketError)


def test_a_directory_is_a_fault_at_once(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as caught:
        FileSource(tmp_path)
    assert str(caught.value) == f"{tmp_path}: a directory, not a file"


def test_a_name_that_no_file_can_have_is_a_fault() -> None:
    with pytest.raises(SourceError, match="null byte"):
        FileSource("a\0b")


def test_a_file_that_goes_away_is_a_fault_when_it_is_read(write: Writer) -> None:
    source = FileSource(write(b""))
    os.unlink(source.path)
    with pytest.raises(SourceError, match=r"^tape\.jsonl: No such file or directory$"):
        list(source)
