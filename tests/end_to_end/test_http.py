"""Every HTTP path of the contract, through the real server: what it gives, and what it says to bad requests."""

from __future__ import annotations

import sqlite3
import time
from typing import Any

import pytest

from tests.end_to_end.reading import OTHER, assert_error, assert_is_tick
from tests.processes import PATIENCE_SECONDS, Live, decompressed, wait_until

MANIFESTS = ["/manifest/ticks", "/manifest/frames", "/manifest/metrics"]
JSON_PATHS = ["/", "/health", "/incremental", "/agents", "/segments", *MANIFESTS]
LARGEST_T = 2**53 - 1


def finished(market: Live, kind: str = "ticks") -> dict[str, Any]:
    """The oldest finished segment of a kind."""
    return next(row for row in market.json(f"/manifest/{kind}") if not row["pending"])


# -- what is there


def test_the_root_describes_itself_to_a_program(market: Live) -> None:
    body = market.json("/")
    assert {"message", "version", "cam_store", "endpoints"} <= body.keys()
    assert body["cam_store"] == str(market.store)
    for path in ("/ws/stream", "/health", "/incremental", "/segments", "/live/", "/replay/", "/admin/"):
        assert path in body["endpoints"].values()
    assert body["endpoints"]["websocket"] == "/ws/stream"
    for kind in ("ticks", "frames", "metrics"):
        assert body["endpoints"][f"manifest_{kind}"] == f"/manifest/{kind}"
        assert body["endpoints"][f"segment_{kind}"] == f"/segment/{kind}/{{name}}"


def test_the_root_is_the_live_page_to_a_browser(market: Live) -> None:
    accept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
    page, live = market.ask("/", headers={"Accept": accept}), market.ask("/live/")
    assert page.status == live.status == 200
    assert page.headers["Content-Type"].startswith("text/html")
    assert b"<title>" in page.body
    assert page.body.count(b"<script") == live.body.count(b"<script") > 0


@pytest.mark.parametrize("probe", ["live", "ready"])
def test_a_probe_hears_that_the_process_answers_and_has_its_streams(market: Live, probe: str) -> None:
    answer = market.ask(f"/healthz/{probe}")
    assert (answer.status, answer.json()) == (200, {"ok": True})
    assert answer.headers["Cache-Control"] == "no-store"


def test_health_tells_of_a_running_market(market: Live) -> None:
    body = market.json("/health")
    assert body["ok"] is True
    meta = body["meta"]
    assert {"running", "start_ts", "ticks", "seed"} <= meta.keys()
    assert (meta["running"], meta["seed"], type(meta["start_ts"])) == (True, 7, float)
    assert meta["price_range"] == [40_000, 60_000]
    assert meta["ticks"] > 0
    segment = wait_until(lambda: market.json("/health")["current_segment"], "an open segment")
    assert {"start_t", "lines", "compressed_bytes", "pending"} <= segment.keys()
    assert segment["pending"] is True


def test_ticks_are_counted(market: Live) -> None:
    before = market.json("/health")["meta"]["ticks"]
    wait_until(lambda: market.json("/health")["meta"]["ticks"] > before + 5, "five ticks more")


def test_incremental_gives_ticks_in_order(market: Live) -> None:
    newest = market.wait_for_ticks(100)
    body = market.json(f"/incremental?from_t={newest - 20}&limit=15")
    assert {"from_t", "count", "latest_t", "data"} <= body.keys()
    assert (body["from_t"], body["count"]) == (newest - 20, 15)
    assert body["latest_t"] >= newest
    assert [tick["t"] for tick in body["data"]] == list(range(newest - 19, newest - 4))
    for tick in body["data"]:
        assert_is_tick(tick)
    assert "gap" not in body


def test_incremental_ahead_of_the_market_is_empty(market: Live) -> None:
    body = market.json(f"/incremental?from_t={LARGEST_T}")
    assert (body["count"], body["data"]) == (0, [])
    assert body["latest_t"] > 0


def test_incremental_has_no_more_than_its_limit(market: Live) -> None:
    market.wait_for_ticks(100)
    assert market.json("/incremental?limit=1")["count"] == 1
    for most in ("10000", "10001", "100000", "9" * 18):
        assert len(market.json(f"/incremental?limit={most}&from_t=-1")["data"]) > 30


