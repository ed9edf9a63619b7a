"""Where a recording's segments are: in a directory, behind a Market Camera server, or on a plain web server."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Protocol, TypeVar, cast

import httpx

from marketcamera.addresses import STORE_HEADER, Address
from marketcamera.asking import answer_of, json_in
from marketcamera.bars.bar import resolution_of
from marketcamera.decoding import loads
from marketcamera.errors import BadMessage, MarketCameraError, NotFoundError, StoreChanged
from marketcamera.store.ranged import Gone, RangedFile
from marketcamera.stream.messages import STORE_ID
from marketcamera.stream.price_ranges import PRICES_HEADER, PriceRanges

T = TypeVar("T")

_NAME = re.compile(r"segment_([0-9]{8}_[0-9]{6})_(0|[1-9][0-9]{0,18})(_pending)?\.jsonl\.zst", re.ASCII)
_PAGE = 1000


class Segment(NamedTuple):
    """A segment: the name of its file, the t it begins with, the last t it holds (None: unknown)."""

    name: str
    start_t: int
    end_t: int | None = None

    @property
    def pending(self) -> bool:
        return "_pending" in self.name


class Segments(Protocol):
    """The segments of one market. `where` is for error messages; `store` is the id of the recording, if known."""

    where: str
    store: str | None

    @property
    def prices(self) -> PriceRanges:
        """The price ranges of the runs that there are by now."""
        ...

    def of(self, kind: str, t: int) -> Iterator[Segment]:
        """Those of a kind (ticks, metrics, frames) from the one that may hold `t` on, by their first t."""
        ...

    def newest(self, kind: str) -> Iterator[Segment]:
        """The same, the newest first."""
        ...

    def open(self, kind: str, segment: Segment) -> BinaryIO | None:
        """Its file; None where it is gone."""
        ...

    def start_near(self, kind: str, segment: Segment, t: int) -> int:
        """The offset of a frame before or at which `t` is; 0 if that is not known."""
        ...

    def bars(self, t0: int, t1: int | None, resolution: str) -> Any:
        """The table of bars whose ticks lie in a range. Raises StoreChanged, MarketCameraError where there are none."""
        ...


class _OfFiles:
    """What segments that are files alone have not."""

    where: str

    def start_near(self, kind: str, segment: Segment, t: int) -> int:
        return 0

    def bars(self, t0: int, t1: int | None, resolution: str) -> Any:
        raise MarketCameraError(f"{self.where}: bars are in a server's database, not in the files of its store")


class LocalSegments(_OfFiles):
    """The segments in a directory of the recorder's form (docs/segment-format.md)."""

    def __init__(self, directory: Path) -> None:
        self.where, self._directory = str(directory), directory
        self.store = _store_in(directory)

    @property
    def prices(self) -> PriceRanges:
        return _prices_in(self._directory)

    def of(self, kind: str, t: int) -> Iterator[Segment]:
        yield from _from_t(self._listed(kind), t)

    def newest(self, kind: str) -> Iterator[Segment]:
        yield from reversed(self._listed(kind))

    def open(self, kind: str, segment: Segment) -> BinaryIO | None:
        for name in (segment.name, segment.name.replace("_pending", "")):  # it may have been sealed meanwhile
            path = self._directory / kind / name
            if path.is_file():
                try:
                    return path.open("rb")
                except FileNotFoundError:
                    continue
        return None

    def _listed(self, kind: str) -> list[Segment]:
        directory = self._directory / kind
        names = [path.name for path in directory.iterdir()] if directory.is_dir() else []
        return _in_order(names)


