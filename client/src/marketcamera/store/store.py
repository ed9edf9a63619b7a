"""A store: a recording read from its segment files, as the objects and tables that a server gives."""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import cast

import httpx

from marketcamera.addresses import Address
from marketcamera.asking import answer_of
from marketcamera.errors import NotFoundError
from marketcamera.failures import http_client
from marketcamera.store.segments import LocalSegments, Segments, ServerSegments, WebSegments
from marketcamera.store.tape import last_t, messages
from marketcamera.stream.messages import KINDS, Frame, Gap, Metric, Received, Tick, place_of
from marketcamera.stream.session import kinds_of

_TIMEOUT_SECONDS = 30.0
_SYMBOL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}", re.ASCII)


def open_store(where: str | Path, *, symbol: str | None = None) -> Store:
    """The recording in a directory, behind a Market Camera server, or on a web server that gives out a store's files.

    `where` is the directory that a server was given as `IG_CAM_STORE_DIR`, or a URL. `symbol` names another market than
    the main one; in a directory it is that in the subdirectory of this name. A directory may be read while its market
    runs: up to what was written by the last flush. Needs zstandard (`pip install 'marketcamera[zstd]'`).

    Raises NotFoundError where there is no recording, HistoryUnavailable where a server does not answer; ValueError for
    an address or a symbol that cannot be.
    """
    if symbol is not None and not _SYMBOL.fullmatch(symbol):
        raise ValueError(
            f"symbol must be 1 to 32 of A-Z a-z 0-9 . _ - and begin with a letter or digit, got {symbol!r}"
        )
    text = str(where)
    if "://" in text and not text.startswith("file://"):
        return Store(_at_url(text, symbol))
    return Store(LocalSegments(_directory(Path(text.removeprefix("file://")).expanduser(), symbol)))


class Store:
    """One recording. What it gives is in the order of the stream; a `Gap` tells of whatever is missing.

    `store_id` is the recording's id, if it has one. Every call reads anew what is there by then.
    """

    def __init__(self, segments: Segments) -> None:
        self._segments = segments

    def __repr__(self) -> str:
        return f"Store({self._segments.where!r})"

    @property
    def store_id(self) -> str | None:
        return self._segments.store

    @property
    def first_t(self) -> int | None:
        """The first t that is there; None of an empty recording."""
        first = next(self._segments.of("ticks", 0), None)
        return None if first is None else first.start_t

    @property
    def last_t(self) -> int | None:
        """The t of the newest tick; None without one."""
        return last_t(self._segments, "tick")

    def messages(self, t0: int = 0, t1: int | None = None, *, types: str | Iterable[str] = KINDS) -> Iterator[Received]:
        """Ticks, metrics and frames with t0 <= t <= t1 (None: to the end)."""
        if t0 < 0 or (t1 is not None and t1 < t0):
            raise ValueError(f"t0 must be at least 0 and t1 at least t0, got {t0} and {t1}")
        of_kinds = (messages(self._segments, kind, t0, t1) for kind in kinds_of(types))
        return heapq.merge(*of_kinds, key=place_of)

    def ticks(self, t0: int = 0, t1: int | None = None) -> Iterator[Tick | Gap]:
        """The ticks with t0 <= t <= t1."""
        return cast("Iterator[Tick | Gap]", self.messages(t0, t1, types="tick"))

    def metrics(self, t0: int = 0, t1: int | None = None) -> Iterator[Metric | Gap]:
        """The metrics with t0 <= t <= t1."""
        return cast("Iterator[Metric | Gap]", self.messages(t0, t1, types="metric"))

    def frames(self, t0: int = 0, t1: int | None = None) -> Iterator[Frame | Gap]:
        """The frames with t0 <= t <= t1."""
        return cast("Iterator[Frame | Gap]", self.messages(t0, t1, types="frame"))


def _directory(path: Path, symbol: str | None) -> Path:
    """The directory of a market's segments. Raises NotFoundError."""
    directory = path if symbol is None else path / symbol
    if not any((directory / f"{kind}s").is_dir() for kind in KINDS):
        raise NotFoundError(str(directory), "there is no recording: no directory with ticks, metrics or frames in it")
    return directory


def _at_url(url: str, symbol: str | None) -> Segments:
    address = Address(url)
    client = http_client(address.http("/"), _TIMEOUT_SECONDS)
    if _is_server(client, address.http("/health")):
        return ServerSegments(address, client, symbol)
    return WebSegments(url if symbol is None else f"{url.rstrip('/')}/{symbol}", client)


def _is_server(client: httpx.Client, url: str) -> bool:
    """Whether it is a Market Camera server that answers here; a web server with files has no such path."""
    try:
        return isinstance(answer_of(client, url).json(), dict)
    except ValueError:
        return False
