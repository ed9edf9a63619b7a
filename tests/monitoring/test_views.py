"""What making the text of `/metrics` leaves to others meanwhile, however many markets there are."""

from __future__ import annotations

import asyncio
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from monitoring import process_figures, views
from monitoring.families import Families

MARKETS = 50


async def unanswered() -> None:
    """As a source that is away."""


@pytest.fixture(autouse=True)
def sources(monkeypatch: pytest.MonkeyPatch) -> None:
    """None of them is asked."""
    away = SimpleNamespace(answer=unanswered)
    for name in ("_database", "_disk", "_redis"):
        monkeypatch.setattr(views, name, lambda: away)


def test_the_loop_has_other_turns_between_markets_and_none_is_taken_to_write(monkeypatch: pytest.MonkeyPatch) -> None:
    turns, turn_of, writers = 0, list[int](), set[int]()

    def add(families: Families, relay: Any) -> None:
        families.add("latest_t", 0, relay)
        turn_of.append(turns)

    def write(registry: Any, real: Any = views.generate_latest) -> bytes:
        writers.add(threading.get_ident())
        return real(registry)

    async def take_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def run() -> bytes:
        other = asyncio.create_task(take_turns())
        text = await views._made()
        other.cancel()
        return text

    relays = SimpleNamespace(all=lambda: [f"M{number}" for number in range(MARKETS)])
    monkeypatch.setattr(process_figures, "relays", relays)
    monkeypatch.setattr(process_figures, "_add_ring", add)
    for name in ("_add_clients", "_add_counts", "_add_market"):
        monkeypatch.setattr(process_figures, name, lambda families, relay: None)
    monkeypatch.setattr(views, "generate_latest", write)
    text = asyncio.run(run())
    assert text.count(b"market_camera_latest_t{") == MARKETS
    assert len(set(turn_of)) == MARKETS
    assert writers
    assert threading.get_ident() not in writers
