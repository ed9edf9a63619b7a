"""Exactly once: whatever connections break wherever, a playhead lets each message through once and in order."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketcamera import BadMessage, Gap
from marketcamera.stream.playhead import Playhead, Slow
from tests.client.made import gap, market, message

MARKET = market(60)
KINDS = st.sets(st.sampled_from(["frame", "metric", "tick"]), min_size=1)


def given_by(head: Playhead, messages: list[dict[str, Any]]) -> list[tuple[str, int]]:
    return [(one.kind, one.t) for each in messages for one in head.take(each) if not isinstance(one, Gap)]


@given(kinds=KINDS, since=st.integers(-1, 59), breaks=st.lists(st.integers(0, 40), max_size=8))
def test_connections_that_break_anywhere_give_each_message_once(kinds: set[Any], since: int, breaks: list[int]) -> None:
    head, heard = Playhead(kinds, since), []
    for length in [*breaks, len(MARKET)]:
        assert head.since is not None
        offered = [one for one in MARKET if one["type"] in kinds and one["t"] > head.since]
        heard += given_by(head, offered[:length])
    assert heard == [(one["type"], one["t"]) for one in MARKET if one["type"] in kinds and one["t"] > since]


@given(start=st.integers(0, 50), breaks=st.lists(st.integers(1, 40), max_size=6))
def test_a_stream_that_began_with_the_newest_goes_on_from_there(start: int, breaks: list[int]) -> None:
    """On connect come the newest frame, metric and tick, each of a t of its own."""
    head, heard = Playhead(), []
    newest = {one["type"]: one for one in MARKET if one["t"] <= start}
    opening = [newest[kind] for kind in ("frame", "metric", "tick") if kind in newest]
    live = [*opening, *(one for one in MARKET if one["t"] > start)]
    for length in [*breaks, len(MARKET)]:
        offered = live if head.since is None else [one for one in MARKET if one["t"] > head.since]
        heard += given_by(head, offered[:length])
    assert len(set(heard)) == len(heard)
    assert [t for kind, t in heard if kind == "tick"] == list(range(min(t for k, t in heard if k == "tick"), 60))
    for kind in ("metric", "frame"):
        first = min(t for k, t in heard if k == kind)
        assert [t for k, t in heard if k == kind] == [
            one["t"] for one in MARKET if one["type"] == kind and one["t"] >= first
        ]


@given(dropped=st.sets(st.integers(5, 30)), length=st.integers(0, 90))
def test_frames_held_back_from_a_slow_client_come_after_the_connection_was_lost(dropped: set[int], length: int) -> None:
    """Their loss would have been told before the next frame, which this connection did not bring any more."""
    kept = [one for one in MARKET if one["type"] != "frame" or one["t"] not in dropped]
    told = next((i for i, one in enumerate(kept) if one["type"] == "frame" and one["t"] > min(dropped, default=99)), 0)
    head = Playhead(since=-1)
    heard = given_by(head, kept[: min(length, told)])
    assert head.since is not None
    heard += given_by(head, [one for one in MARKET if one["t"] > head.since])
    assert sorted(heard) == sorted((one["type"], one["t"]) for one in MARKET)


def test_a_gap_is_given_once_and_moves_the_position() -> None:
    head = Playhead(["tick"], since=4)
    assert list(head.take(gap("tick", 3, 9, "expired"))) == [Gap("tick", 5, 9, "expired")]
    assert list(head.take(gap("tick", 3, 9, "expired"))) == []
    assert (head.since, head.position) == (9, 9)
    assert given_by(head, [message("tick", 9), message("tick", 10)]) == [("tick", 10)]


def test_gaps_of_kinds_not_asked_for_are_passed_over() -> None:
    assert list(Playhead(["tick"], since=4).take(gap("frame", 5, 9, "lost"))) == []


def test_what_was_skipped_for_slowness_is_asked_for_again() -> None:
    head = Playhead(["tick"], since=4)
    with pytest.raises(Slow):
        list(head.take(gap("tick", 5, 9, "slow")))
    assert head.since == 4


def test_a_hole_that_nobody_told_of_is_told() -> None:
    head = Playhead(["tick"], since=4)
    told, then = head.take(message("tick", 8))
    assert (told, then.kind) == (Gap("tick", 5, 7, "lost"), "tick")
    assert head.since == 8


def test_of_a_hole_and_its_message_the_message_is_not_lost_when_only_the_hole_was_taken() -> None:
    head = Playhead(["tick"], since=4)
    assert next(iter(head.take(message("tick", 8)))) == Gap("tick", 5, 7, "lost")
    assert head.since == 7


def test_with_every_there_are_no_holes() -> None:
    head = Playhead(["tick"], since=4, every=10)
    assert given_by(head, [message("tick", 10), message("tick", 20)]) == [("tick", 10), ("tick", 20)]


def test_a_resume_looks_back_no_further_than_a_thousand_ticks() -> None:
    head = Playhead(since=-1)
    given_by(head, [message("tick", 5000)])
    assert head.since == 4000


def test_a_long_gap_of_one_kind_takes_nothing_of_the_others() -> None:
    """It comes where it begins, and what others have beside it is still to come."""
    head = Playhead(since=-1)
    given_by(head, [one for one in MARKET if one["t"] <= 30])
    assert list(head.take(gap("tick", 31, 300_000, "damaged")))
    given_by(head, [message("metric", 31)])
    assert head.since is not None
    assert head.since < 31
    assert given_by(head, [message("frame", 40), message("metric", 40), message("tick", 40)]) == [
        ("frame", 40),
        ("metric", 40),
    ]


def test_each_kind_begins_where_it_is_told_to() -> None:
    assert Playhead(since={"tick": 50_000, "metric": -1, "frame": 7}).since == -1


@given(kinds=KINDS, since=st.integers(-1, 59), lengths=st.lists(st.integers(0, 40), max_size=4))
def test_its_positions_are_where_another_goes_on(kinds: set[Any], since: int, lengths: list[int]) -> None:
    head, heard = Playhead(kinds, since), []
    for length in [*lengths, len(MARKET)]:
        head = Playhead(kinds, head.positions)
        assert head.since is not None
        heard += given_by(head, [one for one in MARKET if one["type"] in kinds and one["t"] > head.since][:length])
    assert heard == [(one["type"], one["t"]) for one in MARKET if one["type"] in kinds and one["t"] > since]


def test_words_of_other_types_are_nothing() -> None:
    head = Playhead(since=4)
    for words in ({"type": "heartbeat", "t": 9}, {"type": "pong"}, {"type": "news"}):
        assert list(head.take(words)) == []
    assert head.caught_up_t is None
    assert list(head.take({"type": "caught_up", "t": 9})) == []
    assert (head.caught_up_t, head.since) == (9, 4)


@pytest.mark.parametrize("words", [{"type": "tick", "ts": 1.0}, {"type": "gap", "kind": "tick"}])
def test_a_message_that_lacks_a_field_is_no_message(words: dict[str, Any]) -> None:
    with pytest.raises(BadMessage, match="has a"):
        list(Playhead(since=0).take(words))
