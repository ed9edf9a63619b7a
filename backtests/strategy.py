"""The interface of a strategy: a class with `initialize` and `handle_bar`, and its declared parameters."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from backtests.errors import BadRequest
from runtime.shown import shown

if TYPE_CHECKING:
    from backtests.bar import Bar
    from backtests.engine.context import Context

Value = bool | int | float | str

_LONGEST_TEXT = 200
_KINDS = {bool: "true or false", int: "an integer", float: "a number", str: "a text"}


class Strategy(Protocol):
    """The methods that the engine calls; a strategy need not inherit from this."""

    def initialize(self, context: Context) -> None:
        """Called once, before the first bar."""

    def handle_bar(self, context: Context, bar: Bar) -> None:
        """Called with each closed bar; orders placed here are filled at the open of the next one."""


@dataclass(frozen=True)
class Parameter:
    """A parameter of a strategy; the type of its default is the type it takes, within the bounds given."""

    default: Value
    low: float | None = None
    high: float | None = None

    def check(self, name: str, value: object) -> Value:
        """The value, an integer as a float where a float is wanted. Raises BadRequest."""
        kind = type(self.default)
        if kind is float and type(value) is int and abs(value) <= 2**53:
            value = float(value)
        if type(value) is not kind or (isinstance(value, float) and not math.isfinite(value)):
            raise BadRequest.wrong(f"params.{name}", _KINDS[kind], value)
        if isinstance(value, str) and (len(value) > _LONGEST_TEXT or not value.isprintable()):
            raise BadRequest.wrong(f"params.{name}", f"at most {_LONGEST_TEXT} printable characters", value)
        if isinstance(value, (int, float)) and not self._within(value):
            raise BadRequest(f"params.{name} must be {self._bounds()}, got {shown(value)}")
        return value

    def _within(self, value: float) -> bool:
        return (self.low is None or self.low <= value) and (self.high is None or value <= self.high)

    def _bounds(self) -> str:
        if self.high is None:
            return f"at least {self.low:g}"
        return f"at most {self.high:g}" if self.low is None else f"from {self.low:g} to {self.high:g}"


def parameters_of(strategy: type[Any]) -> Mapping[str, Parameter]:
    """The parameters that the class declares; none if it declares none."""
    return getattr(strategy, "parameters", {})


def check_parameters(strategy: type[Any], given: object) -> dict[str, Value]:
    """Every parameter of the strategy, as given or by default. Raises BadRequest.

    A class method `check(params)` of the strategy may refuse values that do not go together, with a ValueError.
    """
    declared = parameters_of(strategy)
    if not isinstance(given, Mapping):
        raise BadRequest.wrong("params", "an object", given)
    for name in given:
        if name not in declared:
            known = ", ".join(sorted(declared)) or "no parameter"
            raise BadRequest(f"params has {shown(name)}, but the strategy takes {known}")
    params = {
        name: parameter.check(name, given[name]) if name in given else parameter.default
        for name, parameter in declared.items()
    }
    if (check := getattr(strategy, "check", None)) is not None:
        try:
            check(params)
        except ValueError as error:
            raise BadRequest(f"params: {error}") from error
    return params
