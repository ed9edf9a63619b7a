"""The venue's messages, and the log where one is none."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from market.sources.hyperliquid.messages import Pong, Reader, Subscribed, Top, Trades, Word
from market.trades.trade import Trade
from tests.market.venue import GARBAGE

TRADE = {
    "coin": "BTC", "side": "A", "px": "84133.0", "sz": "0.02279", "time": 1790231124037, "hash": "0x0",
    "tid": 140238147810435, "users": ["0xbb", "0x48"],
}  # fmt: skip


def read(channel: str, data: Any, reader: Reader | None = None) -> Any:
    return (reader or Reader("venue", "BTC")).read(json.dumps({"channel": channel, "data": data}))


def test_a_trade_names_buyer_and_seller_and_who_took() -> None:
    assert read("trades", [TRADE]) == Trades(
        [Trade(1790231124.037, 84133.0, 0.02279, "0xbb", "0x48", "sell", "140238147810435")]
    )
    assert read("trades", [TRADE | {"side": "B"}]).trades[0].taker == "buy"


def test_the_middle_of_the_top_of_the_book_is_the_mid() -> None:
    level = {"sz": "1", "n": 1}
    top = {"coin": "BTC", "time": 1790231124037, "bbo": [level | {"px": "100"}, level | {"px": "101"}]}
    assert read("bbo", top) == Top(1790231124.037, 100.5)
    assert read("bbo", top | {"bbo": [None, level | {"px": "101"}]}) == Top(1790231124.037, None)


def test_what_is_confirmed_and_what_only_tells_that_the_line_lives() -> None:
    asked = {"method": "subscribe", "subscription": {"type": "trades", "coin": "BTC"}}
    assert read("subscriptionResponse", asked) == Subscribed("trades")
    assert read("pong", None) == Pong()


def test_garbage_is_passed_over_logged_once_a_kind_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    reader = Reader("venue", "BTC")
    with caplog.at_level(logging.WARNING):
        for text in GARBAGE * 3:
            assert reader.read(text) in (Word(), Trades([]))
    assert len(caplog.records) == len(reader.not_understood)
    assert reader.not_understood["not JSON"] == 3 * 5
    assert reader.not_understood["an error of the venue"] == 3
    assert max(len(record.getMessage()) for record in caplog.records) < 200


@pytest.mark.parametrize(
    "change",
    [
        {"px": "0"}, {"px": "nan"}, {"px": None}, {"px": "1e400"}, {"sz": "-1"}, {"sz": []}, {"time": "now"},
        {"time": 0}, {"time": 10**30}, {"time": True}, {"tid": "7"}, {"tid": None}, {"tid": True}, {"users": []},
        {"users": ["0xbb"]}, {"users": ["0xbb", 7.5]}, {"users": ["", "0x48"]}, {"users": ["a\n", "\x00"]},
        {"users": None}, {"coin": "ETH"}, {"side": []},
    ],
)  # fmt: skip
def test_a_trade_that_cannot_be_costs_no_other(change: dict[str, Any]) -> None:
    reader = Reader("venue", "BTC")
    assert len(read("trades", [TRADE, TRADE | change, TRADE], reader).trades) == 2
    assert reader.not_understood.total() == 1


def test_a_trade_whose_taker_is_not_told_has_none() -> None:
    assert read("trades", [TRADE | {"side": "?"}]).trades[0].taker is None