def test_ticks_are_the_same_bytes_in_memory_and_on_disk(market: Live) -> None:
    newest = market.wait_for_ticks(100)
    answer = market.ask(f"/incremental?from_t={newest - 1}&limit=1")
    line = wait_until(
        lambda: next((ln for ln in market.site.text("ticks").splitlines() if b'"t":%d,' % newest in ln), None),
        f"t={newest} on disk",
    )
    assert line in answer.body


@pytest.mark.parametrize("kind", ["ticks", "frames", "metrics"])
def test_the_manifest_lists_what_can_be_fetched(market: Live, kind: str) -> None:
    rows = market.json(f"/manifest/{kind}")
    for row in rows:
        assert {"path", "start_t", "end_t", "lines", "bytes", "created_at", "pending"} <= row.keys()
        assert row["path"].startswith(f"{kind}/segment_")
        assert ("_pending" in row["path"]) == row["pending"]
        time.strptime(row["created_at"], "%Y-%m-%dT%H:%M:%SZ")
    assert [row["start_t"] for row in rows] == sorted(row["start_t"] for row in rows)
    assert [row["pending"] for row in rows[:-1]] == [False] * (len(rows) - 1)


def test_a_finished_row_tells_the_truth_about_its_file(market: Live) -> None:
    for kind in ("ticks", "frames", "metrics"):
        row = finished(market, kind)
        path = market.store / row["path"]
        lines = decompressed(path).splitlines()
        assert (row["bytes"], row["lines"]) == (path.stat().st_size, len(lines))
        assert b'"t":%d,' % row["start_t"] in lines[0]
        assert b'"t":%d,' % row["end_t"] in lines[-1]


def test_segments_lists_finished_ones_of_the_ticks(market: Live) -> None:
    rows = market.json("/segments")
    assert {row["kind"] for row in rows} == {"ticks"}
    assert rows == market.json("/segments?kind=ticks")[: len(rows)]


def test_segments_lists_finished_ones_of_a_kind_or_of_all(market: Live) -> None:
    rows = market.json("/segments?kind=all")
    assert {row["kind"] for row in rows} == {"ticks", "frames", "metrics"}
    assert not any(row["pending"] for row in rows)
    assert [row["start_t"] for row in rows] == sorted(row["start_t"] for row in rows)
    for kind in ("ticks", "frames", "metrics"):
        some = market.json(f"/segments?kind={kind}")
        assert {row["kind"] for row in some} == {kind}
        assert {row["path"] for row in some} >= {row["path"] for row in rows if row["kind"] == kind}


@pytest.mark.parametrize("path", ["/live/", "/replay/"])
def test_the_pages_are_there(market: Live, path: str) -> None:
    answer = market.ask(path)
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/html")


A_BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/live/?symbol=NOBODY", 404, "There is no such market."),
        ("/replay/?symbol=NOBODY&t=5", 404, "There is no such market."),
        ("/?symbol=a%20b", 400, "A part of this address cannot be understood."),
        ("/live/x", 404, "There is nothing at this address."),
        ("/nothing", 404, "There is nothing at this address."),
    ],
)
def test_a_browser_gets_an_error_that_can_be_read_and_leads_on(
    market: Live, path: str, status: int, words: str
) -> None:
    answer = market.ask(path, headers={"Accept": A_BROWSER, "Accept-Language": "en"})
    assert (answer.status, answer.headers["Content-Type"]) == (status, "text/html; charset=utf-8")
    page = answer.body.decode()
    assert f"<h1>{words}</h1>" in page
    for symbol in ("IG-USD", OTHER):
        assert f'href="/live/?symbol={symbol}"' in page
    assert {"Accept", "Accept-Language"} <= set(answer.headers["Vary"].split(", "))
    chinese = market.ask(path, headers={"Accept": A_BROWSER, "Accept-Language": "zh-CN"}).body.decode()
    assert '<html lang="zh-hans">' in chinese
    assert words not in chinese


@pytest.mark.parametrize("accept", ["*/*", "application/json"])
def test_a_program_gets_the_error_of_a_page_as_json(market: Live, accept: str) -> None:
    answer = market.ask("/live/?symbol=NOBODY", headers={"Accept": accept})
    assert_error(answer, 404, "unknown_symbol")
    assert "Accept" in answer.headers["Vary"]


