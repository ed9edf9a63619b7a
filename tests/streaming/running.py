"""What a pipeline that runs tells of itself with each message."""

from __future__ import annotations

from typing import Any

SEGMENT = {"start_t": 100, "lines": 5, "compressed_bytes": 900, "pending": True}


def status(**changes: Any) -> dict[str, Any]:
    return {
        "running": True,
        "start_ts": 1.7e9,
        "ticks": 7,
        "seed": 3,
        "price_ranges": [(0, 40.0, 60.0)],
        "silence_seconds": 10.0,
        "segment": SEGMENT,
        "recording": True,
        **changes,
    }
