"""A store: a recording read from its segment files, as the objects and tables that a server gives."""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, cast

import httpx

from marketcamera.addresses import Address
from marketcamera.asking import answer_of
from marketcamera.errors import HistoryUnavailable, MarketCameraError, NotFoundError
from marketcamera.failures import http_client
from marketcamera.store.segments import LocalSegments, Segments, ServerSegments, WebSegments
from marketcamera.store.tape import last_t, lines, messages
from marketcamera.stream.messages import KINDS, Frame, Gap, Metric, Received, Tick, place_of
from marketcamera.stream.price_ranges import PriceRanges
from marketcamera.stream.session import kinds_of
from marketcamera.tables.columns import TABLES
from marketcamera.tables.gaps import Gaps, messages_of
from marketcamera.whole import span

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

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

    `store_id` is the recording's id, if it has one. Every call reads anew what is there by then. Raises StoreChanged
    where a server has another recording by then.
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
        t0, t1 = span(t0, t1)
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

    def table(self, name: str, t0: int = 0, t1: int | None = None, *, resolution: str = "1m") -> pyarrow.Table:
        """The rows of messages with t0 <= t <= t1 in one of the tables that docs/tables.md describes, as Arrow.

        `ticks`, `agents`, `actions`, `matches`, `metrics`, `nodes`, `edges`, and of a server also `bars` of a
        `resolution`, those whose ticks all lie in the range. The metadata of its schema name the `store`, and in
        `gaps`, as JSON, the ranges of t that are missing. Holds the whole table; `batches` gives it piece by piece.
        Needs pyarrow (`pip install 'marketcamera[arrow]'`).
        """
        from marketcamera.tables.arrow import marked, pa, schema_of

        t0, t1 = span(t0, t1)
        if name == "bars":
            return self._segments.bars(t0, t1, resolution)
        gaps = Gaps()
        found = pa.Table.from_batches(self._batches(name, t0, t1, gaps), schema_of(name))
        facts = {"gaps": gaps.json()} | ({"store": self.store_id} if self.store_id else {})
        return found.replace_schema_metadata(marked(found.schema, facts).metadata)

    def batches(self, name: str, t0: int = 0, t1: int | None = None) -> Iterator[pyarrow.RecordBatch]:
        """The same rows in batches of at most 65,536, in bounded memory; what is missing is not told. Not of bars."""
        t0, t1 = span(t0, t1)
        return self._batches(name, t0, t1, Gaps())

    def to_pandas(self, name: str, t0: int = 0, t1: int | None = None, **options: str) -> pandas.DataFrame:
        """The same table as a DataFrame of pandas."""
        found: pandas.DataFrame = self.table(name, t0, t1, **options).to_pandas()
        return found

    def to_polars(self, name: str, t0: int = 0, t1: int | None = None, **options: str) -> polars.DataFrame:
        """The same table as a DataFrame of Polars, which must be installed."""
        try:
            import polars
        except ModuleNotFoundError:
            raise MarketCameraError("to_polars needs the polars package: pip install polars") from None
        found = polars.from_arrow(self.table(name, t0, t1, **options))
        assert isinstance(found, polars.DataFrame)
        return found

    def _batches(self, name: str, t0: int, t1: int | None, gaps: Gaps) -> Iterator[pyarrow.RecordBatch]:
        if name not in TABLES or TABLES[name].tape == "bars":
            raise ValueError(f"table must be one of {', '.join(TABLES)}, got {name!r}")
        from marketcamera.tables.batches import batches

        kind = kinds_of(TABLES[name].tape.removesuffix("s"))[0]
        return batches(name, messages_of(lines(self._segments, kind, t0, t1), gaps), prices=self._prices())

    def _prices(self) -> PriceRanges | None:
        """None where the recording does not tell which prices its numbers stand for."""
        prices = self._segments.prices
        try:
            prices.at(0)
        except HistoryUnavailable:
            return None
        return prices


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
        return isinstance(answer_of(client, url, tells_enough=_tells_health).json(), dict)
    except ValueError:
        return False


def _tells_health(answer: httpx.Response) -> bool:
    """Whether it is that of a market, which is 503 while this is not well: its recording can be read all the same."""
    try:
        body = answer.json()
    except ValueError:
        return False
    return isinstance(body, dict) and isinstance(body.get("ok"), bool)
