"""Rows of lost files whose messages are in other segments: each is compared with those around it alone."""

from __future__ import annotations

import pytest

from recorder import spans
from recorder.importing.adoption import overlaps
from recorder.models import Segment
from recorder.verify.verification import Verification

pytestmark = pytest.mark.django_db

#: Segments that are kept, and of every so many of them there was another one before.
KEPT, EVERY = 400, 4


@pytest.fixture(autouse=True)
def rows(market, now):
    """Kept segments with a distance, which do not merge, and lost ones of the same t."""
    Segment.objects.bulk_create(
        Segment(
            **{"market": market, "kind": "ticks", "name": f"segment_20260124_{hour}0000_{10 * n}.jsonl.zst"},
            **{"start_t": 10 * n, "end_t": 10 * n + 5, "lines": 6, "bytes": 1, "text_bytes": 1},
            **{"created_at": now, "pending": False, "missing": missing},
        )
        for hour, missing, step in ((12, False, 1), (11, True, EVERY))
        for n in range(0, KEPT, step)
    )


@pytest.fixture
def sorted_lengths(monkeypatch):
    found = []

    def merged(some, real=spans.merged):
        some = list(some)
        found.append(len(some))
        return real(some)

    monkeypatch.setattr(spans, "merged", merged)
    return found


def test_verify_compares_each_with_those_around_it(market, tmp_path, sorted_lengths):
    verification = Verification(market, tmp_path)
    assert all(verification._is_remade(row) for row in Segment.objects.filter(missing=True))
    assert (len(sorted_lengths), max(sorted_lengths)) == (KEPT / EVERY, 1)
    Segment.objects.filter(missing=True, start_t=80).update(end_t=86)
    assert not verification._is_remade(Segment.objects.get(missing=True, start_t=80))


def test_so_does_an_adoption(market, sorted_lengths):
    assert overlaps(market, []) == []
    assert len(sorted_lengths) == KEPT * (EVERY + 1) / EVERY
    assert max(sorted_lengths) == 1
