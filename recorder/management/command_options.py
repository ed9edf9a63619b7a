"""Options that the recorder's commands share: markets, and a store that no other process writes."""

from __future__ import annotations

from argparse import ArgumentTypeError
from functools import partial

from django.core.management.base import CommandError, CommandParser

from market.tick_message import LARGEST
from recorder.models import Market
from recorder.segment.layout import KINDS, segment_files
from recorder.store.market_row import row_of
from recorder.store.store_paths import directory_of, symbols
from runtime.db_threads import START_SECONDS, persistently
from runtime.shown import shown

_REPAIR = " `manage.py repair` makes its rows"


def add_symbol(parser: CommandParser) -> None:
    """The option `--symbol`."""
    parser.add_argument("--symbol", help="the market (all of them if not given)")


def tick_number(text: str) -> int:
    """A t, as the type of an option. Raises ArgumentTypeError."""
    if not text.isdecimal() or len(text) > len(str(LARGEST)) or int(text) > LARGEST:
        raise ArgumentTypeError(f"must be an integer from 0 to {LARGEST}, got {shown(text)}")
    return int(text)


def markets(symbol: str | None) -> list[Market]:
    """The market of that symbol, or every market. Raises CommandError for an unknown one."""
    found = list(Market.objects.all() if symbol is None else Market.objects.filter(symbol=symbol))
    if symbol is not None and not found:
        known = ", ".join(Market.objects.values_list("symbol", flat=True)) or "none"
        raise CommandError(f"there is no market {symbol!r}; there is {known}")
    return found


def made(symbol: str) -> Market:
    """The market of that symbol, created if the database has none. Raises StoreOfAnother, BadName, django.db.Error."""
    return persistently(partial(row_of, symbol, directory_of(symbol)), "the market", seconds=START_SECONDS)


def stores(symbol: str | None) -> tuple[list[Market], list[str]]:
    """The result of `markets`, and the symbols of recordings on disk for which the database has no market."""
    known = set(Market.objects.values_list("symbol", flat=True))
    lost = [one for one in symbols() if one not in known and symbol in (None, one) and _is_recorded(one)]
    return [] if symbol in lost else markets(symbol), lost


def tell_lost(symbol: str) -> str:
    """The message about a recording that the database does not know."""
    return f"{symbol}: {directory_of(symbol)} holds segments, and the database knows no such market;" + _REPAIR


def _is_recorded(symbol: str) -> bool:
    return any(segment_files(directory_of(symbol), kind) for kind in KINDS)
