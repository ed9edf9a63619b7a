"""How scheduled tasks are going is noted by whoever runs them, well or not."""

from __future__ import annotations

import pytest
from celery import shared_task
from django.db import OperationalError

import igsite.celery  # noqa: F401  (tasks are of this application)
from monitoring import rows, task_runs
from monitoring.families import Families
from monitoring.models import TaskRun


@shared_task(name="tests.tasks.work")  # type: ignore[untyped-decorator]
def work(items: int) -> int:
    """Do some things, or fail."""
    if items < 0:
        raise OSError("the disk is away")
    return items


@pytest.mark.django_db(transaction=True)
def test_runs_are_counted_with_what_they_did_and_failures_too() -> None:
    for items in (2, 3):
        assert work(items) == items
    with pytest.raises(OSError, match="away"):
        work(-1)
    row = TaskRun.objects.get(task="tests.work", queue="celery")
    assert (row.runs, row.failures, row.items) == (2, 1, 5)
    families = Families()
    rows.add_rows(families, rows.look())
    samples = {sample.name: sample for family in families.collect() for sample in family.samples}
    failed = samples["market_camera_task_failure_timestamp_seconds"]
    assert (failed.labels, failed.value) == ({"task": "tests.work", "queue": "celery"}, row.failed_at.timestamp())
    assert samples["market_camera_task_success_timestamp_seconds"].value < failed.value


def test_a_task_ends_as_it_would_where_the_database_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object, **__: object) -> None:
        raise OperationalError("away")

    monkeypatch.setattr(task_runs, "_note", away)
    assert work(7) == 7
    with pytest.raises(OSError, match="the disk is away"):
        work(-1)
