"""The small files of a market in the bucket: put when they changed there or here, and not with each segment."""

from __future__ import annotations

from pathlib import Path

import pytest

from recorder.cold import companions
from recorder.cold.bucket import Bucket
from recorder.cold.copying import Copying
from recorder.cold.layout import COMPANIONS
from recorder.models import Cold, Segment
from recorder.store.agents_file import FILE_NAME
from tests.object_store import ObjectStore
from tests.recorder.store import Store

pytestmark = pytest.mark.django_db


@pytest.fixture
def put(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the small files put since it was cleared."""
    found: list[str] = []

    def note(self: Bucket, key: str, path: Path, real=Bucket.put) -> None:
        if path.name in COMPANIONS:
            found.append(path.name)
        real(self, key, path)

    monkeypatch.setattr(Bucket, "put", note)
    return found


def copy_one(store: Store, bucket: Bucket) -> None:
    """As a run that finds one more segment."""
    row = Segment.objects.filter(kind="metrics").order_by("start_t").last()
    assert row is not None
    Segment.objects.filter(pk=row.pk).update(cold=Cold.NONE)
    assert Copying(store.market, store.directory, bucket, 0).run() > 0


def content(store: Store, bucket: Bucket) -> bytes:
    return bucket.get_range(f"IG-USD/{store.market.store_id}/{FILE_NAME}", 0, 1 << 20)


def name_agents(store: Store, *names: str) -> None:
    with (store.directory / FILE_NAME).open("a") as file:
        file.writelines(f"{name}\n" for name in names)


@pytest.fixture(params=["directory", "server"])
def each_bucket(request: pytest.FixtureRequest) -> Bucket:
    if request.param == "directory":
        return request.getfixturevalue("bucket")
    server: ObjectStore = request.getfixturevalue("bucket_server")
    return server.bucket("companions")


def test_a_file_is_put_once_and_again_when_it_grew(store: Store, each_bucket: Bucket, put: list[str]) -> None:
    name_agents(store, "ann")
    copy_one(store, each_bucket)
    assert {"store_id", FILE_NAME} <= {*put}
    put.clear()
    copy_one(store, each_bucket)
    assert put == []
    name_agents(store, "bob")
    copy_one(store, each_bucket)
    copy_one(store, each_bucket)
    assert put == [FILE_NAME]
    assert content(store, each_bucket) == (store.directory / FILE_NAME).read_bytes() == b"ann\nbob\n"


def test_it_is_put_again_where_the_bucket_has_not_what_was_put(
    store: Store, each_bucket: Bucket, put: list[str]
) -> None:
    name_agents(store, "ann")
    copy_one(store, each_bucket)
    key = f"IG-USD/{store.market.store_id}/{FILE_NAME}"
    for spoil in (lambda: each_bucket.delete(key), lambda: each_bucket.put_bytes(key, b"bob\n")):
        put.clear()
        spoil()
        copy_one(store, each_bucket)
        assert put == [FILE_NAME]
        assert content(store, each_bucket) == b"ann\n"


def test_a_file_that_could_not_be_put_is_put_next_time(
    store: Store, bucket: Bucket, put: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    name_agents(store, "ann")
    copy_one(store, bucket)
    name_agents(store, "bob")
    with monkeypatch.context() as broken:
        broken.setattr(bucket, "put", lambda key, path: (_ for _ in ()).throw(OSError("no answer")))
        with pytest.raises(OSError, match="no answer"):
            companions.put_companions(bucket, "IG-USD", store.market.store_id, store.directory)
    put.clear()
    copy_one(store, bucket)
    assert put == [FILE_NAME]


def test_no_more_is_remembered_than_a_process_needs(
    store: Store, bucket: Bucket, put: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    name_agents(store, "ann")
    monkeypatch.setattr(companions, "_MOST_REMEMBERED", 1)
    copy_one(store, bucket)
    copy_one(store, bucket)
    assert len(companions._put) == 1
    assert put.count(FILE_NAME) == 2
