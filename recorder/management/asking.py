"""What the recorder's commands ask for in the same way: markets, and a store that nobody else writes."""

from __future__ import annotations

from django.core.management.base import CommandError, CommandParser

from recorder.models import Market


def add_symbol(parser: CommandParser) -> None:
    """The option `--symbol`."""
    parser.add_argument("--symbol", help="the market (all of them if not given)")


def markets(symbol: str | None) -> list[Market]:
    """The market of that symbol, or every market there is. Raises CommandError for one there is not."""
    found = list(Market.objects.all() if symbol is None else Market.objects.filter(symbol=symbol))
    if symbol is not None and not found:
        known = ", ".join(Market.objects.values_list("symbol", flat=True)) or "none"
        raise CommandError(f"there is no market {symbol!r}; there is {known}")
    return found
