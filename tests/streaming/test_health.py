"""What `/health` says, from the pipeline's last word and how long ago it came."""

from __future__ import annotations

from typing import Any

from streaming.health import health_of

SEGMENT = {"start_t": 100, "lines": 5, "compressed_bytes": 900, "pending": True}


def status(**changes: Any) -> dict[str, Any]:
    return {
        "running": True,
        "start_ts": 1.7e9,
        "ticks": 7,
        "seed": 3,
        "silence_seconds": 10.0,
        "segment": SEGMENT,
        **changes,
    }


def test_a_running_market_is_well() -> None:
    meta = {"running": True, "start_ts": 1.7e9, "ticks": 7, "seed": 3}
    assert health_of(status(), 0.1) == (True, {"ok": True, "meta": meta, "current_segment": SEGMENT})


def test_a_running_market_that_is_silent_is_not_well() -> None:
    assert health_of(status(), 10.0)[0] is True
    well, body = health_of(status(), 10.001)
    assert (well, body["ok"], body["meta"]["running"]) == (False, False, True)


def test_rare_ticks_are_no_silence() -> None:
    assert health_of(status(silence_seconds=180.0), 179.0)[0] is True
    assert health_of(status(silence_seconds=180.0), 181.0)[0] is False


def test_an_ended_tape_is_well_for_ever_and_has_no_open_segment() -> None:
    well, body = health_of(status(running=False), 1e6)
    assert (well, body["ok"], body["meta"]["running"], body["current_segment"]) == (True, True, False, None)
    assert body["meta"]["ticks"] == 7


def test_without_a_word_no_market_runs() -> None:
    well, body = health_of(None, None)
    assert well
    assert body["ok"] is True
    assert body["meta"] == {"running": False, "start_ts": None, "ticks": 0, "seed": None}
    assert body["current_segment"] is None
