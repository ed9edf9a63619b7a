"""Damaged files: whatever happened to a segment, no line is given that was not recorded, and none left out untold."""

from __future__ import annotations

import random
import shutil
import tracemalloc
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import orjson
import pytest
import zstandard

from recorder.errors import RecorderError
from recorder.segment import checked_lines, scan, zstd_frames
from recorder.segment import examine as examine_module
from recorder.segment.checked_lines import parsed
from recorder.segment.examine import examine
from recorder.segment.layout import parse_name, pending_name
from recorder.segment.listing import Found
from recorder.segment.segment_lines import opened
from recorder.segment.writer import ZstdSegmentWriter
from recorder.tape.damaged_files import Damages, damages
from recorder.tape.reader import last_line, read, texts_of, told_to
from tests.recorder import damaging
from tests.recorder.tape import Clock, message

ROUNDS = 8


@dataclass
class Tape:
    """A recording of one kind: its files, what each t of it holds, and what rows would tell of its segments."""

    directory: Path
    kind: str
    recorded: dict[int, bytes]
    found: list[Found]

    @property
    def paths(self) -> list[Path]:
        return [self.directory / self.kind / one.name.file for one in self.found]


@pytest.fixture(scope="module", params=["ticks", "frames"])
def original(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Tape:
    """Five finished segments of six zstd frames each; of the camera's frames there is one at every fifth t."""
    directory, clock, told = tmp_path_factory.mktemp("original"), Clock(), {}
    tape = Tape(directory, request.param, {}, [])
    writer = ZstdSegmentWriter(
        tape.kind, directory, 180, 3, clock=clock, on_change=lambda facts: told.update({facts.name: facts})
    )
    for t in range(0, 600, 1 if tape.kind == "ticks" else 5):
        clock.now += 1.5 if tape.kind == "ticks" else 7.5
        writer.roll_if_needed(t)
        tape.recorded[t] = message(t, kind=tape.kind)
        writer.write_jsonline(tape.recorded[t], t)
    writer.close()
    for facts in told.values():
        name = parse_name(facts.name)
        tape.found.append(Found(name, facts.seek_points, (facts.start_t, facts.end_t), facts.sha256))
    assert [len(one.points) for one in tape.found] == [6] * 5
    return tape


@pytest.fixture
def tape(original: Tape, tmp_path: Path) -> Tape:
    shutil.copytree(original.directory, tmp_path, dirs_exist_ok=True)
    return Tape(tmp_path, original.kind, original.recorded, original.found)


class Rows:
    """Finds segments as rows of a database do, whatever lies on disk."""

    def __init__(self, found: list[Found]) -> None:
        self._found = found

    def from_t(self, t: int):
        before = [one for one in self._found if one.name.start_t <= t]
        return iter([*before[-1:], *(one for one in self._found if one.name.start_t > t)])

    def newest_first(self):
        return reversed(self._found)

    def moved(self, here: Found) -> Found | None:
        return None


def restored(tape: Tape, original: Tape) -> None:
    shutil.rmtree(tape.directory / tape.kind)
    shutil.copytree(original.directory / tape.kind, tape.directory / tape.kind)


def told_by(lines) -> tuple[dict[int, bytes], list[tuple[int, int]]]:
    found = list(lines)
    messages = {line.first_t: line.text for line in found if not line.is_gap}
    assert list(messages) == sorted(messages), "they rise"
    assert len(messages) == sum(not line.is_gap for line in found), "none comes twice"
    return messages, [(line.first_t, line.last_t) for line in found if line.is_gap]


@pytest.mark.parametrize("damage", damaging.DAMAGES)
def test_whatever_happens_to_a_file_no_false_line_is_read_and_no_loss_untold(tape, original, damage):
    if tape.kind == "frames" and damage is damaging.take_out:
        pytest.skip("where not every t has a message, nothing tells of a whole frame that somebody cut out")
    dice = random.Random(damage.__name__)
    for _ in range(ROUNDS):
        restored(tape, original)
        path = dice.choice(tape.paths)
        touched = {path.name, getattr(damage(path, dice), "name", path.name)}
        for after_t, to_t in (
            (-1, None),
            (-1, 599),
            (dice.randrange(600), dice.randrange(600)),
            (dice.randrange(600), None),
        ):
            wanted = range(after_t + 1, 600 if to_t is None else to_t + 1)
            messages, gaps = told_by(read(tape.directory, tape.kind, after_t, to_t, finder=Rows(tape.found)))
            damaging.assert_honest(tape.recorded, messages, [*gaps, *_holes(tape, messages, after_t)], wanted)
            whole = [one.span for one in tape.found if one.name.file not in touched]
            for t in (t for first, last in whole for t in range(first, last + 1) if t in wanted):
                assert t not in tape.recorded or t in messages, f"t={t} lies in a whole file"
        _by_files_alone(tape, damage)
        _one_by_one(tape)


def _holes(tape: Tape, messages: dict[int, bytes], after_t: int = -1) -> list[tuple[int, int]]:
    """Where ticks do not follow each other: whoever reads them sees that (`recorder.tape.history`)."""
    ts = [after_t, *messages] if tape.kind == "ticks" else []
    return [(before + 1, behind - 1) for before, behind in pairwise(ts) if behind > before + 1]


def _by_files_alone(tape: Tape, damage) -> None:
    """Without rows nothing tells how far the last file reached, nor of frames that went without a trace."""
    messages, gaps = told_by(read(tape.directory, tape.kind, -1))
    unseen = tape.kind == "frames" and damage.__name__ in {"remove", "cut_between_frames", "behead"}
    wanted = range(0 if unseen else tape.found[-1].name.start_t)
    damaging.assert_honest(tape.recorded, messages, [*gaps, *_holes(tape, messages)], wanted)


def _one_by_one(tape: Tape) -> None:
    """Those who read single files, or their ends."""
    newest = last_line(tape.directory, tape.kind)
    assert newest is None or newest.text == tape.recorded[newest.first_t]
    told = told_to(tape.directory, tape.kind)
    assert told is None or told in tape.recorded
    for one in tape.found:
        recorded = {t: text for t, text in tape.recorded.items() if one.span[0] <= t <= one.span[1]}
        with opened(tape.directory / tape.kind, one) as segment:
            if segment is None:
                continue
            lines = [orjson.loads(text) | {"text": text} for text in texts_of(segment, tape.kind, one)]
            messages = {line["t"]: line["text"] for line in lines if line["type"] != "gap"}
            gaps = [(line["from_t"], line["to_t"]) for line in lines if line["type"] == "gap"]
            damaging.assert_honest(recorded, messages, [*gaps, *_holes(tape, messages, one.span[0] - 1)], recorded)
            if segment.file is None:
                continue
            segment.file.seek(0)
            try:
                strict = [line.text for line in parsed(segment.file, tape.kind)]
            except RecorderError:
                strict = []
            assert not set(strict) - set(tape.recorded.values())
            if list(messages) != list(recorded):  # a verification says so too
                found = examine(segment.path, tape.kind)
                assert found.faults or found.sha256 != one.sha256


@pytest.mark.parametrize("rounds", range(3))
def test_of_an_open_segment_what_a_checksum_stands_for_is_held_against_it(tape, rounds):
    dice = random.Random(rounds)
    last = tape.found[-1]
    path = tape.paths[-1].rename(tape.paths[-1].with_name(pending_name(last.name.lasting)))
    whole = path.read_bytes()
    open_from = last.points[-1][1]
    for _ in range(20):
        data = bytearray(whole[: dice.randrange(open_from + 20, len(whole) - 4)])
        data[dice.randrange(open_from)] ^= 1 << dice.randrange(8)
        path.write_bytes(data)
        messages, gaps = told_by(read(tape.directory, tape.kind, -1))
        damaging.assert_honest(tape.recorded, messages, gaps, range(max(messages)))


def plain(*lines: bytes, **options) -> bytes:
    return zstandard.ZstdCompressor(**options).compress(b"".join(line + b"\n" for line in lines))


def test_frames_without_a_checksum_are_vouched_for_by_that_of_the_file(tmp_path):
    """As another program may write them: a flipped bit can then be seen by the SHA-256 alone."""
    path = tmp_path / "ticks" / "segment_20260124_120000_0.jsonl.zst"
    path.parent.mkdir()
    text = plain(*(message(t) for t in range(50)), write_checksum=False)
    path.write_bytes(text)
    known = [Found(parse_name(path.name), None, (0, 49), examine(path, "ticks").sha256)]
    assert len(list(read(tmp_path, "ticks", -1, finder=Rows(known)))) == 50
    altered = text.replace(b"1769256000", b"1769256009")
    at = next(i for i in range(len(text)) if _reads_otherwise(text, i))
    altered = text[:at] + bytes([text[at] ^ 1]) + text[at + 1 :]
    path.write_bytes(altered)
    (gap,) = read(tmp_path, "ticks", -1, finder=Rows(known))
    assert gap.is_gap
    assert (gap.first_t, gap.last_t) == (0, 49)


def _reads_otherwise(text: bytes, at: int) -> bool:
    """Whether a flipped bit gives other lines that are JSON."""
    try:
        lines = zstandard.ZstdDecompressor().decompress(text[:at] + bytes([text[at] ^ 1]) + text[at + 1 :]).splitlines()
        return [orjson.loads(line)["t"] for line in lines] == list(range(50)) and lines != [
            message(t) for t in range(50)
        ]
    except (zstandard.ZstdError, ValueError, KeyError, TypeError):
        return False


def test_a_file_that_claims_to_hold_a_line_without_end_takes_no_memory(tmp_path, monkeypatch):
    longest = 1 << 20
    for module in (zstd_frames, checked_lines, examine_module, scan):
        monkeypatch.setattr(module, "LONGEST_LINE_BYTES", longest)
    path = tmp_path / "ticks" / "segment_20260124_120000_0.jsonl.zst"
    path.parent.mkdir()
    compress = zstandard.ZstdCompressor(write_checksum=True).compress
    # One line in a frame that is too large, and one that runs through frames none of which is.
    path.write_bytes(compress(b"x" * (64 * longest)) + compress(b"x" * (longest - 1)) * 64 + plain(message(1)))
    assert path.stat().st_size < 50_000
    tracemalloc.start()
    try:
        assert [line.first_t for line in read(tmp_path, "ticks", -1)] == [0, 1]
        assert examine(path, "ticks").faults
        assert scan.survey(path, "ticks").damaged
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 16 * longest


def test_a_large_frame_of_another_program_is_given_piece_by_piece(tmp_path):
    path = tmp_path / "ticks" / "segment_20260124_120000_0.jsonl.zst"
    path.parent.mkdir()
    path.write_bytes(plain(*(message(t, 300) for t in range(40_000)), write_checksum=True))
    tracemalloc.start()
    try:
        count = sum(1 for _ in read(tmp_path, "ticks", -1))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 40_000
    assert peak < 6 << 20
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    assert [line.is_gap for line in read(tmp_path, "ticks", -1)] == [True], "all of it was checked before any was given"


def test_damage_is_told_once_and_forgotten_when_the_file_is_another(tape, caplog):
    path = tape.paths[1]
    damaging.flip_a_bit(path, random.Random(1))
    for _ in range(3):
        list(read(tape.directory, tape.kind, -1))
    assert caplog.text.count(f"{path} is damaged") == 1
    assert [one.path for one in damages.below(tape.directory)] == [path]
    assert damages.below(tape.directory.parent) == []
    path.unlink()
    assert damages.below(tape.directory) == []


def test_no_more_damage_is_remembered_than_there_is_room_for(tmp_path):
    kept = Damages()
    for number in range(1200):
        kept.note(tmp_path / "ticks" / str(number), tmp_path.stat(), "why")
    assert len(kept._found) == 1000
