"""The nginx configuration that comes along writes no token down: not in the access log, not in the error log."""

from __future__ import annotations

import re
from pathlib import Path

from api_socket.routing import websocket_urlpatterns

CONFIGURATION = (Path(__file__).parents[2] / "deploy" / "nginx.conf").read_text()

#: Everything of nginx that holds the query, and headers that hold a token or a page's address.
TELLING = ("$request ", '$request"', "$request_uri", "$args", "$arg_", "$query_string", "$is_args")
HEADERS = ("$http_authorization", "$http_referer", "$http_sec_websocket_protocol")


def directives(name: str, text: str = CONFIGURATION) -> list[str]:
    """What each directive of this name says, comments apart."""
    return re.findall(rf"^\s*{name}\s+([^;]+);", text, re.MULTILINE)


def test_the_access_log_holds_neither_queries_nor_headers_with_tokens() -> None:
    (written,) = directives("log_format")
    name, _ = written.split(maxsplit=1)
    assert "$uri " in written
    assert not [each for each in (*TELLING, *HEADERS) if each in written]
    _, *servers = re.split(r"^server \{", CONFIGURATION, flags=re.MULTILINE)
    assert len(servers) == 2, "that of TLS, and the one that leads to it"
    for server in servers:
        logs = directives("access_log", server)
        assert logs, "nginx's own log has whole requests"
        assert all(log.split()[1] == name for log in logs)


def test_the_path_that_takes_a_token_in_its_query_has_no_error_log() -> None:
    (path, _) = (str(one.pattern) for one in websocket_urlpatterns)
    (location,) = re.findall(rf"location /{path} \{{(.*?)\}}", CONFIGURATION, re.DOTALL)
    assert directives("error_log", location) == ["/dev/null emerg"]
    assert len(directives("error_log")) == 2
