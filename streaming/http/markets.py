"""Which markets there are to look at."""

from __future__ import annotations

from django.conf import settings

from recorder.models import Market
from runtime import pools


def own_symbol() -> str:
    """The market that is shown where none is named."""
    symbol: str = settings.CONFIG.symbol
    return symbol


async def every_symbol() -> list[str]:
    """The symbols of all markets of this server, sorted. Raises what the database raises, and `Busy`."""
    found = await pools.lookups.ask(lambda: set(Market.objects.values_list("symbol", flat=True)))
    return sorted({own_symbol()} | found)