def test_a_browser_that_asks_for_data_gets_its_errors_as_json_too(market: Live) -> None:
    assert_error(market.ask("/range?t0=x", headers={"Accept": A_BROWSER}), 400, "bad_parameter")


def test_an_error_repeats_nothing_that_a_browser_would_run(market: Live) -> None:
    answer = market.ask("/live/?symbol=%3Cscript%3Ealert(1)%3C/script%3E", headers={"Accept": A_BROWSER})
    assert answer.status == 400
    assert b"<script" not in answer.body


def test_there_is_an_icon_for_pages_that_name_none(market: Live) -> None:
    sent = market.ask("/favicon.ico")
    assert sent.status == 301
    icon = market.ask(sent.headers["Location"])
    assert (icon.status, icon.body[:4]) == (200, b"\x00\x00\x01\x00")


def test_the_admin_asks_for_a_password(market: Live) -> None:
    answer = market.ask("/admin/")
    assert answer.status == 302
    assert "/admin/login/" in answer.headers["Location"]
    assert market.ask("/admin/login/").status == 200


# -- several markets


def test_every_path_takes_a_symbol(market: Live) -> None:
    for path in [*JSON_PATHS, "/live/", "/replay/"]:
        assert market.ask(f"{path}?symbol={OTHER}").status == 200, path
    (row,) = market.json(f"/manifest/ticks?symbol={OTHER}")
    assert (row["lines"], row["start_t"], row["end_t"]) == (40, 0, 39)
    answer = market.ask(f"/segment/{row['path']}?symbol={OTHER}")
    assert (answer.status, answer.body) == (200, (market.store / OTHER / row["path"]).read_bytes())


def test_the_home_market_may_be_named(market: Live) -> None:
    assert market.json("/manifest/ticks?symbol=IG-USD")[0] == market.json("/manifest/ticks")[0]


def test_a_market_without_a_pipeline_is_not_running_and_well(market: Live) -> None:
    body = market.json(f"/health?symbol={OTHER}")
    assert (body["ok"], body["meta"]["running"], body["current_segment"]) == (True, False, None)


@pytest.mark.parametrize("path", [*JSON_PATHS[1:], "/live/", "/segment/ticks/segment_20260124_120000_0.jsonl.zst"])
def test_an_unknown_symbol_is_a_404(market: Live, path: str) -> None:
    message = assert_error(market.ask(f"{path}?symbol=NOBODY"), 404, "unknown_symbol")
    assert "'NOBODY'" in message


@pytest.mark.parametrize(
    "symbol", ["", "a/b", "..", "%00", "a%00", ".hidden", "é", "%C3%A9", "A" * 33, "A" * 5000, "a b"]
)
def test_what_no_market_is_called_is_a_bad_parameter(market: Live, symbol: str) -> None:
    quoted = symbol.replace("é", "%E9").replace(" ", "%20")
    for path in JSON_PATHS[1:]:
        message = assert_error(market.ask(f"{path}?symbol={quoted}"), 400, "bad_parameter")
        assert "symbol must be 1 to 32 of" in message
        assert len(message) < 300


# -- parameters

BAD_INTEGERS = {
    "": "must be an integer, got ''",
    "abc": "must be an integer, got 'abc'",
    "1.5": "must be an integer, got '1.5'",
    "1e3": "must be an integer, got '1e3'",
    "%2B5": "must be an integer, got '+5'",
    "%205": "must be an integer, got ' 5'",
    "0x10": "must be an integer, got '0x10'",
    "NaN": "must be an integer, got 'NaN'",
    "Infinity": "must be an integer, got 'Infinity'",
    "%00": "must be an integer, got '\\x00'",
    "%FF": "must be an integer, got",
    "%D9%A1": "must be an integer, got '١'",
    "1_000": "must be an integer, got '1_000'",
    "null": "must be an integer, got 'null'",
    "[1]": "must be an integer, got '[1]'",
    "9" * 5000: "must be an integer, got '999",
}


