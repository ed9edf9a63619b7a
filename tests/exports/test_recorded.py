"""The rows of a range: read on behind a pause, of one recording alone, and refused in a sentence if they cannot be."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Iterator
from ipaddress import ip_address
from itertools import islice
from pathlib import Path

import pytest
from django.test import AsyncRequestFactory

from bars.models import Gap
from exports import answer, recorded, views
from exports.recorded import Rows, RunPrices, TapeLines, Wanted
from exports.under_way import UnderWay
from market.price_range import PriceRange, PriceRanges
from marketcamera.tables.gaps import Gaps
from recorder.models import Market
from recorder.store.store_id import keep_store_id
from recorder.tape.history import History, Message
from runtime.http_errors import HttpError
from runtime.pools import exports
from tests.processes import PATIENCE_SECONDS
from tests.recorder.made_once import made_once
from tests.recorder.store import Store
from tests.streaming.test_overview import served

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Two segments with a loss between them."""
    return made_once(Market.objects.create(symbol="IG-USD"), tmp_path, with_a_loss)


def with_a_loss(store: Store) -> None:
    store.record(40)
    store.record(40, gap=10)


def open_files(directory: Path) -> int:
    return sum(path.resolve().is_relative_to(directory) for path in Path("/proc/self/fd").iterdir())


def test_a_pause_keeps_no_file_open_and_loses_nothing(store: Store) -> None:
    history, straight, paused = History("IG-USD", store.directory), Gaps(), Gaps()
    whole = list(TapeLines(history, "ticks", 3, 85, straight))
    lines = TapeLines(history, "ticks", 3, 85, paused)
    found = []
    for count in (1, 30, 20, 40):
        found += islice(lines, count)
        lines.let_go()
        assert open_files(store.directory) == 0
    assert found == whole
    assert list(paused) == list(straight) == [(40, 49, "lost")]
    next(TapeLines(history, "ticks", 3, 85, Gaps()))


def test_rows_end_where_another_recording_takes_the_place(store: Store) -> None:
    keep_store_id(store.directory, "1" * 32)
    gaps = Gaps()
    lines = TapeLines(History("IG-USD", store.directory, "1" * 32), "ticks", None, None, gaps)
    before = list(islice(lines, 5))
    keep_store_id(store.directory, "2" * 32)
    assert len(before) + len(list(lines)) == 40  # the file that was open
    assert list(gaps) == [(40, 40, "store_changed")]
    rows = Rows(History("IG-USD", store.directory, "1" * 32), Wanted("edges"), None)
    assert list(rows.batches) == []
    assert rows.told() == {"gaps": '[{"from_t":0,"to_t":0,"reason":"store_changed"}]'}
    assert rows.schema.metadata[b"store"] == b"1" * 32


class Unread:
    """A recording of ticks without end, in which reading comes no further than `paused` until `left` is set."""

    symbol, store_id = "IG-USD", None

    def __init__(self) -> None:
        self.paused, self.left = threading.Event(), threading.Event()
        self.read = 0

    def messages(self, kinds: list[str], after_t: int, to_t: int | None) -> Iterator[Message]:
        for t in range(1 << 40):
            if t == 10:
                self.paused.set()
                assert self.left.wait(PATIENCE_SECONDS)
            self.read = t
            yield Message("ticks", t, t, b'{"type":"tick","t":%d,"ts":1.0}' % t)


def test_nothing_more_is_read_for_a_client_that_has_left() -> None:
    """Else who comes and leaves, again and again, occupies the threads of tables with batches for nobody."""
    unread, request = Unread(), AsyncRequestFactory().get("/export")

    async def ask_and_leave() -> None:
        rows = Rows(unread, Wanted("ticks"), None)  # type: ignore[arg-type]
        asked = asyncio.ensure_future(answer.answer(request, rows, "csv", {}))  # type: ignore[arg-type]
        await asyncio.to_thread(unread.paused.wait, PATIENCE_SECONDS)
        asked.cancel()
        await asyncio.wait([asked])
        unread.left.set()
        while exports.taken:
            await asyncio.sleep(0.01)

    asyncio.run(ask_and_leave())
    assert unread.read == 10


