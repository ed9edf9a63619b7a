"""The name of a pair that is cached, for programs that expect a symbol and for those that expect both."""

from __future__ import annotations

from collections.abc import Iterator
from typing import SupportsIndex


class CachedSymbol(str):
    """The symbol of a pair that is cached: text, and also the pair (symbol, resolution) to whoever unpacks it.

    It is equal to both; as a member of a set or a key of a dict it is the symbol. Slices of it are text.
    """

    __slots__ = ("resolution",)
    resolution: str

    def __new__(cls, symbol: str, resolution: str) -> CachedSymbol:
        made = super().__new__(cls, symbol)
        made.resolution = resolution
        return made

    def __reduce__(self) -> tuple[type[CachedSymbol], tuple[str, str]]:
        return CachedSymbol, self.pair

    @property
    def pair(self) -> tuple[str, str]:
        """Both, as a plain tuple."""
        return str(self), self.resolution

    def __iter__(self) -> Iterator[str]:
        return iter(self.pair)

    def __getitem__(self, key: SupportsIndex | slice) -> str:
        return str(self)[key] if isinstance(key, slice) else self.pair[key]

    def __eq__(self, other: object) -> bool:
        return self.pair == other if isinstance(other, tuple) else str.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = str.__hash__
