"""A file that is being written, given an end: whole lines in whole frames, wherever it stops."""

from __future__ import annotations

import io
import subprocess

import pytest
import zstandard

from recorder.segment.endings import ending_of
from recorder.segment.zstd_frames import compressor, frame_starts
from tests.services import program

LINES = [b'{"type":"tick","t":%d,"x":"%s"}\n' % (t, str(t * 7919 % 10007).encode() * 9) for t in range(60)]


def pending(*flushes: int, ended: int = 20) -> bytes:
    """Two whole frames, and an open one that was flushed behind so many lines each time."""
    data = b"".join(compressor(3).compress(b"".join(LINES[at : at + ended // 2])) for at in (0, ended // 2))
    frame = compressor(3).compressobj()
    at = ended
    for number in flushes:
        data += frame.compress(b"".join(LINES[at : at + number])) + frame.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
        at += number
    return data


def ended(data: bytes, near: int = 0) -> bytes:
    end = ending_of(io.BytesIO(data), near)
    assert end.cut <= len(data)
    return data[: end.cut] + end.tail


def decoded(data: bytes) -> bytes:
    """All text, or an error where it is no whole zstd file."""
    text = b""
    while data:
        decoder = zstandard.ZstdDecompressor().decompressobj()
        text += decoder.decompress(data)
        assert decoder.eof, "the last frame has no end"
        data = decoder.unused_data
    return text


def test_an_open_frame_is_ended_behind_what_was_flushed():
    data = pending(5, 7, 1)
    whole = ended(data)
    assert whole[: len(data)] == data
    assert len(whole) == len(data) + 7, "an empty block and a checksum"
    assert decoded(whole) == b"".join(LINES[:33])


def test_a_file_cut_anywhere_is_a_whole_one_of_whole_lines():
    data = pending(5, 7, 1)
    counts = []
    for length in range(len(data) + 1):
        text = decoded(ended(data[:length]))
        assert b"".join(LINES).startswith(text)
        assert text.endswith(b"\n") or not text
        counts.append(text.count(b"\n"))
    assert counts == sorted(counts), "no line is lost by another byte"
    assert {0, 10, 20, 25, 32, 33} <= set(counts)


def test_a_block_that_ends_within_a_line_is_encoded_anew():
    text = b"".join(LINES * 200)  # more than a block holds
    frame = compressor(3).compressobj()
    data = frame.compress(text) + frame.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
    found = decoded(ended(data[:-1]))
    assert text.startswith(found)
    assert found.endswith(b"\n")
    assert len(found) > 100_000


@pytest.mark.parametrize("where", ["known", "before", "wrong", "beyond"])
def test_where_a_frame_begins_need_not_be_known(where):
    data = pending(5, 7)
    _, second, last = frame_starts(io.BytesIO(data))
    near = {"known": last, "before": second, "wrong": second + 3, "beyond": len(data) + 9}[where]
    assert ended(data, near) == ended(data)


@pytest.mark.parametrize("checksum", [True, False])
@pytest.mark.parametrize("size", [True, False])
def test_frames_of_other_writers_are_ended_too(checksum, size):
    text = b"".join(LINES)
    writer = zstandard.ZstdCompressor(write_checksum=checksum, write_content_size=size)
    frame = writer.compressobj(size=len(text) if size else -1)
    data = frame.compress(text[:1500]) + frame.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
    assert decoded(ended(data)) == text[: text.rfind(b"\n", 0, 1500) + 1]


@pytest.mark.parametrize("behind", [b"\0" * 4096, b"no frame", b"\x28\xb5\x2f", b"\x28\xb5\x2f\xfd\x04"])
def test_what_is_no_frame_is_left_out(behind):
    whole = pending()
    assert ended(whole + behind) == whole
    assert decoded(ended(pending(5) + behind)) == b"".join(LINES[:25])


def test_damage_in_the_last_frame_costs_that_frame():
    data = bytearray(compressor(3).compress(b"".join(LINES[:10])))
    before = len(data)
    data += compressor(3).compress(b'{"t":1234567890}\n')
    at = data.index(b"567")  # so little text is stored as it is
    data[at] ^= 1
    assert ended(bytes(data)) == bytes(data[:before])


def test_the_tool_reads_all_of_them():
    data = pending(5, 7)
    for length in (0, 3, 100, len(data) - 1, len(data)):
        read = subprocess.run([program("zstd"), "-dc"], input=ended(data[:length]), capture_output=True)
        assert (read.returncode, read.stderr) == (0, b""), length
