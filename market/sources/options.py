"""Options of a source: what stands behind the first `?` in its setting, as `name=value` joined by `&`."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import unquote

from market.sources.source import SourceError
from market.timestamps import DAY_SECONDS
from runtime.shown import shown

Value = TypeVar("Value")


@dataclass(frozen=True)
class SourceSettings:
    """What a market's settings give every source; `tick_seconds` are market seconds, `most_step_seconds` 0 for any."""

    seed: int = 0
    adjust_interval: int = 2000
    tick_seconds: float = 0.1
    most_step_seconds: float = DAY_SECONDS


def low_and_high(text: str) -> tuple[float, float]:
    """Two prices, the lower first, as of `price_range`. Raises ValueError."""
    try:
        low, high = map(float, text.split(","))
    except ValueError:
        low = high = math.nan
    if not -math.inf < low < high < math.inf:
        raise ValueError("must be two prices, LOW,HIGH")
    return low, high


class Options:
    """The parts of a source's setting, `KIND:PATH?name=value&…`, percent-decoded.

    Each option is taken once by its name; `end` refuses those that nobody took. Raises SourceError, which names the
    source and the option.
    """

    def __init__(self, setting: str) -> None:
        self.setting, _, text = setting.partition("?")
        self.kind, _, self.path = self.setting.partition(":")
        self._values: dict[str, str] = {}
        for part in filter(None, text.split("&")):
            name, equals, value = part.partition("=")
            if not equals or not name:
                raise SourceError(f"{self.setting}: an option is name=value, got {shown(part)}")
            if name in self._values:
                raise SourceError(f"{self.setting}: option {shown(name)} is there twice")
            self._values[name] = unquote(value)

    @property
    def names(self) -> list[str]:
        """The names of the options that were not taken yet."""
        return [*self._values]

    def take(self, name: str, parse: Callable[[str], Value], default: Value, expected: str = "") -> Value:
        """The value of an option, parsed; `default` if it is not given. `expected` says what it must be."""
        text = self._values.pop(name, None)
        if text is None:
            return default
        try:
            return parse(text)
        except ValueError as error:
            must = f"must be {expected}" if expected else str(error)
            raise SourceError(f"{self.setting}: option {name} {must}, got {shown(text)}") from None

    def end(self, known: str) -> None:
        """Refuse the options that nobody took; `known` lists the names that there are."""
        if self._values:
            others = f", only {known}" if known else ""
            raise SourceError(f"{self.setting}: there is no option {shown(next(iter(self._values)))}{others}")
