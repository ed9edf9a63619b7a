"""From any URL of a server to each of its endpoints."""

from __future__ import annotations

import pytest

from marketcamera.addresses import Address


@pytest.mark.parametrize(
    "url", ["http://h:8000", "http://h:8000/", "ws://h:8000/ws/stream?symbol=X", "ws://h:8000/market_data"]
)
def test_every_endpoint_is_found_from_every_url(url: str) -> None:
    address = Address(url)
    assert address.stream({"types": "tick,metric"}) == "ws://h:8000/ws/stream?types=tick,metric"
    assert address.feed() == "ws://h:8000/market_data"
    assert address.http("/range", {"t0": "5"}) == "http://h:8000/range?t0=5"


def test_a_secure_server_stays_secure_and_a_prefix_stays_before() -> None:
    address = Address("wss://h/markets/ws/stream")
    assert address.feed() == "wss://h/markets/market_data"
    assert address.http("/health") == "https://h/markets/health"


def test_a_feed_elsewhere_is_taken_as_it_is() -> None:
    assert Address("ws://h:9/feeds/bars").feed() == "ws://h:9/feeds/bars"


@pytest.mark.parametrize("url", ["", "h:8000", "ftp://h", "http://", "/ws/stream"])
def test_what_is_no_url_is_told(url: str) -> None:
    with pytest.raises(ValueError, match="begins with http://, https://, ws:// or wss://"):
        Address(url)
