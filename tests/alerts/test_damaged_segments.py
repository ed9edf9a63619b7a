"""Damaged segments: one alert each, by whichever process came upon it, until the segment is whole or gone."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from alerts.alert_manager import AlertManager
from alerts.damaged_segments import DamageMonitor
from alerts.models import Alert
from api_socket.hub import SubscriberHub
from recorder.manifest.row_writer import save_facts
from recorder.models import Market
from recorder.segment.layout import SegmentFacts
from recorder.tape.damaged_files import Damages
from recorder.tape.history import History
from recorder.tape.recording import Recording
from tests.recorder import damaging
from tests.recorder.tape import NOON, Clock, moment

pytestmark = pytest.mark.django_db(transaction=True)


def keep(market: Market, facts: SegmentFacts) -> None:
    save_facts(market, None, facts)


@pytest.fixture
def history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> History:
    market = Market.objects.create(symbol="IG-USD")
    for number in range(3):
        recording = Recording(
            tmp_path, segment_seconds=300, level=3, flush_seconds=1, clock=Clock(NOON + number),
            on_change=lambda facts: keep(market, facts),
        )  # fmt: skip
        for t in range(10 * number, 10 * number + 10):
            recording.write(t, *moment(t))
        recording.close()
    history = History("IG-USD", tmp_path)
    monkeypatch.setattr(
        "alerts.damaged_segments.relays.all", lambda: [SimpleNamespace(symbol="IG-USD", history=history)]
    )
    monkeypatch.setattr("recorder.tape.reader.damages", Damages())
    return history


def another_process(monkeypatch: pytest.MonkeyPatch, found: Damages | None = None) -> DamageMonitor:
    """One that has read nothing yet, or found this."""
    found = found or Damages()
    for module in ("recorder.tape.reader", "alerts.damaged_segments"):
        monkeypatch.setattr(f"{module}.damages", found)
    return DamageMonitor(AlertManager(SubscriberHub(10, 10).tell, lambda message: None))


def active() -> list[str]:
    return list(Alert.objects.filter(cleared_at=None).values_list("key", flat=True))


def run(test: Callable[[], Awaitable[Any]]) -> None:
    asyncio.run(test())  # type: ignore[arg-type]


def test_an_alert_stands_from_the_first_reader_to_the_repair(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = another_process(monkeypatch)
    path = next((history.directory / "ticks").glob("*_10.jsonl.zst"))
    whole = path.read_bytes()
    damaging.flip_a_bit(path, random.Random(1))
    key = f"damaged:IG-USD:ticks/{path.name}"
    run(watch.check)
    assert active() == [], "nobody has read it"
    assert [one.first_t for one in history.messages(["ticks"], -1) if one.text is None] == [10]
    run(watch.check)
    assert active() == [key]
    late = another_process(monkeypatch)
    run(late.check)
    run(late.check_left_behind)
    assert active() == [key], "it was read again, and is damaged still"
    run(late.check)
    path.unlink()
    path.write_bytes(whole)
    run(late.check)
    assert active() == []
    assert Alert.objects.get().level == "critical"


def test_what_a_process_told_that_ended_is_cleared_by_any_other(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = another_process(monkeypatch)
    path = next((history.directory / "frames").glob("*_10.jsonl.zst"))
    whole = path.read_bytes()
    damaging.empty(path, random.Random(1))
    list(history.messages(["frames"], -1))
    run(ended.check)
    assert len(active()) == 1
    other = another_process(monkeypatch)
    path.write_bytes(whole)
    run(other.check_left_behind)
    assert active() == []


def test_a_machine_without_the_disk_judges_no_file_and_one_with_it_no_copy(
    history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = Damages(), Damages()
    path = next((history.directory / "ticks").glob("*_10.jsonl.zst"))
    elsewhere = History("IG-USD", tmp_path / "empty")

    def process(found: Damages, of: History, *, has_bucket: bool = True) -> DamageMonitor:
        monkeypatch.setattr(
            "alerts.damaged_segments.relays.all", lambda: [SimpleNamespace(symbol="IG-USD", history=of)]
        )
        monkeypatch.setattr(History, "is_elsewhere", lambda self: has_bucket and self is elsewhere)
        return another_process(monkeypatch, found)

    whole = path.read_bytes()
    damaging.flip_a_bit(path, random.Random(1))
    watch = process(here, history)
    list(history.messages(["ticks"], -1))
    run(watch.check)
    there.note(elsewhere.directory / "ticks" / path.name, None, "a flipped bit in the bucket")
    run(process(there, elsewhere).check)
    both = [f"damaged:IG-USD:{place}ticks/{path.name}" for place in ("", "bucket/")]
    run(process(Damages(), elsewhere, has_bucket=False).check_left_behind)
    assert {*active()} == {*both}, "an empty folder"
    run(process(Damages(), elsewhere).check_left_behind)
    assert active() == both[:1], "the copy is whole"
    run(process(there, elsewhere).check)
    path.write_bytes(whole)
    run(process(Damages(), history).check_left_behind)
    assert active() == both[1:], "the file is whole"
