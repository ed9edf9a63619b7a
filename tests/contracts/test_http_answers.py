"""What a real server answers, against the OpenAPI document: each path with each of its statuses, and the bounds."""

from __future__ import annotations

import json
import socket
import sqlite3
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client

from contracts.answers import EVERYWHERE
from contracts.errors import CODES
from streaming.relay.relays import relays
from tests.api_socket.client import kept_token
from tests.contracts.conftest import MARKET
from tests.contracts.contract import check, operations, resolved, validate
from tests.processes import PATIENCE_SECONDS, Answer, Live, Site, wait_until

#: (path, method, status) of each answer that was judged.
SEEN: set[tuple[str, str, int]] = set()

#: What can come on any path is asked for on one.
COMMON = {status for code in EVERYWHERE for status in CODES[code].statuses}

#: What takes a recording of another program: tests/exports/test_recorded.py.
ELSEWHERE = {"/export": {422}}

OTHER_STORE = "0" * 32
GOOD = {"strategy": "ma_cross", "from": 0, "to": 2_000_000_000_000, "resolution": "1s"}


def ask(live: Live, method: str, path: str, url: str, body: Any = None, **headers: str) -> Answer:
    """One request, judged."""
    connection = HTTPConnection("127.0.0.1", live.port, timeout=PATIENCE_SECONDS)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    content = None if body is None else json.dumps(body).encode()
    try:
        connection.request(method, url, body=content, headers=sent)
        answer = connection.getresponse()
        found = Answer(answer.status, answer.headers, answer.read())
    finally:
        connection.close()
    SEEN.add(check(method, path, found))
    return found


@pytest.fixture(scope="module")
def segment(market: Live) -> str:
    """The name of a finished segment of ticks."""
    return str(next(row["path"] for row in market.json("/manifest/ticks") if not row["pending"]).partition("/")[2])


@pytest.fixture(scope="module")
def late(market: Live) -> Iterator[socket.socket]:
    """A connection whose request never comes in full."""
    with socket.create_connection(("127.0.0.1", market.port), timeout=PATIENCE_SECONDS) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n")
        yield connection


def raw(connection: socket.socket) -> Answer:
    """The answer that comes over a connection."""
    answer = HTTPResponse(connection)
    answer.begin()
    return Answer(answer.status, answer.headers, answer.read())


def send(live: Live, data: bytes) -> Answer:
    with socket.create_connection(("127.0.0.1", live.port), timeout=PATIENCE_SECONDS) as connection:
        connection.sendall(data)
        return raw(connection)


# -- each path


PLAIN = [
    *(
        "/",
        "/live/",
        "/replay/",
        "/docs/",
        "/openapi.json",
        "/asyncapi.json",
        "/health",
        "/healthz/live",
        "/healthz/ready",
        "/metrics",
    ),
    *("/disk", "/incremental", "/gaps", "/overview", "/structure", "/agents", "/segments", "/api/v1/bars", "/realism"),
]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", [*PLAIN, "/favicon.ico", "/range", "/export"])
def test_a_path_without_parameters(market: Live, late: object, path: str, method: str) -> None:
    ask(market, method, path, path)


@pytest.mark.parametrize("kind", ["ticks", "frames", "metrics"])
def test_paths_of_a_kind(market: Live, kind: str) -> None:
    ask(market, "GET", "/range", f"/range?kind={kind}&t1=30")
    ask(market, "HEAD", "/manifest/{kind}", f"/manifest/{kind}")
    listed = ask(market, "GET", "/manifest/{kind}", f"/manifest/{kind}").json()
    for form in ("zst", "jsonl", "seek"):
        ask(market, "GET", "/segment/{kind}/{name}", f"/segment/{listed[0]['path']}?format={form}")
    ask(market, "GET", "/segments", f"/segments?kind={kind}&limit=1")


@pytest.mark.parametrize("table", ["ticks", "bars"])
@pytest.mark.parametrize("form", ["parquet", "arrow", "csv"])
def test_tables(market: Live, table: str, form: str) -> None:
    ask(market, "GET", "/export", f"/export?kind={table}&format={form}&t1=20")


