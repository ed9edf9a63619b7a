"""The errors of a backtest: each takes facts and writes the sentence."""

from __future__ import annotations

from collections.abc import Iterable

from runtime.shown import shown


class BacktestError(Exception):
    """Base of everything that can go wrong with a backtest."""


class BadRequest(BacktestError, ValueError):
    """A backtest that cannot be run as it was asked for."""

    @classmethod
    def wrong(cls, name: str, expected: str, got: object) -> BadRequest:
        return cls(f"{name} must be {expected}, got {shown(got)}")

    @classmethod
    def missing(cls, name: str, expected: str) -> BadRequest:
        return cls(f"{name} is missing; it must be {expected}")


class TooMany(BacktestError):
    """More backtests than may wait."""

    def __init__(self, most: int) -> None:
        super().__init__(f"{most} backtests are not over yet, the most there may be at a time")


class UnknownStrategy(BadRequest):
    """A name that no strategy has."""

    def __init__(self, got: object, known: Iterable[str]) -> None:
        super().__init__(f"strategy must be one of {', '.join(sorted(known)) or '(there is none)'}, got {shown(got)}")


class UnknownSymbol(BadRequest):
    """A symbol that no market has."""

    def __init__(self, symbol: str) -> None:
        super().__init__(f"there is no market {symbol!r}")


class BadStrategies(BacktestError):
    """Modules of strategies that cannot be used."""


class BadOrder(BacktestError, ValueError):
    """An order that makes no sense, whatever cash there is."""


class BadHistory(BacktestError, ValueError):
    """A history that no backtest of this symbol and resolution has."""


class StrategyFailed(BacktestError):
    """The strategy raised an error; `when` says at which bar."""

    def __init__(self, strategy: str, when: str, cause: BaseException) -> None:
        super().__init__(f"{strategy} failed {when}: {type(cause).__name__}: {cause}")


class TooLarge(BacktestError):
    """Prices beyond what numbers hold."""

    def __init__(self, price: float, position: float) -> None:
        super().__init__(f"a position of {position:g} at a price of {price:g} is worth more than numbers hold")


class Unwritten(BacktestError):
    """The database does not take the result, for another reason than an outage or for too long."""

    def __init__(self, why: str) -> None:
        super().__init__(f"its result could not be written: {why}")


class Stopped(BacktestError):
    """The backtest was cancelled, or has to end before its last bar; the text says why."""
