"""Where a recording ends, and that nothing before that is left out."""

from __future__ import annotations

import pytest

from marketcamera import Gap, Received
from marketcamera.stream.messages import message_of
from marketcamera.stream.recording import up_to
from tests.client.made import market

MARKET: list[Received] = [message_of(one) for one in market(31)]  # frames each 5 ticks, metrics each 2


@pytest.mark.parametrize("kinds", ["frame", "metric", "tick", "metric,frame", "tick,frame", "tick,metric,frame"])
@pytest.mark.parametrize("last_t", [7, 9, 10, 20])
def test_all_of_the_last_t_is_in_it_and_nothing_later(kinds: str, last_t: int) -> None:
    there = [one for one in MARKET if one.kind in kinds.split(",")]
    kept = list(up_to(there, last_t, kinds.split(",")))
    assert kept == [one for one in there if not isinstance(one, Gap) and one.t <= last_t]


@pytest.mark.parametrize("kinds", ["metric", "metric,frame", "tick,metric,frame"])
def test_it_waits_for_nothing_behind_the_last_message_of_its_last_t(kinds: str) -> None:
    there = iter([one for one in MARKET if one.kind in kinds.split(",")])
    list(up_to(there, 20, kinds.split(",")))
    following = next(there)
    assert not isinstance(following, Gap)
    assert following.t > 20


def test_a_gap_is_kept_as_far_as_it_goes() -> None:
    gaps: list[Received] = [Gap("metric", 5, 12, "lost"), Gap("tick", 5, 12, "lost"), MARKET[-1]]
    messages = iter(gaps)
    kept = list(up_to(messages, 10, ["tick", "metric"]))
    assert kept == [Gap("metric", 5, 10, "lost"), Gap("tick", 5, 10, "lost")]
    assert next(messages) is MARKET[-1], "both are told to be gone, so nothing is waited for"


def test_a_gap_of_one_kind_does_not_end_the_others() -> None:
    metrics = [one for one in MARKET if one.kind == "metric"]
    kept = list(up_to([Gap("tick", 0, 30, "expired"), *metrics], 8, ["tick", "metric"]))
    assert kept == [Gap("tick", 0, 8, "expired"), *metrics[:5]]


def test_a_gap_behind_the_end_is_not_kept() -> None:
    assert list(up_to([Gap("tick", 11, 12, "lost")], 10, ["tick"])) == []
