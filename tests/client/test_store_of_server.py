"""A store behind a server that has another recording by then."""

from __future__ import annotations

import io
from itertools import islice

import httpx
import pyarrow as pa
import pytest

from marketcamera import StoreChanged, open_store
from marketcamera.addresses import Address
from marketcamera.store.segments import ServerSegments
from marketcamera.store.store import Store
from marketcamera.tables.arrow import schema_of

OLD, NEW = "a" * 32, "b" * 32


def test_a_store_is_of_one_recording() -> None:
    """The market gets another one between two pages of its list."""
    stores = iter((OLD, OLD, NEW))

    def answer(request: httpx.Request) -> httpx.Response:
        first = int(request.url.params["after_t"]) + 1
        entries = [
            {"path": f"ticks/segment_20260101_000000_{t}.jsonl.zst", "start_t": t, "end_t": t}
            for t in range(first, first + int(request.url.params["limit"]))
        ]
        return httpx.Response(200, json=entries, headers={"Market-Camera-Store": next(stores)})

    segments = ServerSegments(Address("http://h"), httpx.Client(transport=httpx.MockTransport(answer)), None)
    found = segments.of("ticks", 0)
    assert len(list(islice(found, 1000))) == 1000
    with pytest.raises(StoreChanged, match=f"{OLD} is not its recording any more, which is {NEW} now"):
        next(found)


def test_a_table_of_bars_is_of_the_recording_that_was_opened() -> None:
    stores = iter([OLD, OLD, NEW])

    def answer(request: httpx.Request) -> httpx.Response:
        headers = {"Market-Camera-Store": next(stores)}
        if request.url.path != "/export":
            return httpx.Response(200, json=[], headers=headers)
        table = io.BytesIO()
        pa.ipc.new_stream(table, schema_of("bars")).close()
        return httpx.Response(200, content=table.getvalue(), headers=headers)

    store = Store(ServerSegments(Address("http://h"), httpx.Client(transport=httpx.MockTransport(answer)), None))
    assert len(store.table("bars")) == 0
    with pytest.raises(StoreChanged, match=f"{OLD} is not its recording any more, which is {NEW} now"):
        store.table("bars")


@pytest.mark.parametrize("symbol", [None, "IG-EUR"])
def test_the_recording_of_a_market_that_is_not_well_is_opened_at_once(
    monkeypatch: pytest.MonkeyPatch, symbol: str | None
) -> None:
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        if request.url.path == "/health":
            return httpx.Response(503, json={"ok": False, "problems": ["IG-USD is silent"]})
        return httpx.Response(200, json=[], headers={"Market-Camera-Store": OLD})

    client = httpx.Client(transport=httpx.MockTransport(answer))
    monkeypatch.setattr("marketcamera.store.store.http_client", lambda url, timeout_seconds: client)
    assert open_store("http://h", symbol=symbol).store_id == OLD
    assert asked == ["/health", "/manifest/ticks"]
