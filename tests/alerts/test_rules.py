"""The rules of alerts."""

from __future__ import annotations

import pytest

from alerts import rules
from alerts.rules import Finding


@pytest.mark.parametrize(
    ("percent", "was_wrong", "wrong"),
    [(79.9, False, False), (80.0, False, False), (80.1, False, True), (78.0, True, True), (75.0, True, False)],
)
def test_memory_and_disk_are_wrong_over_the_threshold_and_well_some_way_below(
    percent: float, was_wrong: bool, wrong: bool
) -> None:
    assert rules.memory(percent, 80, "here", was_wrong).wrong is wrong
    assert rules.disk(percent, 80, "/store", was_wrong).wrong is wrong


def test_an_alert_tells_the_numbers() -> None:
    assert rules.memory(83.25, 80, "here", False).message == "内存使用率 83.2% 超过 80%（here）"
    assert rules.memory(60, 80, "here", True).message == "内存使用率恢复正常: 60.0%（here）"
    assert "91.0% 超过 80%" in rules.disk(91, 80, "/store", False).message


@pytest.mark.parametrize(
    ("well", "running", "wrong"),
    [(True, True, False), (False, True, True), (False, False, False), (True, False, False)],
)
def test_a_pipeline_is_silent_when_it_should_run_and_is_not_heard(well: bool, running: bool, wrong: bool) -> None:
    found = rules.pipeline("IG-USD", well, running)
    assert (found.wrong, found.key, found.symbol, found.level) == (wrong, "silent:IG-USD", "IG-USD", "critical")


@pytest.mark.parametrize(
    ("running", "recording", "wrong"), [(True, True, False), (True, False, True), (False, False, False)]
)
def test_a_recorder_is_wrong_when_the_pipeline_runs_and_nothing_is_recorded(
    running: bool, recording: bool, wrong: bool
) -> None:
    assert rules.recorder("IG-USD", {"running": running, "recording": recording}).wrong is wrong


def test_every_cause_has_a_key_of_its_own_and_a_word_for_its_end() -> None:
    def both(wrong: bool) -> list[Finding]:
        return [
            rules.memory(90 if wrong else 10, 80, "here", False),
            rules.disk(90 if wrong else 10, 80, "/store", False),
            rules.pipeline("A", not wrong, True),
            rules.pipeline("B", not wrong, True),
            rules.recorder("A", {"running": True, "recording": not wrong}),
            rules.database(not wrong),
        ]

    assert all(one.wrong for one in both(True))
    assert not any(one.wrong for one in both(False))
    assert [one.key for one in both(True)] == [one.key for one in both(False)]
    assert len({one.key for one in both(True)}) == 6
    assert not {one.message for one in both(True)} & {one.message for one in both(False)}


def test_happenings_are_told_in_words_with_their_market_time() -> None:
    events = {
        "bursts": [{"t0": 5, "t1": 7, "kind": "match", "score": 4.5}],
        "shocks": [
            {"t": 6, "kind": "price", "size": -0.01, "score": 5.25},
            {"t": 6, "kind": "liquidity", "size": 0.5, "score": 6.0},
        ],
    }
    found = rules.market_events("IG-USD", 1000.5, events)
    assert [one.message for one in found] == [
        "IG-USD 成交爆发: t=5..7，得分 4.50",
        "IG-USD 价格冲击: t=6，变化 -0.01，得分 5.25",
        "IG-USD 流动性冲击: t=6，变化 0.5，得分 6.00",
    ]
    assert {one.timestamp for one in found} == {1000.5}
    assert len({one.key for one in found}) == 3
