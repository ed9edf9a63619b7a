"""The rows of alerts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection
from django.utils import timezone

from alerts import alert_store, rules
from alerts.models import Alert

pytestmark = pytest.mark.django_db

FINDING = rules.disk(90, 80, "/store", False)


def test_of_a_cause_one_row_is_active_at_most() -> None:
    assert alert_store.raise_once(FINDING, 1000)
    assert not alert_store.raise_once(FINDING, 1001)
    assert alert_store.clear_once(FINDING.key, 1002)
    assert not alert_store.clear_once(FINDING.key, 1003)
    assert alert_store.raise_once(FINDING, 1004)
    with pytest.raises(IntegrityError):
        Alert.objects.create(key=FINDING.key, timestamp=timezone.now())


@pytest.mark.parametrize(
    ("there", "late", "rows"),
    [
        ((None, None), (1010, None), [(1010, None)]),
        ((1005, None), (1010, None), [(1005, None)]),
        ((1012, 1020), (1010, None), [(1012, 1020)]),
        ((1005, 1020), (1010, None), [(1005, 1020)]),
        ((1000, 1005), (1010, None), [(1000, 1005), (1010, None)]),
        ((1005, None), (1010, 1020), [(1005, 1020)]),
        ((1000, 1005), (1010, 1020), [(1000, 1005), (1010, 1020)]),
        ((1030, 1040), (1010, 1020), [(1010, 1020), (1030, 1040)]),
        ((1030, None), (1010, 1020), [(1010, 1020), (1030, None)]),
        ((1030, None), (1030, 1020), [(1030, 1020)]),  # the clock went back meanwhile
    ],
)
def test_what_is_written_late_is_written_unless_it_is_there(
    there: tuple[int | None, int | None], late: tuple[int, int | None], rows: list[tuple[int, int | None]]
) -> None:
    """Each as when it was raised and when it cleared; the one of another process, one's own, and both in the end."""
    if there[0] is not None:
        alert_store.raise_once(FINDING, there[0])
    if there[1] is not None:
        alert_store.clear_once(FINDING.key, there[1])
    for _ in range(2):
        alert_store.write_late(alert_store.Entry(FINDING, *late))
    found = [(row.timestamp.timestamp(), row.cleared_at) for row in Alert.objects.order_by("timestamp")]
    assert [(begun, None if ended is None else ended.timestamp()) for begun, ended in found] == rows


def test_only_cleared_alerts_that_are_too_old_or_too_many_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    now = timezone.now()
    alert_store.raise_once(FINDING, 0)
    for day in reversed(range(40)):
        at = now - timedelta(days=day, seconds=1)
        Alert.objects.create(key=f"day {day}", timestamp=at, cleared_at=at, written_at=at)
    assert alert_store.forget_old() == 10
    monkeypatch.setattr(alert_store, "KEEP_ALERTS", 5)
    assert alert_store.forget_old() == 25
    assert sorted(Alert.objects.values_list("key", flat=True)) == [*(f"day {day}" for day in range(5)), FINDING.key]
    assert alert_store.forget_old() == 0


def events(market_time: float, count: int) -> list[rules.MarketEvent]:
    bursts = [{"t0": t, "t1": t + 9, "score": 5.0} for t in range(count)]
    return rules.market_events("TAPE", market_time, {"bursts": bursts, "shocks": []})


def test_all_processes_write_events_in_one_order() -> None:
    first, other = events(1000, 12), [replace(one, key=f"{one.key}:B", symbol="B") for one in events(1000, 2)]
    alert_store.write_happenings([*events(1001, 1), *first, *other])
    written = [row.key for row in Alert.objects.order_by("pk")]
    assert written == [*(one.key for one in other), *(one.key for one in first), *(one.key for one in events(1001, 1))]


@pytest.mark.parametrize("days", [-4_000, 400])
def test_events_of_any_market_time_stay_and_push_no_alert_out(days: int, monkeypatch: pytest.MonkeyPatch) -> None:
    now = timezone.now().timestamp()
    monkeypatch.setattr(alert_store, "KEEP_ALERTS", 5)
    alert_store.raise_once(FINDING, now - 60)
    alert_store.clear_once(FINDING.key, now)
    alert_store.write_happenings(events(now + days * 86_400, 8))
    alert_store.raise_once(FINDING, now)
    assert Alert.objects.all()[0].cleared_at is None, "the newest is what was stored last"
    assert alert_store.forget_old() == 3
    assert [row.key for row in Alert.objects.all()] == [
        FINDING.key,
        *(f"burst:TAPE:{t}" for t in reversed(range(3, 8))),
        FINDING.key,
    ]
    Alert.objects.update(written_at=timezone.now() - timedelta(days=31))
    assert alert_store.forget_old() == 6


def test_a_process_of_the_version_before_stores_rows_too() -> None:
    columns = "level, message, source, key, timestamp"
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO subscribe_alert ({columns}) VALUES ('info', '', '', 'a', CURRENT_TIMESTAMP)")
    assert abs(Alert.objects.get().written_at - timezone.now()) < timedelta(hours=1)