class ServerSegments:
    """The segments of a Market Camera server, by its lists and byte ranges."""

    def __init__(self, address: Address, client: httpx.Client, symbol: str | None) -> None:
        self.where = address.http("/")
        self._address, self._client = address, client
        symbol = symbol or address.query.get("symbol")
        self._symbol = {"symbol": symbol} if symbol else {}
        self.store: str | None = None
        self._prices = PriceRanges(address.http("/health", self._symbol))
        self._page("ticks", {"after_t": "-1", "limit": "1"})  # learns of which recording, and its prices

    @property
    def prices(self) -> PriceRanges:
        return self._prices

    def of(self, kind: str, t: int) -> Iterator[Segment]:
        after, told = t - 1, set[str]()
        while True:
            page = self._page(kind, {"after_t": str(max(-1, after)), "limit": str(_PAGE)})
            yield from (one for one in page if one.name not in told)
            told = {one.name for one in page}
            ends = [one.end_t for one in page if not one.pending and one.end_t is not None]
            if len(page) < _PAGE or not ends or max(ends) <= after:
                return
            after = max(ends)

    def newest(self, kind: str) -> Iterator[Segment]:
        before = 2**53 - 1
        while page := self._page(kind, {"before_t": str(before), "limit": "10"}):
            page.sort(key=lambda one: one.start_t, reverse=True)
            yield from page
            before = page[-1].start_t

    def open(self, kind: str, segment: Segment) -> BinaryIO | None:
        return _ranged(self._client, self._address.http(f"/segment/{kind}/{segment.name}", self._symbol))

    def start_near(self, kind: str, segment: Segment, t: int) -> int:
        url = self._address.http(f"/segment/{kind}/{segment.name}", {"format": "seek"} | self._symbol)
        try:
            points = _json(self._client, url, lambda body: [(int(at), int(byte)) for at, byte in body["seek_points"]])
        except NotFoundError:
            return 0
        place = bisect_right(points, t, key=lambda point: point[0]) - 1
        return points[place][1] if place >= 0 else 0

    def bars(self, t0: int, t1: int | None, resolution: str) -> Any:
        from marketcamera.tables.arrow import pa

        span = {"t0": str(t0)} | ({} if t1 is None else {"t1": str(t1)})
        asked = {"kind": "bars", "format": "arrow", "resolution": resolution_of(resolution)}
        url = self._address.http("/export", asked | span | self._symbol)
        answer = answer_of(self._client, url)
        if answer.status_code != 200:
            json_in(url, answer)
        self._learn(answer)
        try:
            return pa.ipc.open_stream(answer.content).read_all()
        except pa.ArrowInvalid as error:
            raise BadMessage(f"{url} is not a stream of Arrow ({error})", answer.content[:80]) from None

    def _page(self, kind: str, part: dict[str, str]) -> list[Segment]:
        url = self._address.http(f"/manifest/{kind}", part | self._symbol)
        return _json(self._client, url, _listed_in, self._learn)

    def _learn(self, answer: httpx.Response) -> None:
        told = answer.headers.get(STORE_HEADER)
        if told is not None and self.store not in (None, told):
            raise StoreChanged(self.where, self.store, None, told)
        self.store = told or self.store
        self._prices.take(answer.headers.get(PRICES_HEADER))


class WebSegments(_OfFiles):
    """The finished segments of a store that any web server, or a bucket, gives out as files: by its manifest.json."""

    def __init__(self, url: str, client: httpx.Client) -> None:
        self.where, self._client = url.rstrip("/"), client
        self.store: str | None = None
        try:
            _ = self.prices
        except NotFoundError:
            raise NotFoundError(self.where, "it is neither a Market Camera server nor the files of a store") from None

    @property
    def prices(self) -> PriceRanges:
        return PriceRanges.of(_json(self._client, f"{self.where}/runs.json", _runs_in))

    def of(self, kind: str, t: int) -> Iterator[Segment]:
        yield from _from_t(self._listed(kind), t)

    def newest(self, kind: str) -> Iterator[Segment]:
        yield from reversed(self._listed(kind))

    def open(self, kind: str, segment: Segment) -> BinaryIO | None:
        return _ranged(self._client, f"{self.where}/{kind}/{segment.name}")

    def _listed(self, kind: str) -> list[Segment]:
        try:
            return _json(self._client, f"{self.where}/{kind}/manifest.json", _listed_in)
        except NotFoundError:
            return []


def _from_t(listed: list[Segment], t: int) -> list[Segment]:
    return listed[max(0, bisect_right(listed, t, key=lambda segment: segment.start_t) - 1) :]


def _in_order(names: list[str]) -> list[Segment]:
    """The segments among names of files, by their first t, then by their opening."""
    found = [(int(match[2]), match[1], match[0]) for name in names if (match := _NAME.fullmatch(name))]
    return [Segment(name, start_t) for start_t, _, name in sorted(found)]


def _listed_in(body: Any) -> list[Segment]:
    """The segments in a manifest."""
    entries = [(entry["path"].rpartition("/")[2], int(entry["start_t"]), int(entry["end_t"])) for entry in body]
    return [Segment(*entry) for entry in entries if _NAME.fullmatch(entry[0])]


def _runs_in(body: Any) -> list[tuple[int, float, float]]:
    """The first t and price range of each run that tells one."""
    found = [(int(run["first_t"]), run["price_low"], run["price_high"]) for run in body]
    return [(first_t, float(low), float(high)) for first_t, low, high in found if low is not None and high is not None]


def _prices_in(directory: Path) -> PriceRanges:
    try:
        return PriceRanges.of(_runs_in(loads((directory / "runs.json").read_bytes())))
    except FileNotFoundError:
        return PriceRanges()
    except (KeyError, TypeError, ValueError, AttributeError):
        raise BadMessage(f"{directory / 'runs.json'} lists runs", "something else") from None


def _store_in(directory: Path) -> str | None:
    try:
        found = (directory / "store_id").read_text(encoding="ascii", errors="replace").strip()
    except FileNotFoundError:
        return None
    return found if STORE_ID.fullmatch(found) else None


def _ranged(client: httpx.Client, url: str) -> BinaryIO | None:
    try:
        return cast("BinaryIO", RangedFile(client, url))
    except Gone:
        return None


def _json(
    client: httpx.Client,
    url: str,
    found_in: Callable[[Any], T],
    learn: Callable[[httpx.Response], None] = lambda answer: None,
) -> T:
    """What is found in the JSON at a URL; `learn` gets the answer. Raises HistoryUnavailable, BadMessage."""
    answer = answer_of(client, url)
    body = json_in(url, answer)
    learn(answer)
    try:
        return found_in(body)
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise BadMessage(f"{url} is not what a store has there ({error!r})", str(body)) from None
