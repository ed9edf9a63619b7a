"""Health: what can be said of a market from what this process heard of it."""

from __future__ import annotations

from typing import Any

#: Without a tick for so long, or three tick intervals if that is longer, a running pipeline is silent.
SILENCE_SECONDS = 10.0


def health_of(status: dict[str, Any] | None, silent_seconds: float | None) -> tuple[bool, dict[str, Any]]:
    """(well, the body of `/health`) from the pipeline's last word and how long ago it came.

    No word at all means that no pipeline runs.
    """
    if status is None or silent_seconds is None:
        meta = {"running": False, "start_ts": None, "ticks": 0, "seed": None}
        return True, {"ok": True, "meta": meta, "current_segment": None}
    well = not status["running"] or silent_seconds <= status["silence_seconds"]
    meta = {name: status[name] for name in ("running", "start_ts", "ticks", "seed")}
    return well, {"ok": well, "meta": meta, "current_segment": status["segment"] if status["running"] else None}
