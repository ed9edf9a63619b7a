"""Which trades were taken, in memory that does not grow."""

from __future__ import annotations

from market.sources.hyperliquid.seen_trades import SeenTrades
from market.trades.trade import Trade


def trade(number: int, time: float | None = None) -> Trade:
    return Trade(1.79e9 + number if time is None else time, 100.0, 1.0, "a", "b", "buy", str(number))


def test_what_was_forgotten_is_not_taken_again() -> None:
    seen = SeenTrades(most_ids=10)
    assert all(seen.take(trade(number)) for number in range(25))
    assert not any(seen.take(trade(number)) for number in range(25))
    assert seen.too_old == 15
    assert not seen.take(trade(99, time=1.79e9 + 3)), "it may be one that was forgotten"
    assert seen.take(trade(100, time=1.79e9 + 20))
    assert len(seen.to_dict()["ids"]) == 10


def test_it_remembers_across_a_restart() -> None:
    seen, after = SeenTrades(most_ids=10), SeenTrades(most_ids=10)
    for number in range(25):
        seen.take(trade(number))
    after.restore(seen.to_dict())
    assert after.to_dict() == seen.to_dict()
    assert not any(after.take(trade(number)) for number in range(25))
    assert after.take(trade(25))
