"""Frames: made, read one at a time, ended by hand."""

import io

import pytest
import zstandard

from recorder.errors import DamagedFrame
from recorder.segment import zstd_frames
from recorder.segment.zstd_frames import compressor, find_frame, frame_ending, frame_starts, read_frame

TEXT = b"".join(b'{"t":%d,"x":"%s"}\n' % (t, str(t * 7919 % 10007).encode() * 9) for t in range(4000))


def flushed(text: bytes) -> bytes:
    """The blocks of a frame that was flushed and never ended."""
    frame = compressor(3).compressobj()
    return frame.compress(text) + frame.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)


@pytest.mark.parametrize("level", [1, 2, 3, 4, 5, 9, 22])
def test_every_level_makes_checked_frames_for_a_window_of_one_mebibyte(level):
    data = compressor(level).compressobj().compress(b"") + compressor(level).compress(TEXT)
    parameters = zstandard.get_frame_parameters(data)
    assert parameters.has_checksum
    assert parameters.window_size <= 1 << 20
    assert zstandard.ZstdDecompressor(max_window_size=1 << 20).decompress(data) == TEXT


def test_a_frame_is_read_whole():
    data = compressor(3).compress(TEXT)
    frame = read_frame(io.BytesIO(b"before" + data + b"behind"), 6)
    assert (frame.text, frame.start, frame.end, frame.fault) == (TEXT, 6, 6 + len(data), "")


def test_a_frame_cut_short_is_read_to_its_last_whole_block():
    data = flushed(TEXT)
    frame = read_frame(io.BytesIO(data[:-1]), 0)
    assert frame.end is None
    assert TEXT.startswith(frame.text)
    assert 0 < len(frame.text) < len(TEXT)
    assert frame.fault == "the data ends 1 bytes before a block does"
    assert read_frame(io.BytesIO(data), 0).text == TEXT


def test_a_changed_byte_is_found_by_the_checksum():
    data = bytearray(compressor(3).compress(b'{"t":1234567890}\n'))
    at = data.index(b"5")  # so little text is stored as it is
    data[at : at + 1] = b"6"
    frame = read_frame(io.BytesIO(bytes(data)), 0)
    assert (frame.end, frame.text, frame.torn) == (None, b"", False)
    assert "checksum" in frame.fault


@pytest.mark.parametrize("data", [b"()", b"\x28\xb5\x2f\xfe", b"\x28\xb5\x2f\xfd" + b"\xff" * 20, b'{"t":1}\n' * 3])
def test_what_is_no_frame_is_refused(data):
    with pytest.raises(DamagedFrame, match="no whole zstd frame at byte 0: "):
        read_frame(io.BytesIO(data), 0)


@pytest.mark.parametrize("size", range(6))
def test_a_header_cut_short_is_a_torn_frame(size):
    frame = read_frame(io.BytesIO(flushed(TEXT)[:size]), 0)
    assert (frame.text, frame.cut, frame.end, frame.torn) == (b"", 0, None, True)


def test_zeros_behind_the_blocks_are_not_taken_for_part_of_the_frame():
    data = flushed(TEXT)
    frame = read_frame(io.BytesIO(data + bytes(100)), 0)
    assert (frame.text, frame.cut, frame.torn) == (TEXT, len(data), True)


@pytest.mark.parametrize("text", [TEXT[:100], TEXT])
def test_an_ending_made_by_hand_makes_a_flushed_frame_whole(text):
    data = flushed(text) + frame_ending(text)
    assert zstandard.ZstdDecompressor().stream_reader(data).read() == text
    assert read_frame(io.BytesIO(data), 0).end == len(data)


def test_an_ending_torn_at_any_byte_can_be_made_again():
    data = flushed(TEXT) + frame_ending(TEXT)
    for torn in range(1, 7):
        frame = read_frame(io.BytesIO(data[:-torn]), 0)
        assert frame.text == TEXT
        mended = data[: frame.cut] + frame_ending(frame.text, last_block=frame.last_block)
        assert read_frame(io.BytesIO(mended), 0).end == len(mended)


def test_only_frames_that_a_plain_ending_would_fit_are_called_endable():
    without_checksum = zstandard.ZstdCompressor(level=3, write_checksum=False).compressobj()
    of_known_length = zstandard.ZstdCompressor(level=3, write_checksum=True).compressobj(size=len(TEXT))
    for frame in (without_checksum, of_known_length):
        data = frame.compress(TEXT[:-1]) + frame.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
        assert not read_frame(io.BytesIO(data), 0).endable
    assert read_frame(io.BytesIO(flushed(TEXT)), 0).endable


def test_frames_are_found_without_decoding_them():
    data = [compressor(3).compress(TEXT), compressor(3).compress(b"x\n"), flushed(TEXT)]
    starts = [0, len(data[0]), len(data[0]) + len(data[1])]
    assert list(frame_starts(io.BytesIO(b"".join(data)))) == starts
    assert list(frame_starts(io.BytesIO(b"".join(data) + b"junk"))) == starts


def test_the_next_frame_behind_damage_is_found():
    first, second = compressor(3).compress(TEXT), compressor(3).compress(b'{"t":1}\n')
    data = io.BytesIO(first + b"\x28\xb5\x2f\xfd no frame at all" + second)
    frame = find_frame(data, 1)
    assert frame is not None
    assert frame.text == b'{"t":1}\n'
    assert find_frame(io.BytesIO(first), 1) is None


@pytest.mark.parametrize("before_edge", [0, 1, 2, 3, 4])
def test_a_frame_is_found_wherever_the_search_is_cut(before_edge: int) -> None:
    whole = compressor(3).compress(b'{"t":1}\n')
    garbage = b"\xfd" * (zstd_frames._SEARCHED_BYTES + 1 - before_edge)
    found = find_frame(io.BytesIO(garbage + whole), 1)
    assert found is not None
    assert (found.start, found.text) == (len(garbage), b'{"t":1}\n')