@pytest.mark.parametrize("name", ["from_t", "limit"])
@pytest.mark.parametrize("value", BAD_INTEGERS, ids=range(len(BAD_INTEGERS)))
def test_what_is_no_integer_is_said_with_what_came(market: Live, name: str, value: str) -> None:
    message = assert_error(market.ask(f"/incremental?{name}={value}"), 400, "bad_parameter")
    assert message.startswith(f"{name} {BAD_INTEGERS[value]}")
    assert len(message) < 200


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("from_t=-2", "from_t must be from -1 to 9007199254740991, got -2"),
        ("from_t=9007199254740992", "from_t must be from -1 to 9007199254740991, got 9007199254740992"),
        ("limit=0", "limit must be from 1 to 10000, got 0"),
        ("limit=-1", "limit must be from 1 to 10000, got -1"),
    ],
)
def test_what_is_out_of_bounds_is_said_with_the_bounds(market: Live, query: str, message: str) -> None:
    assert assert_error(market.ask(f"/incremental?{query}"), 400, "bad_parameter") == message


@pytest.mark.parametrize(
    "query", ["from_t=-1", "from_t=-1&limit=10000", f"from_t={LARGEST_T}", "limit=1", "", "from_t=007", "limit=0010"]
)
def test_what_is_just_within_bounds_is_taken(market: Live, query: str) -> None:
    assert market.ask(f"/incremental?{query}").status == 200


def test_a_parameter_given_twice_does_not_upset_it(market: Live) -> None:
    for path in (
        "/incremental?limit=1&limit=2",
        "/segments?kind=ticks&kind=frames",
        "/health?symbol=IG-USD&symbol=IG-USD",
    ):
        assert market.ask(path).status in (200, 400), path


@pytest.mark.parametrize("kind", ["", "tick", "TICKS", "ALL", "..", "%00", "é", "x" * 5000])
@pytest.mark.parametrize(
    ("path", "kinds"),
    [
        ("/segments", "ticks, frames, metrics, all"),
        ("/range", "ticks, frames, metrics"),
        ("/segment/segment_20260124_120000_0.jsonl.zst", "ticks, frames, metrics"),
    ],
)
def test_a_kind_that_is_none_is_a_bad_parameter(market: Live, path: str, kinds: str, kind: str) -> None:
    message = assert_error(market.ask(f"{path}?kind={kind.replace('é', '%C3%A9')}"), 400, "bad_parameter")
    assert message.startswith(f"kind must be one of {kinds}, got ")
    assert len(message) < 200


@pytest.mark.parametrize("kind", ["tick", "TICKS", "ticks/", "..", "%2e%2e", "%00", "%C3%A9", "x" * 3000, "ticks%2Fa"])
def test_a_kind_in_the_path_that_is_none_is_a_404(market: Live, kind: str) -> None:
    for path in (f"/manifest/{kind}", f"/segment/{kind}/segment_20260124_120000_0.jsonl.zst"):
        answer = market.ask(path)
        assert answer.status == 404, path
        assert answer.json()["error"]["code"] in ("unknown_kind", "not_found", "unknown_segment")


NOWHERE = ["/nothing", "/live/x", "/health/x", "/manifest/", "/segment/", "/segment/ticks/", "//",
           "/%00", "/%ff", "/%C3%A9", "/..", "/" + "x" * 5000]  # fmt: skip


@pytest.mark.parametrize("path", NOWHERE, ids=range(len(NOWHERE)))
def test_a_path_that_is_none_is_a_404(market: Live, path: str) -> None:
    assert len(assert_error(market.ask(path), 404, "not_found")) < 400


@pytest.mark.parametrize(
    "query", ["%", "%zz", "&&&", "=", "a=%ff%fe", "from_t", "?", "#", "a[]=1", ";" * 100, "&" * 3000]
)
def test_an_odd_query_is_no_accident(market: Live, query: str) -> None:
    for path in JSON_PATHS:
        assert market.ask(f"{path}?{query}").status in (200, 400), path


# -- methods

ALL_PATHS = [*JSON_PATHS, "/live/", "/replay/", "/segment/ticks/segment_20260124_120000_0.jsonl.zst"]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"])
@pytest.mark.parametrize("path", ALL_PATHS)
def test_only_get_and_head_are_answered(market: Live, method: str, path: str) -> None:
    answer = market.ask(path, method)
    message = assert_error(answer, 405, "method_not_allowed")
    assert method in message
    assert {part.strip() for part in answer.headers["Allow"].split(",")} >= {"GET", "HEAD"}


@pytest.mark.parametrize("path", [*ALL_PATHS[:-1], "/nothing", "/incremental?from_t=abc"])
def test_head_is_get_without_a_body(market: Live, path: str) -> None:
    got, head = market.ask(path), market.ask(path, "HEAD")
    assert (head.status, head.body) == (got.status, b"")
    assert head.headers["Content-Type"] == got.headers["Content-Type"]


