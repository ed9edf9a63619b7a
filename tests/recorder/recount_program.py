"""Counts a market's rows anew on PostgreSQL, and removes one of three segments while that is at work.

Prints the sums: segments and removed ones.
"""

from __future__ import annotations

import threading
from typing import Any

import django
from django.db import connection, connections
from django.utils import timezone

django.setup()

from recorder.manifest import inventory  # noqa: E402
from recorder.models import Inventory, Market, Segment, SegmentQuerySet  # noqa: E402

WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted"


def main() -> None:
    market = Market.objects.create(symbol="IG-USD")
    for t in range(3):
        facts = {
            "name": f"segment_20260124_120000_{t}.jsonl.zst",
            "start_t": t,
            "end_t": t,
            "created_at": timezone.now(),
        }
        row = Segment.objects.create(
            market=market, kind="ticks", lines=1, bytes=1, text_bytes=1, pending=False, **facts
        )
        inventory.count(market.pk, "ticks", inventory.Stock(), inventory.stock_of(row))
    removing = threading.Thread(target=remove_first)
    aggregate = SegmentQuerySet.aggregate

    def removed_behind(rows: Any, *sums: Any, **named_sums: Any) -> dict[str, Any]:
        found = aggregate(rows, *sums, **named_sums)
        removing.start()
        while removing.is_alive() and not is_waiting():
            removing.join(0.01)
        return found

    SegmentQuerySet.aggregate = removed_behind  # type: ignore[method-assign]
    inventory.recount(market, "ticks")
    removing.join()
    print(*Inventory.objects.values_list("segments", "removed").get())


def remove_first() -> None:
    inventory.change_row(Segment.objects.of("IG-USD", "ticks").filter(start_t=0), removed_at=timezone.now())
    connections.close_all()


def is_waiting() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(WAITING)
        return bool(cursor.fetchone()[0])


main()
