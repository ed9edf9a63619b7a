"""The bucket: objects by their keys, in an S3-compatible store or in a directory. Pure: no Django, no environment."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store

from recorder.cold.address import Address, parse_address
from recorder.errors import RecorderError
from recorder.segment.segment_file import sync_directory
from runtime.unavailable import Unavailable

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig, S3Config

#: How long a connection may take to be made, and how long an answer, or the next byte of one, may be awaited.
_CONNECT_SECONDS, _SILENCE_SECONDS = 3, 10
#: The whole of an answer: a range of 1 MiB takes 21 s at 50 KB/s.
_READ_SECONDS = 60
#: The whole of a request that writes: two parts at once take 336 s at 50 KB/s.
_WRITE_SECONDS = 600
_PART_BYTES, _PARTS_AT_ONCE = 8 << 20, 2
#: Attempts after the first one, none of which begins later than so many seconds after it.
_RETRIES, _RETRY_SECONDS = 2, 15


class BucketUnavailable(RecorderError, Unavailable):
    """The bucket does not answer, or refuses: `reason` says why, without anything secret."""

    def __init__(self, address: Address, reason: str) -> None:
        sentence = f"the cold store {address} is unavailable: {reason}"
        super().__init__(sentence)
        self.reason, self.strerror = reason, sentence


class NoObject(RecorderError, OSError):
    """The bucket answers and has no object of this `key`."""

    def __init__(self, address: Address, key: str) -> None:
        sentence = f"the cold store {address} has no {key}"
        super().__init__(sentence)
        self.key, self.strerror = key, sentence


class Stat(NamedTuple):
    """What a bucket tells of an object: its size in bytes, when it was written, and an identifier of its content."""

    size: int
    modified: datetime
    etag: str | None


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the store is to know of this client; what is empty, the library looks for as other AWS clients do."""

    key_id: str | None = None
    secret: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    region: str | None = None


