"""Ranged files: a file at a URL as a seekable file, read by byte ranges in blocks of which a few are kept."""

from __future__ import annotations

import io
import re
from collections import OrderedDict

import httpx

from marketcamera.asking import answer_of
from marketcamera.errors import HistoryUnavailable

_BLOCK_BYTES = 1 << 18
#: Readers go forward, and back no further than to the beginning of a frame.
_KEPT_BLOCKS = 8

_CONTENT_RANGE = re.compile(r"bytes [0-9]+-[0-9]+/([0-9]+)", re.ASCII)


class Gone(Exception):
    """There is no file at this URL any more."""


class RangedFile(io.RawIOBase):
    """A file at a URL. Its size is that at the first read, as a file that is being written grows.

    Raises Gone where the server has no such file, HistoryUnavailable where it does not answer, also later.
    """

    def __init__(self, client: httpx.Client, url: str) -> None:
        self._client, self._url, self._at = client, url, 0
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._size = 0
        self._block(0)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def read(self, size: int = -1) -> bytes:
        end = self._size if size < 0 else min(self._size, self._at + size)
        pieces = []
        while self._at < end:
            number, offset = divmod(self._at, _BLOCK_BYTES)
            piece = self._block(number)[offset : offset + end - self._at]
            if not piece:
                raise HistoryUnavailable(self._url, f"it has less than the {self._size} bytes that it had")
            pieces.append(piece)
            self._at += len(piece)
        return b"".join(pieces)

    def _block(self, number: int) -> bytes:
        block = self._blocks.get(number)
        if block is None:
            block = self._blocks[number] = self._fetched(number * _BLOCK_BYTES)
            if len(self._blocks) > _KEPT_BLOCKS:
                self._blocks.popitem(last=False)
        else:
            self._blocks.move_to_end(number)
        return block

    def _fetched(self, start: int) -> bytes:
        """The bytes of a block."""
        part = {"Range": f"bytes={start}-{start + _BLOCK_BYTES - 1}"}
        return self._content(answer_of(self._client, self._url, part), start)

    def _content(self, answer: httpx.Response, start: int) -> bytes:
        if answer.status_code in (404, 410):
            raise Gone
        if answer.status_code == 416 and not start:
            return b""  # an empty file has no ranges
        whole = _CONTENT_RANGE.fullmatch(answer.headers.get("Content-Range", ""))
        if answer.status_code != 206 or whole is None:
            raise HistoryUnavailable(self._url, f"the answer was {answer.status_code}, not a range of bytes")
        self._size = self._size or int(whole[1])
        return answer.content
