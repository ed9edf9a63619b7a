"""Making digests keeps nobody else from writing: SQLite has one lock, and the child has the lowest priority."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from recorder.digests import making, roll_up
from recorder.digests.chunk_row import DigestChunk
from recorder.digests.making import forget_gone, make_all, make_digests
from recorder.models import Segment
from runtime import db_threads
from tests.recorder.store import Store

pytestmark = pytest.mark.django_db


def noting(work: Callable[..., Any], depths: list[int]) -> Callable[..., Any]:
    def noted(*arguments: Any) -> Any:
        depths.append(len(connection.savepoint_ids))
        return work(*arguments)

    return noted


def in_transactions(queries: list[dict[str, str]]) -> list[str]:
    """The first words of the queries between the begin of a transaction and its end."""
    found, within = list[str](), False
    for query in queries:
        word = query["sql"].split()[0]
        within = within and word != "RELEASE"
        found += [word] if within else []
        within = within or word == "SAVEPOINT"
    return found


def test_nothing_is_computed_and_nothing_asked_while_a_roll_up_writes(
    digested: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    depths, outside = list[int](), len(connection.savepoint_ids)
    for name in ("load_digest", "merged", "pack_buckets", "pack_notes", "unpack_buckets"):
        monkeypatch.setattr(roll_up, name, noting(getattr(roll_up, name), depths))
    with CaptureQueriesContext(connection) as captured:
        make_all(digested.market, digested.directory)
        Segment.objects.update(missing=True)
        forget_gone(digested.market, digested.directory)
    assert set(depths) == {outside}
    assert set(in_transactions(captured.captured_queries)) == {"INSERT", "DELETE"}


def test_an_update_has_them_made_again_some_by_some(digested: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    rests = list[float]()
    monkeypatch.setattr(db_threads.time, "sleep", rests.append)
    monkeypatch.setattr(making, "_AT_ONCE", 2)
    monkeypatch.setitem(making.VERSIONS, "metrics", 2)
    chunks = DigestChunk.objects.filter(kind="metrics").count()
    with CaptureQueriesContext(connection) as captured:
        assert make_digests(digested.market, digested.directory) == 3
    outdated = [query for query in captured.captured_queries if re.search(r'SET "digest" = 0|^DELETE', query["sql"])]
    assert len(rests) == len(outdated) == -(-chunks // 2) + 2
