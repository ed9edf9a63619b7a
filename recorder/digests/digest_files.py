"""The files of digests: one for each finished segment, written whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import zstandard

from recorder.digests.digest import BadDigest, Digest, read_digest
from recorder.segment.segment_file import sync_directory

#: The directory of digests in that of a market.
DIRECTORY = "digests"

#: A digest of an hour of a fast market has some megabytes of text.
_MOST_TEXT_BYTES = 1 << 30
#: Which is this much in a file at most.
MOST_FILE_BYTES = 64 << 20
_LEVEL = 9
_COMING = ".making"


def digest_path(directory: Path, kind: str, segment: str) -> Path:
    """The path of the digest of a segment, given by its final name, in a market's directory."""
    return directory / DIRECTORY / kind / (segment.removesuffix(".jsonl.zst") + ".json.zst")


def write_digest(directory: Path, digest: Digest) -> None:
    """Write a digest in place of the one that is there. Raises OSError.

    After a crash at any point there is the old file or the new one, and perhaps the beginning of a new one under a
    name of its own, which the next attempt overwrites.
    """
    path = digest_path(directory, digest.kind, digest.segment)
    path.parent.mkdir(parents=True, exist_ok=True)
    coming = path.with_name(path.name + _COMING)
    with coming.open("wb") as file:
        file.write(zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True).compress(digest.to_json()))
        file.flush()
        os.fsync(file.fileno())
    os.replace(coming, path)
    sync_directory(path.parent)


def load_digest(directory: Path, kind: str, segment: str) -> Digest:
    """The digest of a segment. Raises BadDigest, FileNotFoundError, OSError."""
    return digest_in(_content(digest_path(directory, kind, segment)), kind, segment)


def digest_in(data: bytes, kind: str, segment: str) -> Digest:
    """The digest of a segment in the bytes of its file. Raises BadDigest."""
    try:
        if zstandard.frame_content_size(data) > _MOST_TEXT_BYTES:  # a damaged head may ask for any amount of memory
            raise BadDigest(f"it says to have more than {_MOST_TEXT_BYTES:,} bytes of text")
        text = zstandard.ZstdDecompressor().decompress(data, max_output_size=_MOST_TEXT_BYTES)
    except zstandard.ZstdError as error:
        raise BadDigest(f"it cannot be decompressed: {error}") from error
    digest = read_digest(text)
    if (digest.kind, digest.segment) != (kind, segment):
        raise BadDigest(f"it is that of {digest.kind}/{digest.segment}")
    return digest


def _content(path: Path) -> bytes:
    """The bytes of a file. Raises BadDigest for what is none, FileNotFoundError, OSError."""
    # Opening a FIFO would wait for its writer.
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except NotADirectoryError as error:
        raise BadDigest("something that is no directory has the name of one and must be moved away") from error
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise BadDigest("something that is no file has its name and must be moved away")
        with open(handle, "rb", closefd=False) as file:
            return file.read()
    finally:
        os.close(handle)


def known_digest(directory: Path, kind: str, segment: str, sha256: str) -> Digest | None:
    """The digest of a segment with this content, None where there is none or another one. Raises OSError."""
    try:
        digest = load_digest(directory, kind, segment)
    except (BadDigest, FileNotFoundError):
        return None
    return digest if digest.sha256 == sha256 else None


def remove_digest(directory: Path, kind: str, segment: str) -> None:
    """Remove the digest of a segment, if it is there. Raises OSError."""
    digest_path(directory, kind, segment).unlink(missing_ok=True)