# -- pages of other sites may read

ORIGIN = {"Origin": "https://example.org"}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        *[(path, 200) for path in JSON_PATHS],
        ("/incremental?from_t=abc", 400),
        ("/manifest/nothing", 404),
        ("/nothing", 404),
        ("/health?symbol=NOBODY", 404),
        ("/segment/ticks/nothing", 404),
    ],
)
def test_any_page_may_read_answers_and_errors(market: Live, path: str, status: int) -> None:
    answer = market.ask(path, headers=ORIGIN)
    assert answer.status == status
    assert answer.headers["Access-Control-Allow-Origin"] in ("*", ORIGIN["Origin"])


def test_any_page_may_read_that_a_method_is_refused(market: Live) -> None:
    answer = market.ask("/health", "DELETE", ORIGIN)
    assert answer.status == 405
    assert answer.headers["Access-Control-Allow-Origin"] in ("*", ORIGIN["Origin"])


def test_any_page_may_ask_for_a_part_of_a_segment(market: Live) -> None:
    row = finished(market)
    asked = {**ORIGIN, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "range, if-range"}
    preflight = market.ask(f"/segment/{row['path']}", "OPTIONS", asked)
    assert preflight.status == 200
    assert "GET" in preflight.headers["Access-Control-Allow-Methods"]
    allowed = preflight.headers["Access-Control-Allow-Headers"].lower()
    assert "range" in allowed
    assert "if-range" in allowed
    part = market.ask(f"/segment/{row['path']}", headers={**ORIGIN, "Range": "bytes=0-3"})
    assert part.status == 206
    assert part.headers["Access-Control-Allow-Origin"] in ("*", ORIGIN["Origin"])
    exposed = part.headers["Access-Control-Expose-Headers"]
    assert {"Content-Range", "ETag", "Market-Camera-Store"} <= {name.strip() for name in exposed.split(",")}


def test_no_page_may_write_or_use_the_admin(market: Live) -> None:
    asked = {**ORIGIN, "Access-Control-Request-Method": "DELETE"}
    assert "DELETE" not in market.ask("/health", "OPTIONS", asked).headers["Access-Control-Allow-Methods"]
    assert market.ask("/admin/login/", headers=ORIGIN).headers["Access-Control-Allow-Origin"] is None


# -- removed segments


def mark_removed(market: Live, kind: str, name: str, at: str | None) -> None:
    """Let a row of the other market tell that its file was removed; None takes that back."""
    with sqlite3.connect(market.site.database, timeout=PATIENCE_SECONDS) as database:
        removed = database.execute(
            "UPDATE recorder_segment SET removed_at = ? WHERE kind = ? AND name = ?"
            " AND market_id = (SELECT id FROM recorder_market WHERE symbol = ?)",
            (at, kind, name, OTHER),
        )
        assert removed.rowcount == 1
    database.close()


def test_a_removed_segment_says_so(market: Live) -> None:
    row = market.json(f"/manifest/metrics?symbol={OTHER}")[0]
    name = row["path"].removeprefix("metrics/")
    mark_removed(market, "metrics", name, "2026-03-01 12:00:00")
    for path in (row["path"], f"{name}?kind=metrics"):
        asked = f"/segment/{path}{'&' if '?' in path else '?'}symbol={OTHER}"
        message = assert_error(market.ask(asked), 404, "segment_removed")
        assert "2026-03-01" in message
    assert market.json(f"/manifest/metrics?symbol={OTHER}") == []
    assert market.json(f"/segments?kind=metrics&symbol={OTHER}") == []


def test_a_name_goes_on_meaning_the_ticks_when_they_were_removed(market: Live) -> None:
    row = market.json(f"/manifest/ticks?symbol={OTHER}")[0]
    name = row["path"].removeprefix("ticks/")
    (
        market.store / OTHER / "metrics" / name
    ).touch()  # mostly there: both kinds begin with the same t, in the same second
    mark_removed(market, "ticks", name, "2026-03-01 12:00:00")
    try:
        assert_error(market.ask(f"/segment/{name}?symbol={OTHER}"), 404, "segment_removed")
    finally:
        mark_removed(market, "ticks", name, None)
    assert market.ask(f"/segment/{name}?symbol={OTHER}").status == 200
