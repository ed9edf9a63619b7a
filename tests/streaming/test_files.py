"""Byte ranges and validators of files over HTTP (RFC 9110)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
import zstandard
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st

from recorder.segment.zstd_frames import compressor, frame_ending
from runtime.http_errors import HttpError
from streaming.http.files import (
    FileState,
    asks_for_part,
    byte_range,
    file_response,
    is_fresh,
    state_of,
    state_with_end,
    wanted_range,
)
from tests.growth import growth

#: A response that is closed has Django look after its database connections, should a test before have left any.
pytestmark = pytest.mark.django_db

STATE = FileState(size=1000, mtime=1_700_000_000.75, etag='"name-3e8"', finished=True)
LAST_MODIFIED = "Tue, 14 Nov 2023 22:13:20 GMT"


def request(method: str = "GET", **headers: str) -> HttpRequest:
    return RequestFactory().generic(
        method, "/segment", headers={name.replace("_", "-"): value for name, value in headers.items()}
    )


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=0-99", (0, 100)),
        ("bytes=100-", (100, 1000)),
        ("bytes=999-", (999, 1000)),
        ("bytes=-1", (999, 1000)),
        ("bytes=-1000", (0, 1000)),
        ("bytes=-5000", (0, 1000)),
        ("bytes=990-5000", (990, 1000)),
        ("bytes=0-18446744073709551615", (0, 1000)),
        (" bytes= 5 - 9 ", (5, 10)),
        ("Bytes=5-9", (5, 10)),
    ],
)
def test_a_range_is_served(header: str, expected: tuple[int, int]) -> None:
    assert byte_range(header, 1000) == expected


@pytest.mark.parametrize(
    "header",
    [None, "", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=5-3", "bytes=0-1,5-6", "lines=0-5", "bytes=--5",
     "bytes=+1-5", "bytes=1.5-", "bytes=0x1-", "bytes=١-٢"],
)  # fmt: skip
def test_what_is_no_single_range_means_the_whole_file(header: str | None) -> None:
    assert byte_range(header, 1000) is None


@pytest.mark.parametrize("header", ["bytes=1000-", "bytes=1000-1001", "bytes=-0", "bytes=99999999999999999999-"])
def test_a_range_outside_the_file_is_416_with_its_size(header: str) -> None:
    with pytest.raises(HttpError) as refused:
        byte_range(header, 1000)
    assert (refused.value.status, refused.value.code) == (416, "range_not_satisfiable")
    assert refused.value.headers == {"Content-Range": "bytes */1000"}
    assert "1000 bytes" in refused.value.message


@pytest.mark.parametrize("header", ["bytes=0-", "bytes=-1", "bytes=0-0"])
def test_an_empty_file_has_no_range(header: str) -> None:
    with pytest.raises(HttpError, match="lies outside the 0 bytes"):
        byte_range(header, 0)


@pytest.mark.parametrize("header", ["bytes=" + "9" * 5000 + "-", "bytes=-" + "9" * 5000, "bytes=0-" + "9" * 5000])
def test_a_number_of_thousands_of_digits_is_no_accident(header: str) -> None:
    try:
        found = byte_range(header, 1000)
    except HttpError as refused:
        assert refused.status == 416
        assert len(refused.message) < 200
    else:
        assert found in (None, (0, 1000))


@given(size=st.integers(1, 300), first=st.integers(0, 350), last=st.one_of(st.none(), st.integers(0, 350)))
def test_a_range_is_the_slice_it_names(size: int, first: int, last: int | None) -> None:
    content = bytes(i % 256 for i in range(size))
    header = f"bytes={first}-{'' if last is None else last}"
    expected = content[first:] if last is None else content[first : last + 1]
    if last is not None and last < first:
        assert byte_range(header, size) is None
    elif first >= size:
        with pytest.raises(HttpError):
            byte_range(header, size)
    else:
        found = byte_range(header, size)
        assert found is not None
        assert content[found[0] : found[1]] == expected


@pytest.mark.parametrize("header", ["bytes={}x", "bytes=1{}-{}x", "bytes={}-{}x", "bytes={}-1{}x", "{}bytes=-{}x"])
def test_blanks_in_a_range_cost_as_much_as_there_are(header: str) -> None:
    assert byte_range(header.replace("{}", " "), 1000) is None
    times = growth(lambda text: byte_range(text, 1000), header, few=60, many=600)
    assert times < 40, "tried in all their parts, ten times as many cost a hundred or a thousand times as much"


@pytest.mark.parametrize("tag", ['"name-3e8"', 'W/"name-3e8"', "*", '"other", "name-3e8"'])
def test_a_copy_with_the_files_tag_is_fresh(tag: str) -> None:
    assert is_fresh(request(if_none_match=tag), STATE)


@pytest.mark.parametrize("tag", ['"name-3e9"', 'W/"name-3e9", "other"'])
def test_a_copy_with_another_tag_is_stale_whatever_its_date(tag: str) -> None:
    assert not is_fresh(request(if_none_match=tag, if_modified_since=LAST_MODIFIED), STATE)


@pytest.mark.parametrize("tag", ["", "name-3e8", '"', "\\"])
def test_what_is_no_tag_is_none(tag: str) -> None:
    assert not is_fresh(request(if_none_match=tag), STATE)


@pytest.mark.parametrize(
    ("since", "fresh"),
    [
        (LAST_MODIFIED, True),
        ("Tue, 14 Nov 2023 22:13:21 GMT", True),
        ("Tue, 14 Nov 2023 22:13:19 GMT", False),
        ("yesterday", False),
        ("Tue, 99 Nov 2023 99:99:99 GMT", False),
        ("", False),
    ],
)
def test_a_copy_is_as_fresh_as_its_date(since: str, fresh: bool) -> None:
    assert is_fresh(request(if_modified_since=since), STATE) is fresh


@pytest.mark.parametrize("condition", [STATE.etag, LAST_MODIFIED])
def test_a_range_of_the_same_version_is_given(condition: str) -> None:
    assert wanted_range(request(range="bytes=1-2", if_range=condition), STATE) == (1, 3)


@pytest.mark.parametrize("condition", ['"name-3e7"', "Tue, 14 Nov 2023 22:13:19 GMT", "", 'W/"name-3e8"'])
def test_a_range_of_another_version_is_the_whole_file(condition: str) -> None:
    assert wanted_range(request(range="bytes=1-2", if_range=condition), STATE) is None


def test_a_file_that_grows_is_not_known_by_its_date() -> None:
    growing = replace(STATE, finished=False)
    assert wanted_range(request(range="bytes=1-2", if_range=LAST_MODIFIED), growing) is None
    assert wanted_range(request(range="bytes=1-2", if_range=STATE.etag), growing) == (1, 3)


@pytest.mark.parametrize(
    ("headers", "met"),
    [
        ({}, True),
        ({"if_match": '"name-3e8"'}, True),
        ({"if_match": '"other", "name-3e8"'}, True),
        ({"if_match": "*"}, True),
        ({"if_match": '"name-3e9"'}, False),
        ({"if_match": 'W/"name-3e8"'}, False),
        ({"if_match": '"name-3e8"', "if_unmodified_since": "Tue, 14 Nov 2023 22:13:19 GMT"}, True),
        ({"if_unmodified_since": LAST_MODIFIED}, True),
        ({"if_unmodified_since": "Tue, 14 Nov 2023 22:13:19 GMT"}, False),
        ({"if_unmodified_since": "yesterday"}, True),
    ],
)
def test_who_wants_another_version_only_gets_none(headers: dict[str, str], met: bool) -> None:
    if met:
        assert not is_fresh(request(**headers), STATE)
    else:
        with pytest.raises(HttpError, match='the file is "name-3e8" of Tue, 14 Nov 2023') as refused:
            is_fresh(request(**headers), STATE)
        assert (refused.value.status, refused.value.code) == (412, "precondition_failed")


# -- whole answers

CONTENT = bytes(range(256)) * 4000  # a mebibyte, several pieces


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "segment_20260124_120000_1000.jsonl.zst"
    path.write_bytes(CONTENT)
    return path


def answer(
    path: Path, asked: HttpRequest, *, finished: bool = True, with_end: bool = False
) -> tuple[HttpResponseBase, bytes]:
    file = path.open("rb")
    state = state_with_end(file, path, 0) if with_end else state_of(file, path, finished=finished)
    response = file_response(asked, file, state, path.name)

    async def body() -> bytes:
        if isinstance(response, StreamingHttpResponse):
            return b"".join([piece async for piece in response])  # type: ignore[union-attr]
        return response.content  # type: ignore[attr-defined, no-any-return]

    content = asyncio.run(body())
    response.close()
    assert file.closed
    return response, content


def test_a_finished_file_comes_whole_and_may_be_kept_for_ever(path: Path) -> None:
    response, content = answer(path, request())
    assert (response.status_code, content) == (200, CONTENT)
    assert response["Content-Length"] == str(len(CONTENT))
    assert response["Content-Type"] == "application/octet-stream"
    assert response["Accept-Ranges"] == "bytes"
    assert "immutable" in response["Cache-Control"]
    assert "max-age=31536000" in response["Cache-Control"]


def test_a_file_that_grows_is_asked_for_again(path: Path) -> None:
    growing, _ = answer(path, request(), finished=False)
    assert growing["Cache-Control"] == "no-cache"
    with path.open("ab") as file:
        file.write(b"more")
    grown, content = answer(path, request(if_none_match=growing["ETag"]), finished=False)
    assert (grown.status_code, content) == (200, CONTENT + b"more")
    assert grown["ETag"] != growing["ETag"]


def test_a_part_says_where_it_lies(path: Path) -> None:
    response, content = answer(path, request(range="bytes=300000-900000"))
    assert (response.status_code, content) == (206, CONTENT[300_000:900_001])
    assert response["Content-Range"] == f"bytes 300000-900000/{len(CONTENT)}"
    assert response["Content-Length"] == "600001"


def test_a_fresh_copy_gets_no_body(path: Path) -> None:
    first, _ = answer(path, request())
    response, content = answer(path, request(if_none_match=first["ETag"], range="bytes=0-1"))
    assert (response.status_code, content) == (304, b"")
    assert (response["ETag"], response["Cache-Control"]) == (first["ETag"], first["Cache-Control"])


def test_a_head_says_what_a_get_would(path: Path) -> None:
    whole, nothing = answer(path, request("HEAD"))
    got, _ = answer(path, request())
    assert (whole.status_code, nothing) == (200, b"")
    assert dict(whole.items()) == dict(got.items())
    part, _ = answer(path, request("HEAD", range="bytes=0-9"))
    assert (part.status_code, part["Content-Length"]) == (200, str(len(CONTENT))), "only GET has ranges"
    beyond, _ = answer(path, request("HEAD", range="bytes=99999999-"))
    assert beyond.status_code == 200


def test_a_refused_range_leaves_no_open_file(path: Path) -> None:
    file = path.open("rb")
    with pytest.raises(HttpError):
        file_response(request(range="bytes=99999999-"), file, state_of(file, path, finished=True), path.name)
    assert file.closed


def test_a_file_cut_while_it_is_read_ends_early(path: Path) -> None:
    file = path.open("rb")
    response = file_response(request(), file, state_of(file, path, finished=True), path.name)
    path.open("r+b").truncate(300_000)

    async def body() -> bytes:
        return b"".join([piece async for piece in response])  # type: ignore[attr-defined]

    assert asyncio.run(body()) == CONTENT[:300_000]
    response.close()


# -- a pending file, given an end

LINES = b'{"t":1}\n' * 100


@pytest.fixture
def pending(tmp_path: Path) -> Path:
    frame = compressor(3).compressobj()
    path = tmp_path / "segment_20260124_120000_1000_pending.jsonl.zst"
    path.write_bytes(frame.compress(LINES) + frame.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK))
    return path


def test_a_pending_file_comes_with_an_end_that_counts(pending: Path) -> None:
    response, content = answer(pending, request(), with_end=True)
    assert content == pending.read_bytes() + frame_ending(LINES)
    assert response["Content-Length"] == str(len(content))
    assert response["Cache-Control"] == "no-cache"
    head, _ = answer(pending, request("HEAD"), with_end=True)
    assert dict(head.items()) == dict(response.items())
    assert answer(pending, request(if_none_match=response["ETag"]), with_end=True)[0].status_code == 304
    assert response["ETag"] != answer(pending, request(), finished=False)[0]["ETag"], "its bytes are not the file's"


def test_a_pending_file_with_an_end_has_no_ranges(pending: Path) -> None:
    whole, content = answer(pending, request(), with_end=True)
    for headers in ({}, {"if_range": whole["ETag"]}):
        assert answer(pending, request(range="bytes=0-3", **headers), with_end=True)[1] == content


@pytest.mark.parametrize(
    ("method", "headers", "part"),
    [
        ("GET", {}, False),
        ("GET", {"range": "bytes=0-3"}, True),
        ("GET", {"range": "bytes=99999-"}, True),
        ("GET", {"range": "bytes=x"}, False),
        ("GET", {"range": "bytes=0-3", "if_range": '"other"'}, False),
        ("GET", {"range": "bytes=0-3", "if_range": STATE.etag}, True),
        ("HEAD", {"range": "bytes=0-3"}, False),
    ],
)
def test_who_asks_for_a_part_is_told_of_the_file_itself(method: str, headers: dict[str, str], part: bool) -> None:
    assert asks_for_part(request(method, **headers), replace(STATE, finished=False)) is part


def test_a_pending_file_cut_while_it_is_read_gets_no_end(pending: Path) -> None:
    file = pending.open("rb")
    response = file_response(request(), file, state_with_end(file, pending, 0), pending.name)
    pending.open("r+b").truncate(10)

    async def body() -> bytes:
        return b"".join([piece async for piece in response])  # type: ignore[attr-defined]

    assert asyncio.run(body()) == pending.read_bytes(), "fewer bytes than were promised tell the client"
    response.close()
