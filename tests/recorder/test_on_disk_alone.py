"""What is on the market's disk alone: found by indexes, and the same as among all on the disk."""

from __future__ import annotations

from itertools import product

import pytest
from django.db import connection

from recorder.cold.bucket import open_bucket
from recorder.cold.open_segments import OpenSegments
from recorder.manifest.on_disk_alone import on_disk_alone
from recorder.models import Cold, Segment
from recorder.tape.history import History
from tests.recorder.test_admin_plans import plans_of

pytestmark = pytest.mark.django_db


@pytest.mark.skipif(connection.vendor != "sqlite", reason="reads the plans of SQLite")
@pytest.mark.parametrize("from_t", [None, 5])
@pytest.mark.parametrize("order", [("start_t", "name"), ("-start_t", "-name")])
def test_what_is_on_the_disk_alone_is_found_without_looking_at_copied_segments(market, order, from_t):
    for rows, index in zip(on_disk_alone("IG-USD", "ticks"), ("pending", "uncopied"), strict=True):
        rows = rows if from_t is None else rows.from_t(from_t)
        plan = rows.order_by(*order)[:2].explain()
        assert f"SEARCH recorder_segment USING INDEX segment_{index}" in plan, plan
        assert "on_disk" not in plan, plan
        assert "TEMP B-TREE FOR ORDER BY" not in plan.partition("SUBQUERY")[0], plan


@pytest.mark.skipif(connection.vendor != "sqlite", reason="reads the plans of SQLite")
def test_neither_copies_of_open_segments_nor_readers_look_at_copied_ones(market, tmp_path):
    opened = OpenSegments("IG-USD", tmp_path, open_bucket(f"file://{tmp_path}"))
    past = History("IG-USD", tmp_path)
    for ask in (lambda: list(opened._open_ones("ticks")), lambda: list(past._not_there("ticks", 5))):
        steps = plans_of(ask)
        assert any("INDEX segment_uncopied" in step for step in steps)
        assert [step for step in steps if "INDEX segment_on_disk" in step] == []


def test_each_state_of_a_segment_is_on_the_disk_alone_or_not(market, now):
    for n, state in enumerate(product([False, True], [False, True], [None, now], Cold.values)):
        pending, missing, removed_at, cold = state
        Segment.objects.create(
            **{"market": market, "kind": "ticks", "name": f"segment_20260124_120000_{n}.jsonl.zst", "start_t": n},
            **{"end_t": n, "lines": 1, "bytes": 1, "text_bytes": 1, "created_at": now, "pending": pending},
            **{"missing": missing, "removed_at": removed_at, "cold": cold},
        )
    found = [row.pk for rows in on_disk_alone(market, "ticks") for row in rows]
    assert sorted(found) == sorted(row.pk for row in Segment.objects.on_disk() if row.cold == Cold.NONE)
    assert len(found) == 2
