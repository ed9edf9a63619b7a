"""Buckets: the same in an S3-compatible store and in a directory, and each of their faults in a sentence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from recorder.cold.bucket import Bucket, BucketUnavailable, Credentials, NoObject, open_bucket
from tests.object_store import KEY, SECRET, ObjectStore, Proxy


@pytest.fixture(params=["s3", "file"])
def bucket(request: pytest.FixtureRequest, tmp_path: Path) -> Bucket:
    if request.param == "file":
        return open_bucket(f"file://{tmp_path}")
    store: ObjectStore = request.getfixturevalue("bucket_server")
    return store.bucket("objects", f"a/{tmp_path.name.replace('[', '-').replace(']', '')}")


def test_objects_are_written_read_listed_and_deleted(bucket: Bucket, tmp_path: Path) -> None:
    data = bytes(range(256)) * 70_000  # more than one part
    (tmp_path / "file").write_bytes(data)
    assert bucket.head("x/ticks/one") is None
    bucket.put("x/ticks/one", tmp_path / "file")
    bucket.put_bytes("x/frames/two", b"ab")
    bucket.put_bytes("x/frames/two", b"abc")
    for start, length in (
        (0, 10),
        (len(data) - 5, 10),
        (len(data), 10),
        (len(data) + 7, 1),
        (9 << 20, 1 << 20),
        (3, 0),
    ):
        assert bucket.get_range("x/ticks/one", start, length) == data[start : start + length]
    found = bucket.head("x/ticks/one")
    assert found is not None
    assert found.size == len(data)
    assert set(bucket.keys("x")) == {"x/ticks/one", "x/frames/two"}
    assert set(bucket.keys("x/frames")) == {"x/frames/two"}
    assert set(bucket.keys("x/fram")) == set()
    assert bucket.folders("x") == ["frames", "ticks"]
    assert bucket.folders("x/frames") == bucket.folders("y") == []
    bucket.delete("x/frames/two")
    bucket.delete("x/frames/two")
    with pytest.raises(NoObject, match=r"^the cold store .* has no x/frames/two$"):
        bucket.get_range("x/frames/two", 0, 1)


def everything(bucket: Bucket, path: Path) -> list[Callable[[], object]]:
    return [
        lambda: bucket.head("a"),
        lambda: bucket.get_range("a", 0, 1),
        lambda: bucket.put("a", path),
        lambda: bucket.put_bytes("a", b"x"),
        lambda: bucket.delete("a"),
        lambda: list(bucket.keys("a")),
    ]


def test_a_bucket_that_fails_says_why_and_nothing_secret(bucket_server: ObjectStore, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    url, proxy = bucket_server.url("faults"), Proxy(bucket_server.port)
    bucket_server.bucket("faults").put_bytes("a", b"x")
    closed = bucket_server.url("faults", port=proxy.port)
    proxy.close()
    cases = [
        (open_bucket(url, Credentials(KEY, "another-" + SECRET)), "it answered 403"),
        (open_bucket(url, Credentials("AKIAOTHER", SECRET)), "it answered 403"),
        (open_bucket(closed, Credentials(KEY, SECRET)), "it cannot be reached"),
        (open_bucket(f"file://{tmp_path}/nothing"), "there is no such directory"),
        (open_bucket(f"file://{tmp_path}/file"), "there is no such directory"),
    ]
    for bucket, why in cases:
        for ask in everything(bucket, tmp_path / "file"):
            with pytest.raises(BucketUnavailable, match=f"^the cold store .* is unavailable: {why}") as told:
                ask()
            assert SECRET not in repr(told.value) + str(told.value.__context__) + repr(bucket.__dict__)
    missing = open_bucket(bucket_server.url("no-such-bucket"), Credentials(KEY, SECRET))
    for read in (lambda: missing.head("a"), lambda: missing.get_range("a", 0, 1), lambda: list(missing.keys("a"))):
        with pytest.raises(BucketUnavailable, match="there is no such bucket"):
            read()


@pytest.mark.long
def test_a_bucket_that_says_nothing_is_given_up_and_a_slow_one_is_not(bucket_server: ObjectStore) -> None:
    data = bytes(range(256)) * 400
    bucket_server.bucket("slow").put_bytes("a", data)
    proxy = Proxy(bucket_server.port)
    bucket, hasty = (
        open_bucket(bucket_server.url("slow", port=proxy.port), Credentials(KEY, SECRET), silence_seconds=seconds)
        for seconds in (4, 1)
    )
    proxy.bytes_a_second = 12_800  # eight seconds, twice as long as it may be silent
    bucket.put_bytes("b", data)
    assert bucket.get_range("b", 0, len(data)) == data
    proxy.bytes_a_second, proxy.silent = None, True
    with pytest.raises(BucketUnavailable, match="it did not answer in time"):
        hasty.head("a")
    proxy.silent, proxy.cut_after = False, 60_000
    assert bucket.get_range("a", 0, len(data)) == data  # in two pieces
    proxy.cut_after = 20_000
    with pytest.raises(BucketUnavailable):
        bucket.get_range("a", 0, len(data))
    proxy.close()