def test_a_gap_is_told_as_described(market: Live) -> None:
    for path in ("/range", "/incremental"):
        answer = ask(market, "GET", path, f"{path}?store={OTHER_STORE}&limit=2&t1=3")
        assert b"store_changed" in answer.body


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "path", ["/overview", "/structure", "/agents", "/segments", "/manifest/{kind}", "/openapi.json", "/asyncapi.json"]
)
def test_what_a_client_has_is_not_sent_again(market: Live, path: str, method: str) -> None:
    url = path.replace("{kind}", "ticks") + "?t1=20&after_t=-1"

    def again() -> Answer:
        return ask(market, method, path, url, If_None_Match=ask(market, "GET", path, url).headers["ETag"])

    # Between both answers the list may have grown.
    wait_until(lambda: again().status == 304, "two answers of one list")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("path", "url"), [("/segment/{kind}/{name}", "/segment/ticks/{}"), ("/segment/{name}", "/segment/{}")]
)
def test_segments(market: Live, segment: str, path: str, url: str, method: str) -> None:
    url = url.format(segment)
    whole = ask(market, method, path, url)
    ask(market, "GET", path, url, Range="bytes=0-9")
    ask(market, method, path, url, If_None_Match=whole.headers["ETag"])
    ask(market, method, path, url, If_Match='"another"')
    ask(market, method, path, f"{url}?of={'0' * 64}")
    ask(market, "GET", path, url, Range=f"bytes={10**12}-")
    ask(market, method, path, f"{url}?format=pdf")
    ask(market, method, path, url.replace(segment, "segment_x"))


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_events(market: Live, method: str) -> None:
    part = "replay=0..5&speed=0&types=tick"
    store = market.ask("/health").json()["meta"]["store"]
    if method == "GET":  # one of HEAD has a head alone; the stream of GET does not end
        with socket.create_connection(("127.0.0.1", market.port), timeout=PATIENCE_SECONDS) as connection:
            connection.sendall(f"GET /stream?{part} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            answer = HTTPResponse(connection)
            answer.begin()
            SEEN.add(check("GET", "/stream", Answer(answer.status, answer.headers, b"")))
    else:
        ask(market, method, "/stream", f"/stream?{part}")
    ask(market, method, "/stream", f"/stream?{part}", Last_Event_ID=f"5:{store}:end")
    ask(market, method, "/stream", "/stream?types=pies")
    ask(market, method, "/stream", "/stream?symbol=NOPE")


@pytest.mark.parametrize(("scope", "methods"), [("backtest", ("GET", "HEAD")), ("read", ("POST", "DELETE"))])
def test_what_needs_a_scope(market: Live, scope: str, methods: tuple[str, ...]) -> None:
    bearer = {"Authorization": f"Bearer {kept_token(market.site, scope)}"}
    for path, method, told in operations():
        if "security" in told and method in methods:
            answer = ask(market, method, path, path.replace("{backtest_id}", "none"), **bearer)
            assert answer.status == 403


def test_what_needs_a_token(market: Live, token: str) -> None:
    bearer = {"Authorization": f"Bearer {token}"}
    path, one = "/api/v1/backtests", "/api/v1/backtests/{backtest_id}"
    alerts = ask(market, "GET", "/api/v1/alerts", "/api/v1/alerts?active=1", **bearer)
    assert alerts.json()["alerts"]
    queued = ask(market, "POST", path, path, GOOD, **bearer).json()["backtest_id"]
    ask(market, "POST", path, path, {**GOOD, "symbol": "NOPE"}, **bearer)
    ask(market, "GET", path, path, **bearer)
    ask(market, "GET", path, f"{path}?status=done", **bearer)
    for method in ("GET", "HEAD", "DELETE"):
        ask(market, method, one, f"{path}/{queued}", **bearer)
        ask(market, method, one, f"{path}/none", **bearer)
    for described, method, _ in [*operations()]:
        if described.startswith("/api/v1/") and described != "/api/v1/bars":
            ask(market, method, described, described.replace("{backtest_id}", queued))
    ask(market, "HEAD", "/api/v1/alerts", "/api/v1/alerts?active=2", **bearer)
    ask(market, "HEAD", "/api/v1/alerts", "/api/v1/alerts", **bearer)
    ask(market, "HEAD", path, f"{path}?limit=0", **bearer)
    ask(market, "HEAD", path, path, **bearer)


def test_a_backtest_that_is_done_has_its_result(market: Live, token: str) -> None:
    bearer = {"Authorization": f"Bearer {token}"}
    path, one = "/api/v1/backtests", "/api/v1/backtests/{backtest_id}"
    queued = ask(market, "POST", path, path, GOOD, **bearer).json()["backtest_id"]
    wait_until(
        lambda: ask(market, "GET", one, f"{path}/{queued}", **bearer).json()["status"] == "done", "the backtest's end"
    )
    assert ask(market, "GET", one, f"{path}/{queued}", **bearer).json()["result"]["bars"]


# -- what is refused


def _of_query() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, method, told in operations():
        if method == "GET" and path != "/stream":
            for part in map(resolved, told.get("parameters", ())):
                if part["in"] == "query":
                    yield path, part["name"], part["schema"]


def _ends(schema: dict[str, Any]) -> tuple[list[Any], list[Any]]:
    """(taken, refused) values of a schema, at its ends."""
    if schema.get("type") == "integer":
        low, high = schema["minimum"], schema["maximum"]
        return [low, high], [low - 1, high + 1, "x", ""]
    if "enum" in schema:
        return schema["enum"], ["none of them", schema["enum"][0].upper() + "X"]
    if schema.get("type") == "array":
        taken, refused = _ends(schema["items"])
        return [",".join(map(str, taken[:2]))], [one for one in refused if one != ""]
    if "pattern" in schema:
        return [], ["!", "", "a" * 33 if "{0,31}" in schema["pattern"] else "A" * 32]
    return [], ["x" * (schema["maxLength"] + 1)] if "maxLength" in schema else []


@pytest.mark.parametrize(
    ("path", "name", "schema"), [*_of_query()], ids=lambda part: part if isinstance(part, str) else ""
)
def test_a_parameter_has_the_bounds_that_are_described(
    market: Live, segment: str, token: str, path: str, name: str, schema: dict[str, Any]
) -> None:
    if path in ("/openapi.json", "/docs/") or name == "lang":
        pytest.skip("any text is taken")
    url = path.replace("{kind}", "ticks").replace("{name}", segment)
    bearer = {"Authorization": f"Bearer {token}"} if path.startswith("/api/v1/") and path != "/api/v1/bars" else {}
    taken, refused = _ends(schema)
    kept = "&kind=bars" if path == "/export" and name == "resolution" else ""
    # HEAD: the largest limit would be an answer of all there is.
    for value in taken:
        assert ask(market, "HEAD", path, f"{url}?{name}={quote(str(value))}{kept}", **bearer).status != 400, value
    for value in refused:
        answer = ask(market, "GET", path, f"{url}?{name}={quote(str(value))}{kept}", **bearer)
        assert (answer.status, answer.json()["error"]["code"]) == (400, "bad_parameter"), value


def test_a_market_that_does_not_exist(market: Live, segment: str) -> None:
    for path, method, told in operations():
        if {"symbol"} & {resolved(part)["name"] for part in told.get("parameters", ())}:
            url = path.replace("{kind}", "ticks").replace("{name}", segment)
            assert ask(market, method, path, f"{url}?symbol=NOPE").status == 404
            assert ask(market, method, path, f"{url}?symbol=!").status == 400


def test_an_error_at_a_page_is_a_page_to_a_browser(market: Live) -> None:
    for path in ("/", "/live/", "/replay/"):
        for method in ("GET", "HEAD"):
            answer = ask(market, method, path, f"{path}?symbol=NOPE", Accept="text/html")
            assert (answer.status, answer.headers["Content-Type"]) == (404, "text/html; charset=utf-8")


def test_another_recording_and_another_kind(market: Live) -> None:
    for method in ("GET", "HEAD"):
        ask(market, method, "/export", f"/export?store={OTHER_STORE}")
        ask(market, method, "/manifest/{kind}", "/manifest/pies")
        ask(market, method, "/segment/{kind}/{name}", "/segment/pies/segment_x")


def test_the_methods_are_those_that_are_described(market: Live, segment: str) -> None:
    taken: dict[str, set[str]] = {}
    for path, method, _ in operations():
        taken.setdefault(path, set()).add(method)
    for path, methods in taken.items():
        url = path.replace("{kind}", "ticks").replace("{name}", segment).replace("{backtest_id}", "x")
        answer = market.ask(url, "PUT")
        assert set(answer.headers["Allow"].split(", ")) == methods
        SEEN.add(check("GET", path, answer))


# -- what can come on any path


def test_what_the_server_says_before_a_path_is_known(market: Live, late: socket.socket) -> None:
    head = b"Host: localhost\r\n"
    said = [
        send(market, b"GET /%s HTTP/1.1\r\n" % (b"x" * 20_000) + head + b"\r\n"),
        send(market, b"GET /health HTTP/1.1\r\n" + head + b"X: %s\r\n\r\n" % (b"x" * 20_000)),
        send(market, b"GET /health HTTP/1.1\r\n" + head + b"Content-Length: 999999999\r\n\r\n"),
        send(market, b"GET /health HTTP/1.1\r\nHost: elsewhere\r\n\r\n"),
        send(market, b"GET /health HTTP/9\r\n\r\n"),
        raw(late),
    ]
    assert [answer.status for answer in said] == [414, 431, 413, 400, 400, 408]
    SEEN.update(check("GET", "/health", answer) for answer in said)


@pytest.fixture
def broken(new_site: Any, tmp_path: Path) -> Live:
    """A server without pyarrow, of whose database nothing is left, that takes one request of an address at a time."""
    (tmp_path / "pyarrow.py").write_text("raise ModuleNotFoundError('not here', name='pyarrow')")
    site: Site = new_site()
    live = site.serve(**MARKET, IG_TICK_INTERVAL=1000, IG_MAX_REQUESTS_PER_ADDRESS=1, PYTHONPATH=tmp_path)
    with sqlite3.connect(site.database) as database:
        names = [name for (name,) in database.execute("select name from sqlite_master where type = 'table'")]
        for name in names:
            if not name.startswith("sqlite_"):
                database.execute(f"drop table {name}")
    return live


def test_a_server_that_is_short_of_everything(broken: Live) -> None:
    for method in ("GET", "HEAD"):
        assert _taken(broken, method, "/export").status == 501
        assert _taken(broken, method, "/api/v1/bars").status == 503
        assert _taken(broken, method, "/api/v1/alerts", Authorization="Bearer x").status in (401, 503)
    with socket.create_connection(("127.0.0.1", broken.port)) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n")
        refused = wait_until(lambda: _refused(broken), "a refusal beside a request that is under way")
    assert (refused.status, refused.json()["error"]["code"]) == (429, "too_many_requests")


def _taken(live: Live, method: str, path: str, **headers: str) -> Answer:
    """The answer to a request, made again while the one before counts as under way."""
    answer: Answer = wait_until(
        lambda: (found := ask(live, method, path, path, **headers)).status != 429 and found, "an answer"
    )
    return answer


def _refused(live: Live) -> Answer | None:
    answer = ask(live, "GET", "/disk", "/disk")
    return answer if b"are under way" in answer.body else None


def test_a_process_or_a_market_that_is_not_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relays, "failed", lambda: ["IG-USD"])
    for method in ("GET", "HEAD"):
        answer = Client().generic(method, "/healthz/ready")
        assert answer.status_code == 503
        if method == "GET":
            validate(answer.json(), {"$ref": "#/components/schemas/Probe"})


def test_every_described_answer_was_seen() -> None:
    """By the tests above."""
    missing = []
    for path, method, told in operations():
        wanted = {int(status) for status in told["responses"]} - COMMON - ELSEWHERE.get(path, set())
        missing += [(path, method, status) for status in wanted if (path, method, status) not in SEEN]
    assert missing == []
    assert {status for _, _, status in SEEN} >= COMMON
