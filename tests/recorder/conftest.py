"""Rows that the recorder's Django tests begin with."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from recorder.segment.layout import SegmentFacts, make_name
from tests.recorder.tape import NOON

FACTS = SegmentFacts(
    kind="ticks",
    name=make_name(NOON, 1000).lasting,
    start_t=1000,
    end_t=1999,
    lines=1000,
    bytes=1_200_000,
    text_bytes=9_000_000,
    opened_at=NOON,
    sealed_at=NOON + 300,
    pending=False,
    seek_points=((1000, 0), (1116, 139_000)),
    gaps=0,
    sha256="ab" * 32,
)


@pytest.fixture
def facts():
    """Makes the facts of a segment named by t, finished unless it is said to be pending."""

    def make(t=1000, *, pending=False, **changes):
        usual = {"name": make_name(NOON + t / 10, t).lasting, "start_t": t, "end_t": t + 999}
        if pending:
            usual |= {"pending": True, "sealed_at": None, "sha256": ""}
        return replace(FACTS, **(usual | changes))

    return make


@pytest.fixture
def market(db):
    from recorder.models import Market

    return Market.objects.create(symbol="IG-USD")


@pytest.fixture
def run(market):
    from recorder.models import Run

    return Run.objects.create(
        market=market, first_t=0, start_ts=NOON, tick_interval=0.1, source="simulator", settings={"seed": 0}
    )


@pytest.fixture
def segment(market, run):
    """A finished segment's row."""
    from recorder.manifest.row_writer import save_facts

    return save_facts(market, run, FACTS)


@pytest.fixture
def now():
    return datetime.fromtimestamp(NOON, UTC)
