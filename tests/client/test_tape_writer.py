"""Files of messages: torn anywhere, repaired, gone on with, and readable by any tool at any time."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from marketcamera import MarketCameraError
from marketcamera.stream.messages import KINDS
from marketcamera.tape.lines import NoRecording
from marketcamera.tape.packing import packing_of
from marketcamera.tape.repair import repair
from marketcamera.tape.writer import TapeWriter
from marketcamera.tape.zstd_frames import FRAME_TEXT_BYTES, texts, whole_frames
from tests.client.made import gap, market, message
from tests.examples import at_most
from tests.processes import PATIENCE_SECONDS, ROOT, decompressed, wait_until

LINES = [json.dumps(one).encode() for one in market(30)]
LONG = [json.dumps(message("tick", t) | {"pad": random.Random(t).randbytes(60).hex()}).encode() for t in range(120)]
NAMES = pytest.mark.parametrize("name", ["tape.jsonl", "tape.jsonl.zst"])


def text_of(path: Path) -> bytes:
    return decompressed(path) if path.suffix == ".zst" else path.read_bytes()


def write(path: Path, lines: list[bytes]) -> None:
    with TapeWriter(path) as tape:
        for line in lines:
            tape.write(line)


def whole(lines: list[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in lines)


@NAMES
def test_what_is_written_in_parts_is_one_text(tmp_path: Path, name: str) -> None:
    for begin in range(0, len(LINES), 7):
        write(tmp_path / name, LINES[begin : begin + 7])
    assert text_of(tmp_path / name) == whole(LINES)


@NAMES
def test_a_file_without_a_message_is_whole(tmp_path: Path, name: str) -> None:
    write(tmp_path / name, [])
    if name.endswith(".zst"):
        assert subprocess.run(["zstd", "-t", tmp_path / name], check=False).returncode == 0
    write(tmp_path / name, LINES[:2])
    assert text_of(tmp_path / name) == whole(LINES[:2])


def test_frames_hold_a_mebibyte_and_end_with_a_line(tmp_path: Path) -> None:
    path, lines = tmp_path / "tape.jsonl.zst", [json.dumps(message("tick", t)).encode() for t in range(9_000)]
    lines.insert(5, b'{"type":"tick","t":0,"pad":"' + b"x" * (3 * FRAME_TEXT_BYTES) + b'"}')
    write(path, lines)
    with path.open("rb") as file:
        frames = whole_frames(file)
        texts = []
        for start, end in frames:
            file.seek(start)
            texts.append(zstandard.ZstdDecompressor().decompressobj().decompress(file.read(end - start)))
    assert frames[-1][1] == path.stat().st_size
    assert b"".join(texts) == whole(lines)
    assert all(text.endswith(b"\n") for text in texts if text)
    assert sum(len(text) > FRAME_TEXT_BYTES for text in texts) == 1, "only where a single line is longer"
    assert len(texts) < 9


@NAMES
def test_each_second_all_of_it_is_on_disk(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with TapeWriter(path) as tape:
        for line in LINES[:5]:
            tape.write(line)
        wait_until(lambda: text_of(path) == whole(LINES[:5]), "the flush, with nothing written after it")
        for line in LINES[5:8]:
            tape.write(line)
        wait_until(lambda: text_of(path) == whole(LINES[:8]), "the next")
    assert text_of(path) == whole(LINES[:8])


def flushed_in_steps(path: Path, steps: list[list[bytes]]) -> None:
    """What a writer leaves behind that is killed after its last flush."""
    packing = packing_of(path)
    with path.open("ab") as file:
        for lines in steps:
            for line in lines:
                packing.add(line + b"\n")
            file.write(packing.flush())


@NAMES
@settings(max_examples=at_most(60))
@given(data=st.data())
def test_a_file_torn_anywhere_is_gone_on_with(tmp_path_factory: Any, name: str, data: st.DataObject) -> None:
    path = tmp_path_factory.mktemp("torn") / name
    kept = data.draw(st.integers(0, len(LINES)))
    write(path, LINES[:kept])
    ended = path.stat().st_size
    steps = data.draw(st.integers(kept, len(LINES)))
    flushed_in_steps(path, [LINES[kept:steps], LINES[steps:]])
    cut = data.draw(st.integers(ended, path.stat().st_size))
    loses_nothing = cut == path.stat().st_size
    os.truncate(path, cut)
    if data.draw(st.booleans()):
        with path.open("ab") as file:
            file.write(bytes(data.draw(st.integers(1, 9000))))  # as a power cut leaves behind
    with TapeWriter(path) as tape:
        held = tape.positions(KINDS)
        there = text_of(path).splitlines()
        assert there == LINES[: len(there)]
        assert len(there) >= kept
        if loses_nothing:
            assert len(there) == len(LINES)
        places = [json.loads(line) for line in LINES]
        later = [line for line, one in zip(LINES, places, strict=True) if one["t"] > held.get(one["type"], -1)]
        for line in later:
            tape.write(line)
    assert text_of(path) == whole(LINES), "no line is missing and none is there twice"


def good_texts(path: Path) -> Iterator[bytes]:
    """What the zstd frames of a file hold whose checksum is right."""
    with path.open("rb") as file:
        for start, end in whole_frames(file):
            try:
                yield b"".join(texts(file, start, end))
            except zstandard.ZstdError:
                continue


def assert_gone_on_with(path: Path, lines: list[bytes], caplog: pytest.LogCaptureFixture) -> None:
    """No line of the file was altered, and one that is missing comes again, or was told as lost."""
    before = path.read_bytes()
    try:
        with TapeWriter(path) as tape:
            last_t = tape.positions(["tick"]).get("tick", -1)
    except NoRecording:
        assert path.read_bytes() == before, "it is told, and not touched"
        return
    found = [line for text in good_texts(path) for line in text.splitlines()]
    assert set(found) <= set(lines)
    assert set(lines[: last_t + 1]) <= set(found) or "is damaged" in caplog.text, last_t


@pytest.mark.parametrize("is_open", [False, True])
def test_no_flipped_bit_nor_cut_alters_a_line_or_loses_one_untold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, is_open: bool
) -> None:
    """Of an open frame, which has no checksum yet, bits are not flipped: nothing could tell."""
    monkeypatch.setattr("marketcamera.tape.writer.FRAME_TEXT_BYTES", 4000)
    path, dice = tmp_path / "tape.jsonl.zst", random.Random(is_open)
    write(path, LONG[:90])
    ended = path.stat().st_size
    if is_open:
        flushed_in_steps(path, [LONG[90:100], LONG[100:]])
    else:
        write(path, LONG[90:])
    whole_file = path.read_bytes()
    with path.open("rb") as file:
        assert len(whole_frames(file)) >= 5
    for _ in range(10 * at_most(40)):
        data = bytearray(whole_file)
        data[dice.randrange(ended if is_open else len(data))] ^= 1 << dice.randrange(8)
        if is_cut := dice.random() < 0.3:
            data = bytearray(whole_file[: dice.randrange(len(data))])
        path.write_bytes(data)
        caplog.clear()
        assert_gone_on_with(path, LONG, caplog)
        assert not is_cut or not caplog.text, "a cut is no damage"


def test_what_is_damaged_in_the_last_frame_is_kept_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "tape.jsonl.zst"
    write(path, LONG[:50])
    ended = path.stat().st_size
    flushed_in_steps(path, [LONG[50:80], LONG[80:]])
    data = bytearray(path.read_bytes())
    data[-200] ^= 0xFF
    path.write_bytes(data)
    repair(path)
    assert (tmp_path / f"{path.name}.damaged-{ended}").read_bytes() == data[ended:]
    assert f"the zstd frame at byte {ended} is damaged, all of it is kept in" in caplog.text


def test_what_a_killed_writer_flushed_is_all_kept(tmp_path: Path) -> None:
    path = tmp_path / "tape.jsonl.zst"
    flushed_in_steps(path, [LINES[:10], LINES[10:20]])
    repair(path)
    assert subprocess.run(["zstd", "-dcq", path], capture_output=True, check=True).stdout == whole(LINES[:20])


@pytest.mark.parametrize("length", [0, 5, 8, 9, 20, None])
def test_a_repair_that_was_killed_is_ended_by_the_next(tmp_path: Path, length: int | None) -> None:
    path, log = tmp_path / "tape.jsonl.zst", tmp_path / "tape.jsonl.zst.repair"
    flushed_in_steps(path, [LINES[:10]])
    ending = (0).to_bytes(8, "little") + zstandard.ZstdCompressor().compress(whole(LINES[:10]))
    log.write_bytes(ending[:length])
    if length is None:
        os.truncate(path, 7)  # the file was being cut already
    repair(path)
    assert text_of(path) == whole(LINES[:10])
    assert not log.exists()


@NAMES
@pytest.mark.parametrize("ending", [b"\n", b"\n\n", b"\r\n \n", b""])
def test_blank_lines_at_the_end_are_nothing(tmp_path: Path, name: str, ending: bytes) -> None:
    path = tmp_path / name
    text = whole(LINES[:-1]) + LINES[-1] + ending
    path.write_bytes(zstandard.ZstdCompressor().compress(text) if name.endswith(".zst") else text)
    with TapeWriter(path) as tape:
        assert tape.positions(KINDS) == {"tick": 29, "metric": 28, "frame": 25}
        tape.write(b'{"type":"tick","t":30}')
    assert [line for line in text_of(path).splitlines() if line.strip()] == [*LINES, b'{"type":"tick","t":30}']


@NAMES
def test_where_each_kind_goes_on(tmp_path: Path, name: str) -> None:
    told = [message("frame", 40), message("tick", 50), gap("frame", 41, 60, "expired"), message("tick", 2000)]
    write(tmp_path / name, [json.dumps(one).encode() for one in told])
    with TapeWriter(tmp_path / name) as tape:
        assert tape.positions(["tick", "frame"]) == {"tick": 2000, "frame": 60}
        assert tape.positions(["tick", "metric"]) == {"tick": 2000, "metric": 1000}, "no resume looks further back"
    write(tmp_path / f"short-{name}", [json.dumps(one).encode() for one in told[:3]])
    with TapeWriter(tmp_path / f"short-{name}") as tape:
        assert tape.positions(KINDS) == {"tick": 50, "frame": 60, "metric": 39}, "before the first there is"
    told = [gap("tick", 3000, 5999, "damaged"), message("metric", 3000), message("metric", 3500)]
    write(tmp_path / f"gap-{name}", [json.dumps(one).encode() for one in told])
    with TapeWriter(tmp_path / f"gap-{name}") as tape:
        assert tape.positions(KINDS) == {"tick": 5999, "metric": 3500, "frame": 2999}, "a gap stands where it begins"


def frame(text: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(text)


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("notes.txt", b"dear diary", "its last line is not JSON"),
        ("notes.jsonl", b"{}\n", "a message is an object with a type"),
        ("notes.jsonl", b'{"type":"tick","t":"1"}\n', "a line is a tick, metric, frame or gap"),
        ("notes.jsonl", b'[{"type":"tick","t":1},{"type":"tick","t":2}]\n', "a line is a tick, metric, frame or gap"),
        ("notes.jsonl.zst", b"dear diary", "it is not zstd"),
        ("notes.jsonl.zst", frame(b"dear diary"), "its last line is not a message"),
        ("notes.jsonl.zst", frame(b"dear diary\n"), "its last line is not a message"),
        ("notes.jsonl.zst", frame(LINES[0] + b"\n")[:-9] + frame(LINES[1] + b"\n"), "the zstd frame at byte 0"),
        ("notes.jsonl.zst", frame(LINES[0] + b"\n") + b"zzzz" + frame(LINES[1] + b"\n"), "it is damaged at byte"),
    ],
)
def test_what_is_no_recording_is_not_touched(tmp_path: Path, name: str, content: bytes, why: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(NoRecording, match=f"{name} is not a recording to go on with: {why}"), TapeWriter(path) as tape:
        tape.positions(KINDS)
    assert path.read_bytes() == content


def test_what_is_no_file_is_told(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for target, told in [
        (tmp_path, "is a directory"),
        (tmp_path / "pipe", "is no regular file"),
        (Path("-"), "a file"),
    ]:
        with pytest.raises(MarketCameraError, match=told):
            TapeWriter(target)


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "tape.jsonl.zst"
    with TapeWriter(path):
        with pytest.raises(MarketCameraError, match="is being written by another process"):
            TapeWriter(path)
    write(path, LINES)


FILLING = """
import resource, sys, threading
from pathlib import Path
from marketcamera import MarketCameraError
from marketcamera.tape.writer import TapeWriter
resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))
failed = threading.Event()
try:
    with TapeWriter(Path(sys.argv[1])) as tape:
        tape.on_failure = failed.set
        for t in range(int(sys.argv[2])):
            tape.write(b'{"type":"tick","t":%d,"pad":"%d"}' % (t, hash(str(t))))
        failed.wait(float(sys.argv[3]))
except MarketCameraError as error:
    print(error, failed.is_set())
"""


@NAMES
@pytest.mark.parametrize("lines", [6_000, 10_000_000])
def test_a_full_disk_ends_the_file_with_a_whole_line(tmp_path: Path, name: str, lines: int) -> None:
    """Few lines are refused on the flushing thread, while the program waits; many to the program itself."""
    path = tmp_path / name
    environment = os.environ | {"PYTHONPATH": str(ROOT / "client" / "src")}
    command = [sys.executable, "-c", FILLING, str(path), str(lines), str(PATIENCE_SECONDS)]
    ran = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert ran.stdout == f"{path}: File too large; it ends with what was written before True\n", ran.stderr
    kept = text_of(path).splitlines()
    assert [json.loads(line)["t"] for line in kept] == list(range(len(kept)))
    write(path, [b'{"type":"tick","t":%d}' % len(kept)])
    assert len(text_of(path).splitlines()) == len(kept) + 1
