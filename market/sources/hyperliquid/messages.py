"""The venue's messages: what a text holds, and what is made of one that is not understood."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import orjson

from market.timestamps import is_moment
from market.trades.trade import Trade, TradeError, amount, party
from runtime.shown import shown

log = logging.getLogger(__name__)

#: The venue's words for the taker's side: B crossed the spread to buy, A to sell.
_TAKERS = {"B": "buy", "A": "sell"}


class Subscribed(NamedTuple):
    """The subscription of this type is in force: what happens from now on will be told."""

    type: str


class Trades(NamedTuple):
    """Trades as one message brought them; `id` of each is the venue's tid."""

    trades: list[Trade]


class Top(NamedTuple):
    """The top of the book at a time (Unix seconds); `mid` is its middle, None where a side is empty."""

    time: float
    mid: float | None


class Pong(NamedTuple):
    """The answer to a ping."""


class Word(NamedTuple):
    """Anything else, which at least says that the connection lives."""


Message = Subscribed | Trades | Top | Pong | Word


class NotUnderstood(Exception):
    """A message, or a trade in one, that the protocol does not know; the text is the same for all of its kind."""


class Reader:
    """Reads the messages about one coin. What is not understood is passed over: logged once a kind, and counted.

    `source` is how the log names the venue's market.
    """

    def __init__(self, source: str, coin: str) -> None:
        self._source, self._coin = source, coin
        self.not_understood: Counter[str] = Counter()

    def read(self, text: str | bytes) -> Message:
        """The message in one text of the socket."""
        try:
            return self._message(_object(text), text)
        except NotUnderstood as error:
            self._pass_over(error, text)
            return Word()

    def trades(self, answer: bytes) -> list[Trade] | None:
        """The trades in an answer to recentTrades; None where they are not understood."""
        try:
            return list(self._trades(_json(answer), answer))
        except NotUnderstood as error:
            self._pass_over(error, answer)
            return None

    def _message(self, message: dict[str, Any], text: str | bytes) -> Message:
        channel, data = message.get("channel"), message.get("data")
        if channel == "trades":
            return Trades(list(self._trades(data, text)))
        if channel == "bbo":
            return self._top(data)
        if channel == "subscriptionResponse" and (type_ := _subscribed_to(data)) is not None:
            return Subscribed(type_)
        if channel == "pong":
            return Pong()
        if channel == "error":
            raise NotUnderstood("an error of the venue")
        if channel != "subscriptionResponse":
            raise NotUnderstood("unknown channel")
        return Word()

    def _trades(self, data: Any, text: str | bytes) -> Iterator[Trade]:
        if not isinstance(data, list):
            raise NotUnderstood("trades that are no list")
        for one in data:
            try:
                yield self._trade(one)
            except NotUnderstood as error:
                self._pass_over(error, text)

    def _trade(self, one: Any) -> Trade:
        if not isinstance(one, dict) or one.get("coin") != self._coin:
            raise NotUnderstood("no trade of this coin")
        users, tid = one.get("users"), one.get("tid")
        if not isinstance(users, list) or len(users) != 2:
            raise NotUnderstood("a trade that does not name two users")
        if type(tid) is not int:
            raise NotUnderstood("a trade without a tid")
        try:
            return Trade(
                _seconds(one),
                amount(one.get("px")),
                amount(one.get("sz")),
                party(users[0]),
                party(users[1]),
                _TAKERS.get(one.get("side")),  # type: ignore[arg-type]
                str(tid),
            )
        except (TradeError, TypeError):
            raise NotUnderstood("a trade with a value that cannot be") from None

    def _top(self, data: Any) -> Top:
        if not isinstance(data, dict) or data.get("coin") != self._coin:
            raise NotUnderstood("no top of this coin's book")
        levels = data.get("bbo")
        if not isinstance(levels, list) or len(levels) != 2:
            raise NotUnderstood("a top of the book without two sides")
        try:
            prices = [amount(level["px"]) for level in levels if level is not None]
        except (TradeError, TypeError, KeyError):
            raise NotUnderstood("a top of the book with a price that cannot be") from None
        return Top(_seconds(data), sum(prices) / 2 if len(prices) == 2 else None)

    def _pass_over(self, error: NotUnderstood, text: str | bytes) -> None:
        kind = str(error)
        self.not_understood[kind] += 1
        if self.not_understood[kind] == 1:
            log.warning("%s: %s, from now on only counted: %s", self._source, kind, shown(text))


def _json(text: str | bytes) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        raise NotUnderstood("not JSON") from None


def _object(text: str | bytes) -> dict[str, Any]:
    message = _json(text)
    if not isinstance(message, dict):
        raise NotUnderstood("no JSON object")
    return message


def _subscribed_to(data: Any) -> str | None:
    """The type of a subscription that is confirmed."""
    subscription = data.get("subscription") if isinstance(data, dict) else None
    kind = subscription.get("type") if isinstance(subscription, dict) else None
    return kind if isinstance(kind, str) and data.get("method") == "subscribe" else None


def _seconds(one: dict[str, Any]) -> float:
    """The time of a message, which the venue gives in ms."""
    time = one.get("time")
    if type(time) is not int or not is_moment(time / 1000):
        raise NotUnderstood("a time that is not Unix time in ms")
    return time / 1000
