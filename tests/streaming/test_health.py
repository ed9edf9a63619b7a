"""What `/health` says, from the pipeline's last word, how long ago it came, and what the database tells."""

from __future__ import annotations

from typing import Any

from streaming.relay.health import LeaseView, Repeats, health_of
from tests.streaming.running import SEGMENT, status

LAST = {"start_ts": 1.6e9, "ticks": 900, "seed": 5, "unpublished": None, "price_range": [2.0, 4.0]}
LAST |= {"price_ranges": [(0, 1.0, 3.0), (700, 2.0, 4.0)]}
RUN = {"start_ts": 1.6e9, "ticks": 900, "seed": 5, "price_ranges": [(0, 1.0, 3.0), (700, 2.0, 4.0)]}


def claim(**changes: Any) -> LeaseView:
    facts: dict[str, Any] = {
        "held": True,
        "holder": "process 7 on a",
        "renewed_seconds": 0.5,
        "is_dead": False,
        "seen_seconds": 1.0,
        "silence_seconds": 10.0,
        "run": RUN,
        "segment": SEGMENT,
    }
    return LeaseView(**{**facts, **changes})


# -- heard here


def test_a_running_market_is_well() -> None:
    meta = {"running": True, "recording": True, "start_ts": 1.7e9, "ticks": 7, "seed": 3, "unpublished": None}
    meta |= {"price_range": [40.0, 60.0], "price_ranges": [(0, 40.0, 60.0)]}
    assert health_of(status(), 0.1, None) == (True, {"ok": True, "meta": meta, "current_segment": SEGMENT})


def test_what_was_not_published_is_said_with_its_range() -> None:
    told = {"messages": 5, "from_t": 3, "to_t": 7}
    assert health_of(status(unpublished=told), 0.1, None)[1]["meta"]["unpublished"] == told


def test_a_recording_that_has_stopped_is_said_and_takes_no_market_out_of_service() -> None:
    well, body = health_of(status(recording=False, segment=None), 0.1, None)
    assert (well, body["meta"]["recording"], body["current_segment"]) == (True, False, None)
    assert body["detail"] == "the recording has stopped, the stream goes on"


def test_a_running_market_that_is_silent_is_not_well() -> None:
    assert health_of(status(), 10.0, None)[0] is True
    well, body = health_of(status(), 10.001, None)
    assert (well, body["ok"], body["meta"]["running"]) == (False, False, True)
    assert body["detail"] == "nothing was heard for 10 s"


def test_rare_ticks_are_no_silence() -> None:
    assert health_of(status(silence_seconds=180.0), 179.0, None)[0] is True
    assert health_of(status(silence_seconds=180.0), 181.0, None)[0] is False


def test_an_ended_tape_is_well_for_ever_and_has_no_open_segment() -> None:
    for known in (None, claim(held=False)):
        well, body = health_of(status(running=False), 1e6, known)
        assert (well, body["ok"], body["meta"]["running"], body["current_segment"]) == (True, True, False, None)
        assert body["meta"]["ticks"] == 7


def test_a_market_that_only_makes_known_ticks_again_for_long_is_not_well() -> None:
    assert health_of(status(), 0.1, None, Repeats(10.0, 500, 900))[0] is True
    well, body = health_of(status(), 0.1, None, Repeats(10.1, 500, 900))
    assert (well, body["ok"], body["meta"]["running"]) == (False, False, True)
    assert body["detail"] == "it makes t=500 again, while t=900 was streamed: an older copy of its store?"
    assert health_of(status(silence_seconds=180.0), 0.1, None, Repeats(179.0, 500, 900))[0] is True


# -- not heard here


def test_a_market_that_never_ran_is_well_and_not_running() -> None:
    well, body = health_of(None, None, claim(held=False, run=None, segment=None))
    assert well
    assert body["ok"] is True
    assert body["meta"] == {
        "running": False,
        "recording": False,
        "start_ts": None,
        "ticks": 0,
        "seed": None,
        "unpublished": None,
        "price_range": None,
        "price_ranges": [],
    }
    assert body["current_segment"] is None


def test_a_market_that_ended_before_this_process_began_is_told_from_its_last_run() -> None:
    assert health_of(None, None, claim(held=False)) == (
        True,
        {
            "ok": True,
            "meta": {**LAST, "running": False, "recording": False},
            "current_segment": None,
        },
    )


def test_a_market_that_was_just_taken_is_running_before_its_first_tick_is_heard() -> None:
    assert health_of(None, None, claim()) == (
        True,
        {
            "ok": True,
            "meta": {**LAST, "running": True, "recording": None},
            "current_segment": SEGMENT,
        },
    )
    assert health_of(status(running=False), 3600, claim())[1]["meta"]["running"] is True


def test_a_market_that_runs_and_is_not_heard_is_not_well() -> None:
    well, body = health_of(None, None, claim(seen_seconds=12.0))
    assert (well, body["meta"]["running"], body["detail"]) == (False, True, "nothing was heard for 12 s")
    assert health_of(None, None, claim(seen_seconds=12.0, silence_seconds=180.0))[0] is True


def test_a_market_whose_process_died_is_not_well_however_late_this_one_began() -> None:
    for word, silent in ((None, None), (status(), 3600.0)):
        well, body = health_of(word, silent, claim(renewed_seconds=3600.0, is_dead=True))
        assert (well, body["meta"]["running"], body["current_segment"]) == (False, True, None)
        assert body["detail"] == "process 7 on a has not renewed its lease for 3600 s"


def test_an_end_that_was_not_heard_is_no_silence() -> None:
    well, body = health_of(status(), 3600.0, claim(held=False))
    assert (well, body["meta"]["running"]) == (True, False)


def test_a_held_market_that_fell_silent_is_not_well() -> None:
    well, body = health_of(status(), 60.0, claim())
    assert (well, body["meta"]["running"], body["detail"]) == (False, True, "nothing was heard for 60 s")


def test_without_a_word_and_without_a_database_nothing_is_well() -> None:
    well, body = health_of(None, None, None)
    assert (well, body["ok"], body["meta"]["running"]) == (False, False, False)
    assert body["detail"] == "nothing was heard yet, and the database does not answer"