def test_no_bar_more_is_read_either(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def without_end(*wanted: object) -> Iterator[tuple[object, ...]]:
        for n in range(1 << 40):
            if n == 10:
                rows.end()
            yield n, n, n + 1, n, "1m", 1.0, 1.0, 1.0, 1.0, 1.0

    monkeypatch.setattr(recorded, "_bars", without_end)
    rows = Rows(History("IG-USD", store.directory), Wanted("bars"), None)
    assert sum(batch.num_rows for batch in rows.batches) == 10


def test_a_range_of_bars_tells_its_own_gaps_however_many_came_before(store: Store) -> None:
    """Of more than a thousand the last one told covers the rest: that must be the rest of the range."""
    rows = [Gap(market=store.market, at_ms=t, from_t=t, to_t=t + 4) for t in range(0, 20_000, 10)]
    Gap.objects.bulk_create(rows)

    def told(t0: int | None, t1: int | None) -> list[tuple[int, int]]:
        bars = Rows(History("IG-USD", store.directory), Wanted("bars", t0, t1), None)
        assert list(bars.batches) == []
        return [(first_t, last_t) for first_t, last_t, reason in bars.gaps if reason == "lost"]

    assert told(19_972, 19_981) == [(19_972, 19_974), (19_980, 19_981)]
    assert told(19_975, 19_979) == []
    assert told(19_985, None) == [(19_990, 19_994)]
    assert told(None, 12) == [(0, 4), (10, 12)]
    assert (len(told(None, None)), told(None, None)[-1]) == (1000, (9_990, 19_994))


def test_a_recording_of_what_is_no_market_is_refused(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """An adopted store may hold lines that have a t, and no agents that can be read."""
    recording = store.recording()
    recording.write(store.next_t, b'{"type":"tick","t":90,"agents":"many"}', None, None)
    recording.close()
    served(monkeypatch, store.directory)
    with pytest.raises(HttpError) as told:
        asyncio.run(views.export(AsyncRequestFactory().get("/export?kind=agents")))  # type: ignore[arg-type]
    assert (told.value.status, told.value.code) == (422, "unreadable")
    assert told.value.message.startswith("messages cannot be read as rows of agents")


def test_prices_are_those_of_each_run() -> None:
    prices = RunPrices(PriceRanges([(0, PriceRange(10, 20)), (100, PriceRange(0, 1))]))
    assert [prices.price_at(t, 0.25) for t in (0, 99, 100, 250, 50)] == [12.5, 12.5, 0.25, 0.25, 12.5]


def test_a_server_without_pyarrow_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith(("exports.", "marketcamera.tables."))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(HttpError) as told:
        views._with_pyarrow("recorded")
    answer = told.value
    words = "tables need the pyarrow package: pip install 'marketcamera[arrow]'"
    assert (answer.status, answer.code, answer.message) == (501, "not_installed", words)


def test_the_tables_of_a_process_and_of_an_address_are_limited() -> None:
    tables, (one, two, three) = UnderWay(most=3, most_per_address=2), map(ip_address, ("192.0.2.1", "192.0.2.2", "::1"))
    ends = [tables.begin(one), tables.begin(one)]
    with pytest.raises(HttpError, match=r"2 tables are under way from 192\.0\.2\.1"):
        tables.begin(one)
    tables.begin(two)
    with pytest.raises(HttpError, match="3 tables are under way, the most this process makes"):
        tables.begin(three)
    for _ in range(2):
        ends[0]()  # twice is once
    tables.begin(three)
    with pytest.raises(HttpError) as told:
        tables.begin(one)
    assert (told.value.status, told.value.code, told.value.headers) == (503, "busy", {"Retry-After": "2"})
