"""Adoption and the bucket: what a clean-up has left there counts as taken in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from recorder.cold.bucket import Bucket
from recorder.importing import segments_equal
from recorder.importing.adoption import AdoptionRefused, adopt
from recorder.models import Market, Segment
from recorder.recovery.reconcile import reconcile
from recorder.segment.layout import pending_name
from tests.recorder.cold.copying import copy, leave_to_bucket
from tests.recorder.store import files, record_plainly

pytestmark = pytest.mark.django_db


@pytest.fixture
def there(market: Market, bucket: Bucket, tmp_path: Path, settings: Any) -> Path:
    """A store of two segments of each kind, the last one of ticks still open."""
    settings.CONFIG = replace(settings.CONFIG, cold_store=f"file://{tmp_path}/bucket", store_dir=tmp_path / "web")
    record_plainly(market, tmp_path / "there", 2)
    last = Segment.objects.get(kind="ticks", start_t=10)
    Segment.objects.all().delete()
    path = tmp_path / "there" / last.path
    path.rename(path.with_name(pending_name(last.name)))
    return tmp_path / "there"


@pytest.fixture
def here(market: Market, bucket: Bucket, there: Path, tmp_path: Path) -> Path:
    """A market that took all of it in, and left it to the bucket."""
    here = tmp_path / "here"
    adopt(market, here, there)
    for row in Segment.objects.all():
        copy(bucket, row, here / row.path, anew=True)
        leave_to_bucket(row, here / row.path)
    return here


@pytest.mark.parametrize("move", [False, True])
def test_what_is_in_the_bucket_alone_is_there_already(market: Market, here: Path, there: Path, move: bool) -> None:
    reconcile(market, here)
    done = adopt(market, here, there, move=move)
    assert (done.rows, len(done.already)) == ([], 6)
    assert {row.state for row in Segment.objects.all()} == {"cold"}
    assert len(files(there)) == (0 if move else 6)


def test_a_clean_up_may_leave_it_there_in_that_very_moment(
    market: Market, here: Path, there: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real: Callable[..., None] = Segment.refresh_from_db
    Segment.objects.update(cold=1)
    left = []

    def leave(row: Segment) -> None:
        Segment.objects.filter(pk=row.pk).update(cold=2)
        left.append(row.pk)
        real(row)

    monkeypatch.setattr(Segment, "refresh_from_db", leave)
    assert len(adopt(market, here, there).already) == len(left) == 6


def lose(bucket: Bucket, row: Segment) -> None:
    bucket.delete(row.cold_key)


def cut(bucket: Bucket, row: Segment) -> None:
    bucket.put_bytes(row.cold_key, bucket.get_range(row.cold_key, 0, row.cold_bytes - 1))


def differ(bucket: Bucket, row: Segment) -> None:
    Segment.objects.filter(pk=row.pk).update(sha256="0" * 64)


@pytest.mark.parametrize("harm", [lose, cut, differ])
def test_what_is_not_there_as_it_came_in_is_no_reason_to_remove_it(
    market: Market, here: Path, there: Path, bucket: Bucket, harm: Callable[[Bucket, Segment], None]
) -> None:
    harm(bucket, Segment.objects.get(kind="ticks", start_t=0))
    before = files(there)
    with pytest.raises(AdoptionRefused, match="another file of that name is in the cold store"):
        adopt(market, here, there, move=True)
    assert files(there) == before


def test_more_lines_than_the_object_has_are_not_there_already(
    market: Market, here: Path, there: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = segments_equal._good_lines

    def with_another(foreign: Any) -> Any:
        yield from real(foreign)
        yield b"{}"

    monkeypatch.setattr(segments_equal, "_good_lines", with_another)
    with pytest.raises(AdoptionRefused, match="another file of that name is in the cold store"):
        adopt(market, here, there)
