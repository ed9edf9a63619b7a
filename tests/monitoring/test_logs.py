"""Logs: text or JSON, the same from every process, with the ids of requests, and none of what clients keep secret."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from igsite.log_format import JsonLines, TextLines
from runtime import log_context
from tests.monitoring.scraped import ROOT
from tests.processes import Live, Site, wait_until


def record_of(message: str, *arguments: object, error: Exception | None = None) -> logging.LogRecord:
    info = None if error is None else (type(error), error, None)
    return logging.LogRecord("some.logger", logging.WARNING, "", 0, message, arguments, info)


def test_a_line_of_json_has_everything_and_is_one_line() -> None:
    token = log_context.request_id.set("abc")
    try:
        text = JsonLines().format(record_of("%s\nwas sent", "a\x00b\ud800", error=OSError("away")))
    finally:
        log_context.request_id.reset(token)
    assert "\n" not in text
    line = json.loads(text)
    assert line.keys() == {"time", "level", "logger", "message", "pid", "request_id", "exception"}
    assert (line["level"], line["logger"], line["request_id"]) == ("WARNING", "some.logger", "abc")
    assert line["message"] == "a\x00b\\ud800\nwas sent"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", line["time"])
    assert line["exception"].endswith("OSError: away")


def test_nobody_can_write_a_line_of_text_of_their_own() -> None:
    text = TextLines().format(record_of("GET %s: refused", "/x\n2026-01-01 INFO root: all is well\x1b[2J"))
    assert text.count("\n") == 0
    assert text.endswith("GET /x\\n2026-01-01 INFO root: all is well\\x1b[2J: refused")
    assert TextLines().format(record_of("failed", error=OSError("away"))).splitlines()[-1] == "OSError: away"


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ([b"0af7651916cd43dd8448eb211c80319c"], "0af7651916cd43dd8448eb211c80319c"),
        ([b"a" * 64], "a" * 64),
        ([b"a" * 65], None),
        ([b""], None),
        ([b"one", b"two"], None),
        ([b"with space"], None),
        ([b"new\nline"], None),
        (["ü".encode()], None),
        ([], None),
    ],
)
def test_an_id_is_believed_if_it_is_one(values: list[bytes], told: str | None) -> None:
    assert log_context.told_id(values) == told


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory, migrated_database: Path) -> Iterator[Live]:
    """A server that logs JSON to a file, and trusts one proxy: a socket of this machine by IPv6."""
    directory = tmp_path_factory.mktemp("logs")
    site = Site(directory, migrated_database)
    server = site.serve(IG_LOG_FORMAT="json", IG_LOG_FILE=directory / "market.log", IG_DRAIN_SECONDS=600)
    try:
        yield server
    finally:
        site.end()


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_file_is_opened_anew_after_a_rotation_and_every_request_has_its_id(live: Live) -> None:
    log = live.store.parent / "market.log"
    assert any(line["logger"] == "server.server" for line in lines(log))
    log.rename(log.with_suffix(".1"))
    told = {"X-Request-ID": "of-a-stranger", "Host": "elsewhere.example", "Authorization": "Bearer secret"}
    refused = live.ask("/health?token=secret", headers=told)
    name = refused.headers["X-Request-ID"]
    assert refused.status == 400
    assert re.fullmatch(r"[0-9a-f]{16}", name), "whoever is no trusted proxy gets an id that is made here"
    assert live.ask("/healthz/live").headers["X-Request-ID"] != name
    (line,) = wait_until(
        lambda: log.exists() and [line for line in lines(log) if line.get("request_id") == name],
        "its line in the new file",
    )
    assert line["logger"] == "django.security.DisallowedHost"
    assert "secret" not in log.read_text() + log.with_suffix(".1").read_text()
    assert "of-a-stranger" not in log.read_text()


def test_ready_turns_false_before_the_server_stops_and_a_second_signal_hurries_it(live: Live) -> None:
    assert (live.ask("/healthz/ready").status, live.ask("/healthz/live").status) == (200, 200)
    live.process.terminate()
    refused = wait_until(
        lambda: (answer := live.ask("/healthz/ready")).status == 503 and answer, "the end's announcement"
    )
    assert refused.json() == {"ok": False, "detail": "the process is stopping"}
    assert live.ask("/healthz/live").status == 200
    wait_until(lambda: live.ask("/health").status == 200, "the word that it serves as ever")
    assert live.stop() == 0


def test_logrotate_is_told_of_the_file_of_the_page() -> None:
    rotated = (ROOT / "deploy" / "logrotate" / "market-camera").read_text()
    page = (ROOT / "docs" / "monitoring.md").read_text()
    assert (named := re.search(r"IG_LOG_FILE=(\S+/\w+)", page)) is not None
    assert rotated.startswith(named[1].rsplit("/", 1)[0])
    assert "copytruncate" not in rotated, "lines would be lost, and files are opened anew without it"
