"""Segments over HTTP: bytes, ranges, validators, names that are no names, and sealing while somebody reads."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from tests.end_to_end.reading import assert_error
from tests.processes import Answer, Live, wait_until
from tests.services import program


def finished(market: Live, kind: str = "ticks") -> dict[str, Any]:
    return next(row for row in market.json(f"/manifest/{kind}") if not row["pending"])


def fetch(market: Live, path: str, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return market.ask(f"/segment/{path}", headers=named)


def content(market: Live, row: dict[str, Any]) -> bytes:
    return (market.store / row["path"]).read_bytes()


def test_a_segment_comes_as_it_lies_on_disk(market: Live) -> None:
    for kind in ("ticks", "frames", "metrics"):
        row = finished(market, kind)
        answer = fetch(market, row["path"])
        assert (answer.status, answer.body) == (200, content(market, row))
        assert answer.headers["Content-Type"] == "application/octet-stream"
        assert answer.headers["Content-Length"] == str(row["bytes"])
        assert answer.headers["Accept-Ranges"] == "bytes"
        assert "immutable" in answer.headers["Cache-Control"]
        assert answer.headers["ETag"].startswith('"')


def test_the_whole_path_is_taken_for_a_name(market: Live) -> None:
    row = finished(market)
    answer = market.ask(f"/segment/ticks/{row['path']}")
    assert (answer.status, answer.body) == (200, content(market, row))


def test_a_segment_is_found_without_its_kind(market: Live) -> None:
    for kind in ("ticks", "frames", "metrics"):
        row = finished(market, kind)
        name = row["path"].removeprefix(f"{kind}/")
        answer = fetch(market, f"{name}?kind={kind}")
        assert (answer.status, answer.body) == (200, content(market, row))
        assert answer.body == fetch(market, f"{kind}/{name}").body


def test_of_several_kinds_with_one_name_ticks_are_meant(market: Live) -> None:
    names: dict[str, set[str]] = {
        kind: {path.name for path in market.site.segments(kind)} for kind in ("ticks", "frames", "metrics")
    }
    shared = min(names["ticks"] & names["metrics"])
    assert fetch(market, shared).body == (market.store / "ticks" / shared).read_bytes()
    alone = min(names["frames"] - names["ticks"] - names["metrics"])
    assert fetch(market, alone).body == (market.store / "frames" / alone).read_bytes()


@pytest.mark.parametrize(
    "name", ["ticks", "nothing", "%00", "..", "manifest.json", "segment_20260124_120000_0.jsonl.zst"]
)
def test_a_name_of_no_kind_is_not_there(market: Live, name: str) -> None:
    assert_error(fetch(market, name), 404, "unknown_segment")


def test_the_form_may_be_named(market: Live) -> None:
    row = finished(market)
    assert fetch(market, f"{row['path']}?format=zst").body == content(market, row)


def test_the_zstd_tool_reads_it(market: Live) -> None:
    zstd = program("zstd")
    row = finished(market, "frames")
    text = subprocess.run([zstd, "-dc"], input=fetch(market, row["path"]).body, capture_output=True, check=True).stdout
    assert len(text.splitlines()) == row["lines"]


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("bytes=0-0", slice(0, 1)),
        ("bytes=0-3", slice(0, 4)),
        ("bytes=10-", slice(10, None)),
        ("bytes=-7", slice(-7, None)),
        ("bytes=5-99999999", slice(5, None)),
        ("bytes=-99999999", slice(None)),
    ],
)
def test_a_part_is_given(market: Live, header: str, part: slice) -> None:
    row = finished(market)
    whole = content(market, row)
    answer = fetch(market, row["path"], range=header)
    assert (answer.status, answer.body) == (206, whole[part])
    first, last, _ = part.indices(len(whole))
    assert answer.headers["Content-Range"] == f"bytes {first}-{last - 1}/{len(whole)}"
    assert answer.headers["Content-Length"] == str(len(answer.body))


@pytest.mark.parametrize(
    "header", ["bytes=0-1,3-4", "bytes=x", "bytes=4-2", "lines=0-1", "", "bytes=" + "9" * 5000 + "-"]
)
def test_what_is_no_single_range_gives_the_whole(market: Live, header: str) -> None:
    row = finished(market)
    answer = fetch(market, row["path"], range=header)
    assert (answer.status, answer.body) == (200, content(market, row))


@pytest.mark.parametrize("where", ["bytes={size}-", "bytes={size}-{size}", "bytes=-0", "bytes=99999999999999999999-"])
def test_a_range_outside_is_refused_with_the_size(market: Live, where: str) -> None:
    row = finished(market)
    answer = fetch(market, row["path"], range=where.format(size=row["bytes"]))
    assert_error(answer, 416, "range_not_satisfiable")
    assert answer.headers["Content-Range"] == f"bytes */{row['bytes']}"


def test_a_range_of_another_version_gives_the_whole(market: Live) -> None:
    row = finished(market)
    tag = fetch(market, row["path"]).headers["ETag"]
    assert fetch(market, row["path"], range="bytes=0-3", if_range=tag).status == 206
    assert fetch(market, row["path"], range="bytes=0-3", if_range='"another"').status == 200


def test_a_copy_need_not_be_sent_again(market: Live) -> None:
    row = finished(market)
    first = fetch(market, row["path"])
    for headers in (
        {"if_none_match": first.headers["ETag"]},
        {"if_none_match": f'"x", W/{first.headers["ETag"]}'},
        {"if_none_match": "*"},
        {"if_modified_since": first.headers["Last-Modified"]},
    ):
        again = fetch(market, row["path"], **headers)
        assert (again.status, again.body) == (304, b"")
        assert again.headers["ETag"] == first.headers["ETag"]
    assert fetch(market, row["path"], if_none_match='"x"').status == 200


def test_head_tells_the_size(market: Live) -> None:
    row = finished(market)
    answer = market.ask(f"/segment/{row['path']}", "HEAD")
    assert (answer.status, answer.body, answer.headers["Content-Length"]) == (200, b"", str(row["bytes"]))
    part = market.ask(f"/segment/{row['path']}", "HEAD", {"Range": "bytes=0-9"})
    assert (part.status, part.headers["Content-Length"]) == (200, str(row["bytes"])), "only GET has ranges"


def test_an_open_segment_can_be_fetched_and_again_when_it_is_sealed(market: Live) -> None:
    def fetched_open() -> tuple[dict[str, Any], Answer] | None:
        row = market.json("/manifest/ticks")[-1]
        answer = fetch(market, row["path"])
        assert answer.status == 200
        # It may have been sealed between the two answers.
        return None if "immutable" in answer.headers["Cache-Control"] else (row, answer)

    row, growing = wait_until(fetched_open, "an open segment")
    assert row["pending"]
    lasting = row["path"].replace("_pending", "")
    wait_until(lambda: finished_named(market, lasting), "the sealing")
    for name in (lasting, row["path"]):
        sealed = fetch(market, name)
        assert (sealed.status, sealed.body) == (200, (market.store / lasting).read_bytes())
        assert "immutable" in sealed.headers["Cache-Control"]
        assert sealed.headers["ETag"] != growing.headers["ETag"]
    assert sealed.body.startswith(growing.body[:-7]), "but for the end that it was given"


def finished_named(market: Live, path: str) -> bool:
    return any(row["path"] == path for row in market.json("/segments"))


def test_the_lasting_name_finds_an_open_segment(market: Live) -> None:
    def found() -> bool:
        rows = market.json("/manifest/ticks")
        if not rows[-1]["pending"]:
            return False
        return fetch(market, rows[-1]["path"].replace("_pending", "")).status == 200

    assert wait_until(found, "an open segment")


NAMES = [
    "..%2f..%2fsite.sqlite3",
    "../../site.sqlite3",
    "..%2f..%2f..%2fetc%2fpasswd",
    "..%5c..%5csite.sqlite3",
    "..\\..\\site.sqlite3",
    "%2e%2e/%2e%2e/site.sqlite3",
    "....//....//site.sqlite3",
    "/etc/passwd",
    "%2Fetc%2Fpasswd",
    "//etc/passwd",
    "ticks/../../site.sqlite3",
    "ticks/ticks/ticks",
    "%00",
    "{name}%00",
    "{name}%00.txt",
    "%00{name}",
    "{name}/",
    "{name}/..",
    "{name}%20",
    "{name}%0a",
    "%0d%0aX-Injected:%20yes",
    "./{name}",
    "frames/{name}",
    "../ticks/{name}",
    "..%2fticks%2f{name}",
    "SEGMENT_20260124_120000_0.jsonl.zst",
    "segment_20260124_120000_0.jsonl.zst",
    "segment_20260199_120000_0.jsonl.zst",
    "segment_99999999_999999_0.jsonl.zst",
    "segment_20260124_120000_" + "9" * 19 + ".jsonl.zst",
    "segment_20260124_120000_" + "9" * 5000 + ".jsonl.zst",
    "segment_20260124_120000_-1.jsonl.zst",
    "segment_20260124_120000_01.jsonl.zst",
    "segment_20260124_120000_%D9%A1.jsonl.zst",
    "segment_%D9%A2%D9%A00260124_120000_0.jsonl.zst",
    "segment_20260124_120000_0_pending_pending.jsonl.zst",
    "%C3%A9%E2%98%83",
    "%ff%fe",
    "%F0%9F%92%A5",
    "CON",
    "~root",
    "$HOME",
    "*",
    "x" * 10_000,
    "%2e",
    ".",
    "..",
    "?",
]


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_no_name_leads_out_of_the_store(market: Live, name: str) -> None:
    known = finished(market)["path"].removeprefix("ticks/")
    asked = f"/segment/ticks/{name.format(name=known)}"
    answer = market.ask(asked)
    assert answer.status in (404, 400), f"{asked}: {answer.status}"
    error = answer.json()["error"]
    assert error["code"] in ("unknown_segment", "not_found", "bad_request")
    assert len(error["message"]) < 400
    assert "X-Injected" not in answer.headers
    assert str(market.store) not in error["message"]


def test_a_name_of_another_kind_is_not_there(market: Live) -> None:
    name = finished(market, "frames")["path"].removeprefix("frames/")
    assert_error(market.ask(f"/segment/metrics/{name}"), 404, "unknown_segment")


def test_a_name_of_another_market_is_not_there(market: Live) -> None:
    theirs = {row["path"] for row in market.json("/manifest/ticks?symbol=OTHER.1")}

    def ours_alone() -> str | None:
        """Both began at t=0, perhaps within one second: then those segments have one name."""
        finished = [row["path"] for row in market.json("/manifest/ticks") if not row["pending"]]
        return next((path for path in finished if path not in theirs), None)

    name = wait_until(ours_alone, "a finished segment that has its name for itself")
    assert market.ask(f"/segment/{name}").status == 200
    assert_error(market.ask(f"/segment/{name}?symbol=OTHER.1"), 404, "unknown_segment")
