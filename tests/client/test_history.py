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


def test_errors_have_the_same_names_in_both_modules() -> None:
    for name in ("NotFoundError", "ParseError", "WebSocketConnectionError", "WebSocketSubscriptionError"):
        assert getattr(wealthdata, name) is getattr(marketcamera, name)
        assert issubclass(getattr(wealthdata, name), marketcamera.MarketCameraError)
    assert issubclass(marketcamera.BadMessage, wealthdata.ParseError)
