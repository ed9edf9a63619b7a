"""An object of the bucket as a file: seekable, read only, in blocks that are kept on this machine's disk."""

from __future__ import annotations

import errno
import hashlib
import io
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Protocol, TypeVar

from recorder.cold.block_cache import BLOCK_BYTES, BlockCache
from recorder.cold.bucket import BucketUnavailable, NoObject, Stat

log = logging.getLogger(__name__)

T = TypeVar("T")

#: A reader tries again for so long: a request that waits longer is given up by who asked.
_PATIENCE_SECONDS = 5.0
_FIRST_PAUSE_SECONDS = 0.2

#: While the bucket failed within this time, nobody else waits for it: one attempt has to do.
_KNOWN_SECONDS = 2.0


class Objects(Protocol):
    """What is read of a bucket."""

    def head(self, key: str) -> Stat | None: ...

    def get_range(self, key: str, start: int, length: int) -> bytes: ...


class ColdReads:
    """Reads blocks of a bucket's objects through a cache. For any thread.

    `away` encloses each wait for the bucket, so that a pool can have another thread work meanwhile.
    """

    def __init__(
        self,
        bucket: Objects,
        cache: BlockCache,
        away: Callable[[], AbstractContextManager[Any]] = nullcontext,
        patience_seconds: float = _PATIENCE_SECONDS,
    ) -> None:
        self._bucket, self._cache, self._away, self._patience_seconds = bucket, cache, away, patience_seconds
        self._failed_at = float("-inf")
        self._lock = threading.Lock()
        self._fetching: dict[tuple[str, int], _Turn] = {}

    def block(self, key: str, content: str, number: int, size: int) -> bytes:
        """A block of an object of `size` bytes whose SHA-256 is `content`; shorter if the object is.

        Raises BucketUnavailable, FileNotFoundError.
        """
        kept = self._cache.get(content, number)
        if kept is not None:
            return kept
        start = number * BLOCK_BYTES
        length = min(BLOCK_BYTES, size - start)
        with self._away(), self._in_turn(content, number):
            if (kept := self._cache.get(content, number)) is not None:
                return kept
            block = self._patiently(key, lambda: self._bucket.get_range(key, start, length))
            if len(block) == length:
                self._cache.put(content, number, block)
        return block

    def whole(self, key: str, most_bytes: int) -> bytes:
        """An object that is read at once, without the cache. Raises Unavailable, FileNotFoundError."""
        with self._away():
            return self._patiently(key, lambda: self._bucket.get_range(key, 0, most_bytes))

    def growing(self, key: str) -> ColdFile | None:
        """An object that is put again as it grows, as it is now; None if it is not there. Raises Unavailable."""
        with self._away():
            found = self._patiently(key, lambda: self._bucket.head(key))
        if found is None:
            return None
        return ColdFile(self, key, _name(key), found.size, _name(f"{key} {found.etag} {found.size} {found.modified}"))

    def forget(self, content: str, number: int) -> None:
        """Have a block fetched again when it is wanted next."""
        self._cache.forget(content, number)

    @contextmanager
    def _in_turn(self, content: str, number: int) -> Iterator[None]:
        """Of those who want the same block, one fetches it."""
        place = (content, number)
        with self._lock:
            turn = self._fetching.setdefault(place, _Turn())
            turn.waiting += 1
        try:
            with turn.lock:
                yield
        finally:
            with self._lock:
                turn.waiting -= 1
                if not turn.waiting:
                    del self._fetching[place]

    def _patiently(self, key: str, ask: Callable[[], T]) -> T:
        begun, pause = time.monotonic(), _FIRST_PAUSE_SECONDS
        while True:
            try:
                return ask()
            except NoObject as error:
                raise FileNotFoundError(errno.ENOENT, str(error)) from error
            except BucketUnavailable as error:
                now = time.monotonic()
                is_known = now - self._failed_at < _KNOWN_SECONDS
                if is_known or now + pause - begun > self._patience_seconds:
                    self._failed_at = now
                    raise
                if pause == _FIRST_PAUSE_SECONDS:
                    log.warning("%s is read again in %.1f s: %s", key, pause, error)
                time.sleep(pause)
                pause *= 2


def _name(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class _Turn:
    """Those who want one block."""

    def __init__(self) -> None:
        self.lock, self.waiting = threading.Lock(), 0


class ColdFile(io.RawIOBase):
    """An object of `size` bytes as a file, of which it holds one block. Reading raises Unavailable, FileNotFoundError.

    An object that is shorter than it should be ends early, as a file that was cut does.
    """

    def __init__(self, reads: ColdReads, key: str, content: str, size: int, last_content: str | None = None) -> None:
        """The name of its content is that of each block; the last one, if it may still grow, has another name."""
        self._reads, self._key, self._content, self._size = reads, key, content, size
        self._last_content = content if last_content is None else last_content
        self._at = 0
        self._number, self._block = -1, b""
        self._forgotten: set[int] = set()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = max(0, offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence])
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        """So many bytes, or what is left: never fewer than there are."""
        left = self._size - self._at if size is None or size < 0 else min(size, self._size - self._at)
        pieces = []
        while left > 0:
            number, begin = divmod(self._at, BLOCK_BYTES)
            piece = self._of(number)[begin : begin + left]
            if not piece:
                break
            pieces.append(piece)
            self._at += len(piece)
            left -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def readinto(self, buffer: Any) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def forget(self, start: int) -> bool:
        """Have everything from `start` up to the present position fetched again.

        False if that was done before: then it is not the way here on which it was damaged.
        """
        numbers = range(start // BLOCK_BYTES, max(start, self._at - 1) // BLOCK_BYTES + 1)
        new = [number for number in numbers if number not in self._forgotten]
        for number in new:
            self._reads.forget(self._content_of(number), number)
        self._forgotten.update(new)
        self._number, self._block = -1, b""
        return bool(new)

    def _of(self, number: int) -> bytes:
        if number != self._number:
            self._block = self._reads.block(self._key, self._content_of(number), number, self._size)
            self._number = number
        return self._block

    def _content_of(self, number: int) -> str:
        return self._content if number < self._size // BLOCK_BYTES else self._last_content
