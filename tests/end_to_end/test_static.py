"""Files of the pages: byte for byte, small ones from memory, large ones from the disk; whole, in part or not again."""

from __future__ import annotations

from pathlib import Path

import django.contrib.admin
import pytest

from tests.processes import ROOT, Live

ADMIN = Path(django.contrib.admin.__file__).parent / "static"
SMALL = ("/static/streaming/app.js", ROOT / "streaming/static/streaming/app.js")
LARGE = ("/static/admin/js/vendor/xregexp/xregexp.js", ADMIN / "admin/js/vendor/xregexp/xregexp.js")
BOTH = pytest.mark.parametrize(("path", "file"), [SMALL, LARGE], ids=["small", "large"])


@BOTH
def test_a_file_is_given_whole_each_time(market: Live, path: str, file: Path) -> None:
    for _ in range(3):
        answer = market.ask(path)
        assert (answer.status, answer.body == file.read_bytes()) == (200, True)
        assert answer.headers["Content-Length"] == str(file.stat().st_size)
        assert answer.headers["Content-Type"].startswith("text/javascript")
        assert "Content-Security-Policy" in answer.headers


@BOTH
@pytest.mark.parametrize("header", ["If-None-Match", "If-Modified-Since"])
def test_a_file_that_is_known_is_not_given_again(market: Live, path: str, file: Path, header: str) -> None:
    first = market.ask(path)
    known = first.headers["ETag" if header == "If-None-Match" else "Last-Modified"]
    again = market.ask(path, headers={header: known})
    assert (again.status, again.body) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    other = market.ask(
        path, headers={header: '"other"' if header == "If-None-Match" else "Sun, 01 Nov 2015 08:00:00 GMT"}
    )
    assert (other.status, other.body == file.read_bytes()) == (200, True)


@BOTH
def test_a_part_of_a_file_is_given(market: Live, path: str, file: Path) -> None:
    answer = market.ask(path, headers={"Range": "bytes=10-99"})
    assert (answer.status, answer.body) == (206, file.read_bytes()[10:100])
    assert answer.headers["Content-Range"] == f"bytes 10-99/{file.stat().st_size}"


@BOTH
def test_the_head_of_a_file_is_that_of_the_whole(market: Live, path: str, file: Path) -> None:
    answer = market.ask(path, "HEAD")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["Content-Length"] == str(file.stat().st_size)
    assert market.ask(path, "POST").status == 405


@pytest.mark.parametrize("path", ["streaming/no.js", "../igsite/settings.py", "%2e%2e/manage.py", "streaming/", ""])
def test_what_is_no_file_of_the_pages_is_not_found(market: Live, path: str) -> None:
    answer = market.ask(f"/static/{path}")
    assert answer.status == 404
    assert b"import" not in answer.body
