"""Where runs tell that a server that was filmed had another recording."""

from __future__ import annotations

import pytest

from recorder.models import Market, Run
from recorder.store.upstream_changes import Splice, splices_of

pytestmark = pytest.mark.django_db

ROOT, OTHER = "ws://root/ws/stream", "wss://other/ws/stream"


def runs(market: Market, *rows: tuple[int, str, int]) -> list[Splice]:
    for first_t, source, t_shift in rows:
        Run.objects.create(
            market=market, first_t=first_t, start_ts=0.0, tick_interval=0.1, source=source, t_shift=t_shift
        )
    return list(splices_of(market))


def test_a_server_that_counts_from_its_beginning_again_has_another_recording(market: Market) -> None:
    (found,) = runs(market, (100, ROOT, 0), (300, ROOT, 300), (400, ROOT, 300))
    assert found == Splice(300, ROOT, 0, 299)
    assert str(found) == (
        "t=300: ws://root/ws/stream counts from t=0 again, behind t=299; what follows is another recording of it"
    )


def test_what_came_between_hides_none(market: Market) -> None:
    found = runs(market, (0, ROOT, 0), (50, "simulator", 0), (80, OTHER, 80), (90, ROOT, 80), (95, OTHER, 85))
    assert found == [Splice(90, ROOT, 10, 49)]


def test_runs_that_go_on_and_other_sources_are_none(market: Market) -> None:
    assert runs(market, (0, ROOT, 0), (50, ROOT, 0), (60, OTHER, 60), (90, ROOT, 30), (95, "simulator", 90)) == []


def test_a_run_that_made_no_tick_is_none(market: Market) -> None:
    assert runs(market, (0, ROOT, -1000), (50, ROOT, 0), (50, ROOT, -1000)) == []
