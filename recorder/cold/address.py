"""The address of a cold store, as `IG_COLD_STORE` gives it. Pure: no Django, no library."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

_FORM = "s3://BUCKET/PREFIX?endpoint=https://HOST:PORT, or file:///DIRECTORY"
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)
_PREFIX = re.compile(r"[A-Za-z0-9._/-]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a bucket is: a `bucket` of an S3-compatible store at `endpoint` (None is Amazon's), or a `directory`.

    All keys are below `prefix`, which is "" or has no slash at its ends.
    """

    bucket: str = ""
    prefix: str = ""
    endpoint: str | None = None
    directory: Path | None = None

    def __str__(self) -> str:
        """The address as logs and errors name it."""
        if self.directory is not None:
            return f"file://{self.directory}"
        where = f"s3://{self.bucket}/{self.prefix}".rstrip("/")
        return where if self.endpoint is None else f"{where} at {self.endpoint}"


def parse_address(text: str) -> Address:
    """The address in a URL. Raises ValueError with what it must be, and nothing of the text."""
    try:
        parts = urlsplit(text)
        if parts.fragment:
            raise ValueError(_FORM)
        if parts.scheme == "file":
            return _directory(parts.netloc, parts.path, parts.query)
        if parts.scheme == "s3":
            return _bucket(parts.netloc, parts.path.strip("/"), parts.query)
    except ValueError:  # the words of urlsplit may hold a part of what was to be kept secret
        pass
    raise ValueError(f"must be {_FORM}")


def _directory(host: str, path: str, query: str) -> Address:
    directory = Path(unquote(path))
    if host or query or "\0" in str(directory) or not directory.is_absolute():
        raise ValueError(_FORM)
    return Address(directory=directory)


def _bucket(name: str, prefix: str, query: str) -> Address:
    options = parse_qs(query, keep_blank_values=True, strict_parsing=bool(query))
    endpoints = options.pop("endpoint", [])
    if options or len(endpoints) > 1 or not _BUCKET.fullmatch(name) or not _PREFIX.fullmatch(prefix):
        raise ValueError(_FORM)
    if not {"", ".", ".."}.isdisjoint(prefix.split("/")) and prefix:
        raise ValueError(_FORM)
    return Address(name, prefix, _endpoint(endpoints[0]) if endpoints else None)


def _endpoint(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise ValueError(_FORM)
    _ = parts.port  # raises ValueError for one that is none
    return text.rstrip("/")