class Bucket:
    """The objects below an address. Every method may raise BucketUnavailable, and be called from any thread.

    A request is tried three times, within bounded time. A process that forks must open a bucket of its own.
    """

    def __init__(self, address: Address, credentials: Credentials, silence_seconds: float) -> None:
        self.address = address
        self._credentials, self._silence_seconds = credentials, silence_seconds
        self._stores: dict[bool, S3Store | LocalStore] = {}

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """The bytes of an object from `start` on: `length` of them, or as many as there are. Raises NoObject."""
        if length <= 0:
            return b""
        with self._errors(key):
            try:
                return bytes(obstore.get_range(self._store(), key, start=start, length=length))
            except BaseError as error:
                if _status(str(error)) != "416" and not self._is_behind(key, start):
                    raise
                return b""

    def head(self, key: str) -> Stat | None:
        """What the bucket tells of an object; None if it is not there."""
        try:
            with self._errors(key):
                found = obstore.head(self._store(), key)
        except NoObject:
            # The answer is the same for a bucket that does not exist; a listing tells the two apart.
            self._listed(key)
            return None
        return Stat(found["size"], found["last_modified"], found["e_tag"])

    def put(self, key: str, path: Path) -> None:
        """Write the content of a file as an object, whole or not at all, over one that is there.

        Raises FileNotFoundError and other OSError of the file.
        """
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            many = size > _PART_BYTES and self.address.directory is None
            parts = {"use_multipart": many, "chunk_size": _PART_BYTES, "max_concurrency": _PARTS_AT_ONCE}
            self._write(key, lambda store: obstore.put(store, key, file, **parts))  # type: ignore[arg-type]

    def put_bytes(self, key: str, data: bytes) -> None:
        """Write an object, whole or not at all, over one that is there."""
        self._write(key, lambda store: obstore.put(store, key, data, use_multipart=False))

    def delete(self, key: str) -> None:
        """Delete an object, if it is there."""
        with self._errors(key):
            try:
                obstore.delete(self._store(writes=True), key)
            except FileNotFoundError:
                return  # a directory tells, a bucket does not

    def keys(self, prefix: str) -> Iterator[str]:
        """The keys of all objects below `prefix`, a path without a slash at its end, in no order."""
        with self._errors(prefix):
            for page in obstore.list(self._store(), prefix or None, chunk_size=1000):
                yield from (found["path"] for found in page)

    def folders(self, prefix: str) -> list[str]:
        """The names of the folders in the one at `prefix`, a path without a slash at its end; none if it is not there.

        A bucket has those alone that hold objects, a directory empty ones too.
        """
        try:
            with self._errors(prefix):
                found = obstore.list_with_delimiter(self._store(), prefix)
        except NoObject:
            return []
        return sorted(path.rpartition("/")[2] for path in found["common_prefixes"])

    def _listed(self, prefix: str) -> None:
        with self._errors(prefix):
            next(iter(obstore.list(self._store(), prefix, chunk_size=1)), None)

    def _is_behind(self, key: str, start: int) -> bool:
        """Whether an offset is behind the end of a file, which a directory tells as a fault of any kind."""
        return self.address.directory is not None and start >= obstore.head(self._store(), key)["size"]

    def _write(self, key: str, put: Callable[[S3Store | LocalStore], object]) -> None:
        with self._errors(key):
            put(self._store(writes=True))
            if self.address.directory is not None:
                _sync(self.address.directory / key)

    def _store(self, *, writes: bool = False) -> S3Store | LocalStore:
        directory = self.address.directory
        if directory is not None and not directory.is_dir():  # what is not mounted must not be made in its place
            raise BucketUnavailable(self.address, "there is no such directory")
        if writes not in self._stores:
            self._stores[writes] = self._made(writes)
        return self._stores[writes]

    def _made(self, writes: bool) -> S3Store | LocalStore:
        if self.address.directory is not None:
            return LocalStore(self.address.directory)
        retry: RetryConfig = {"max_retries": _RETRIES, "retry_timeout": timedelta(seconds=_RETRY_SECONDS)}
        client: ClientConfig = {
            "allow_http": (self.address.endpoint or "").startswith("http:"),
            "connect_timeout": timedelta(seconds=_CONNECT_SECONDS),
            "timeout": timedelta(seconds=_WRITE_SECONDS if writes else _READ_SECONDS),
        }
        if not writes:  # while a request is sent, silence is what is to be expected
            client["read_timeout"] = timedelta(seconds=self._silence_seconds)
        name, prefix = self.address.bucket, self.address.prefix or None
        return S3Store(name, prefix=prefix, config=self._config(), client_options=client, retry_config=retry)

    def _config(self) -> S3Config:
        own = self._credentials
        config: S3Config = {}
        for name, value in (
            ("access_key_id", own.key_id),
            ("secret_access_key", own.secret),
            ("session_token", own.token),
            ("region", own.region),
            ("endpoint", self.address.endpoint),
        ):
            if value:
                config[name] = value  # type: ignore[literal-required]
        return config

    @contextmanager
    def _errors(self, key: str) -> Iterator[None]:
        """Tells errors of the library in our words: its own hold answers of the store, keys and addresses."""
        try:
            yield
        except FileNotFoundError as error:
            if _NO_BUCKET in str(error):
                raise BucketUnavailable(self.address, _reason(str(error))) from None
            raise NoObject(self.address, key) from None
        except BaseError as error:
            raise BucketUnavailable(self.address, _reason(str(error))) from None


def open_bucket(
    url: str, credentials: Credentials = Credentials(), *, silence_seconds: float = _SILENCE_SECONDS
) -> Bucket:
    """The bucket at `s3://bucket/prefix?endpoint=…` or `file:///directory`; nothing is asked of it yet.

    A read whose next byte does not come within `silence_seconds` has failed. Raises ValueError for another URL.
    """
    return Bucket(parse_address(url), credentials, silence_seconds)


def _sync(path: Path) -> None:
    """The library renames a whole file into its place; after a power cut it is to be there."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
    sync_directory(path.parent)


_STATUS = re.compile(r"status code: (\d{3})")
_CODE = re.compile(r"<Code>([A-Za-z0-9]{1,64})</Code>")
_NO_BUCKET = "NoSuchBucket"
_SYSTEM = re.compile(r"[A-Z][A-Za-z ]{1,60} \(os error \d+\)")


def _status(text: str) -> str:
    found = _STATUS.search(text)
    return found[1] if found else ""


def _reason(text: str) -> str:
    """What went wrong, of the library's words only what cannot hold a secret."""
    if _NO_BUCKET in text:
        return "there is no such bucket"
    if status := _status(text):
        code = _CODE.search(text)
        return f"it answered {status}" + (f" {code[1]}" if code else "")
    if re.search("timed out|TimedOut|Timeout", text):
        return "it did not answer in time"
    if found := _SYSTEM.search(text):
        return found[0]
    if "credential" in text.lower():
        return "there are no credentials for it"
    return "it cannot be reached"
