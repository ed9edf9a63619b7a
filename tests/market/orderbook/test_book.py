"""The limit order book: who is filled, in which order, and what is left."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from market.orderbook.book import OrderBook, Trade
from market.tick import BUY, SELL


def resting(book: OrderBook) -> list[tuple[int, int, int, int]]:
    return [(order.agent, order.side, order.price, order.size) for order in book]


def test_the_best_price_is_filled_first_and_at_one_price_the_oldest_order() -> None:
    book = OrderBook()
    for agent, price in ((1, 102), (2, 101), (3, 101), (4, 103)):
        assert book.place(agent, SELL, price, 5) == []
    assert book.place(9, BUY, 102, 12) == [
        Trade(9, 2, 101, 5, BUY),
        Trade(9, 3, 101, 5, BUY),
        Trade(9, 1, 102, 2, BUY),
    ]
    assert resting(book) == [(1, SELL, 102, 3), (4, SELL, 103, 5)]


def test_what_is_not_filled_of_a_limit_order_rests_and_keeps_its_turn() -> None:
    book = OrderBook()
    book.place(1, BUY, 100, 4)
    assert book.place(2, SELL, 100, 7) == [Trade(1, 2, 100, 4, SELL)]
    assert resting(book) == [(2, SELL, 100, 3)]
    book.place(3, SELL, 100, 1)
    assert book.take(4, BUY, 2) == [Trade(4, 2, 100, 2, BUY)]
    assert resting(book) == [(2, SELL, 100, 1), (3, SELL, 100, 1)]


def test_what_is_not_filled_of_a_market_order_lapses() -> None:
    book = OrderBook()
    book.place(1, BUY, 100, 2)
    book.place(2, BUY, 99, 2)
    assert [trade.price for trade in book.take(3, SELL, 9)] == [100, 99]
    assert resting(book) == []
    assert book.take(3, SELL, 9) == []


def test_an_agent_that_withdraws_is_on_neither_side() -> None:
    book = OrderBook()
    book.place(1, BUY, 99, 2)
    book.place(1, SELL, 101, 2)
    book.place(2, BUY, 98, 2)
    book.place(2, SELL, 104, 2)
    assert book.mid == 100.0
    book.withdraw(1)
    assert resting(book) == [(2, BUY, 98, 2), (2, SELL, 104, 2)]
    assert book.mid == 101.0
    book.withdraw(2)
    assert book.mid is None


#: An agent, its side, its price or None to take what there is, and its lots.
ORDERS = st.lists(
    st.tuples(st.integers(0, 5), st.sampled_from((BUY, SELL)), st.none() | st.integers(95, 105), st.integers(1, 9)),
    max_size=40,
)


@given(ORDERS)
def test_no_lot_is_made_or_lost_and_the_book_never_crosses(orders: list[tuple[int, int, int | None, int]]) -> None:
    book = OrderBook()
    for agent, side, price, lots in orders:
        book.withdraw(agent)
        before = sum(order.size for order in book)
        trades = book.take(agent, side, lots) if price is None else book.place(agent, side, price, lots)
        filled = sum(trade.size for trade in trades)
        rests = 0 if price is None else lots - filled
        assert sum(order.size for order in book) == before - filled + rests
        assert all(trade.buyer != trade.seller for trade in trades)
        if book.bids.best is not None and book.asks.best is not None:
            assert book.bids.best < book.asks.best
        prices = [trade.price for trade in trades]
        assert prices == sorted(prices, reverse=side == SELL)
