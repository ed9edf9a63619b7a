"""The row of the market whose store a process writes."""

from __future__ import annotations

from pathlib import Path

from recorder.errors import StoreOfAnother
from recorder.models import Market
from recorder.store.store_id import read_store_id


def row_of(symbol: str, directory: Path) -> Market:
    """The market of a symbol, whose store is in `directory`; its row is made if the database has none.

    A store belongs to one market: the rows of two would tell of the same files, and each would remove, copy and seal
    what is the other's. Raises StoreOfAnother, django.db.Error.
    """
    store_id = read_store_id(directory)
    if store_id is not None:
        whose = list(Market.objects.filter(store_id=store_id).values_list("symbol", flat=True))
        if whose and symbol not in whose:
            raise StoreOfAnother(directory, whose[0], symbol)
    return Market.objects.get_or_create(symbol=symbol)[0]
