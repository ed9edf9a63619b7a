"""What the client makes of a server's refusals when it asks for recorded bars."""

from __future__ import annotations

import httpx
import pytest

import marketcamera
import wealthdata
from marketcamera import HistoryUnavailable, NotFoundError
from marketcamera.bars.history import BarHistory


def history(status: int, **answer: object) -> BarHistory:
    transport = httpx.MockTransport(lambda _: httpx.Response(status, **answer))  # type: ignore[arg-type]
    return BarHistory("http://a.example", httpx.Client(transport=transport))


def refusal(status: int, **answer: object) -> HistoryUnavailable:
    with pytest.raises(HistoryUnavailable) as caught:
        history(status, **answer).before("A", "1m", None, 1)
    return caught.value


def test_what_is_not_there_is_told_from_what_cannot_be_had() -> None:
    unknown = refusal(404, json={"error": {"code": "unknown_symbol", "message": "there is no market 'A'"}})
    assert type(unknown) is type(refusal(404, text="Not Found")) is NotFoundError
    assert unknown.reason == "there is no market 'A'"
    assert type(refusal(403, text="no")) is HistoryUnavailable
    assert type(refusal(400, json={"error": {"message": "no"}})) is HistoryUnavailable


def pages(*stores: str) -> BarHistory:
    """A history whose pages are of these recordings, the last one ever after; each has all bars that are asked for."""
    left = list(stores)

    def answer(request: httpx.Request) -> httpx.Response:
        end = int(request.url.params.get("to", 10_000_000)) // 1000
        times = range(end - int(request.url.params["limit"]), end)
        numbers = dict.fromkeys(("open", "high", "low", "close", "volume"), 1.0)
        bars = [{"open_time": n * 1000, "close_time": n * 1000 + 1000, **numbers} for n in times]
        store = left.pop(0) if len(left) > 1 else left[0]
        return httpx.Response(200, json={"bars": bars, "gaps": []}, headers={"Market-Camera-Store": store})

    return BarHistory("http://a.example", httpx.Client(transport=httpx.MockTransport(answer)))


def test_bars_of_several_pages_are_of_one_recording() -> None:
    recorded = pages("old", "new").before("A", "1s", None, 1500)
    assert (recorded.store, len(recorded.bars)) == ("new", 1500)
    with pytest.raises(HistoryUnavailable, match="its answers are of several recordings"):
        pages(*"ababababab").before("A", "1s", None, 1500)


def test_errors_have_the_same_names_in_both_modules() -> None:
    for name in ("NotFoundError", "ParseError", "WebSocketConnectionError", "WebSocketSubscriptionError"):
        assert getattr(wealthdata, name) is getattr(marketcamera, name)
        assert issubclass(getattr(wealthdata, name), marketcamera.MarketCameraError)
    assert issubclass(marketcamera.BadMessage, wealthdata.ParseError)
