"""What a token permits: `read`, `backtest`, or both and more with `admin`."""

from __future__ import annotations

from collections.abc import Iterable

READ, BACKTEST, ADMIN = "read", "backtest", "admin"

#: Each scope in words, in the order in which they are listed.
MEANING = {
    READ: "read: subscribe, list alerts and backtests",
    BACKTEST: "backtest: start backtests, cancel those of its owner and of nobody",
    ADMIN: "admin: both, and cancel everybody's backtests",
}
SCOPES = tuple(MEANING)

#: What a token permits unless something else is said, which is what every token did before there were scopes.
DEFAULT = (READ, BACKTEST)


def scope_text(scopes: Iterable[str]) -> str:
    """The scopes as a token's row has them: each once, in order, a space between (as RFC 6749, 3.3)."""
    chosen = set(scopes)
    return " ".join(scope for scope in SCOPES if scope in chosen)


def permits(granted: str, scope: str) -> bool:
    """Whether the scopes of a row include this one."""
    words = granted.split()
    return scope in words or ADMIN in words
