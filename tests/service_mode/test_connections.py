"""PostgreSQL's connections: a deployment that has too few is told so, and a request that gets none is refused."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from http.client import HTTPResponse

import psycopg
import pytest

from tests.processes import PATIENCE_SECONDS, Answer, Live, wait_until
from tests.service_mode.conftest import Deployment
from tests.service_mode.test_bounds import login

pytestmark = [pytest.mark.redis, pytest.mark.postgres, pytest.mark.long]

#: Of such threads a web process has more than the 97 connections that are not its superuser's.
MANY_THREADS = 12
TOLD = "PostgreSQL takes 97 connections; one web process and one market take up to 112"


def test_too_few_are_told_at_the_start_and_by_the_check(deployment: Deployment) -> None:
    web = deployment.serve(IG_POOL_THREADS=MANY_THREADS)
    wait_until(lambda: TOLD in web.log(), "the word of it")
    assert web.stop() == 0
    assert TOLD in deployment.check(IG_POOL_THREADS=MANY_THREADS)
    assert "igsite.W006" not in deployment.check()


class Hog:
    """Takes every connection that is left."""

    def __init__(self, url: str, stack: ExitStack) -> None:
        self._url, self._stack = url, stack

    def take_all(self) -> None:
        while True:
            try:
                self._stack.enter_context(psycopg.connect(self._url))
            except psycopg.OperationalError as error:
                assert "too many clients" in str(error) or "connection slots" in str(error)
                return


@pytest.fixture
def hog(deployment: Deployment) -> Iterator[Hog]:
    with ExitStack() as stack:
        yield Hog(deployment.postgres.url, stack)


PATHS = (
    *("/segments", "/manifest/ticks", "/gaps?from_t=0&to_t=9", "/api/v1/bars?resolution=1d"),
    *("/api/v1/alerts", "/api/v1/backtests", "/admin/", "/admin/recorder/segment/"),
)

PAGES = (
    ("/live/", "The server could not answer. Please try again in a moment."),
    ("/admin/", "The admin needs the database, which does not answer now."),
)


def test_where_none_is_left_everybody_is_told_in_the_one_shape(deployment: Deployment, hog: Hog) -> None:
    web = deployment.serve()  # a new one, none of whose threads has a connection yet
    token = deployment.run("createtoken", "test").strip()
    headers = {"Authorization": f"Bearer {token}", "Cookie": "sessionid=" + 32 * "a"}
    wanted = [partial(web.ask, path, headers=headers) for path in PATHS]
    for ask in (*wanted, partial(said_to, web, login(web))):
        refused: Answer = wait_until(partial(refusal, hog, ask), f"a refusal of {ask.args}")
        assert refused.status == 503, (ask.args, refused.body)
        error = refused.json()["error"]
        assert error.keys() == {"code", "message"}
    in_a_browser = {**headers, "Accept": "text/html"}
    for path, words in PAGES:
        page: Answer = wait_until(partial(refusal, hog, partial(web.ask, path, headers=in_a_browser)), f"no {path}")
        assert page.status == 503
        assert words in page.body.decode()
    wait_until(lambda: web.ask("/health").status == 200, "the first tick, which needs no database")
    for path in ("/incremental?limit=1", "/metrics", "/range?from_t=0&to_t=9"):
        assert web.ask(path).status == 200, path
    assert web.stop() == 0


def refusal(hog: Hog, ask: Callable[[], Answer]) -> Answer | None:
    """The answer; None where somebody has let go of a connection meanwhile, and this request got it."""
    hog.take_all()
    answer = ask()
    return None if answer.status in (200, 302) else answer


def said_to(web: Live, request: str) -> Answer:
    """The answer to a request that is written out."""
    with socket.create_connection(("127.0.0.1", web.port), PATIENCE_SECONDS) as client:
        client.sendall(request.encode())
        answer = HTTPResponse(client)
        answer.begin()
        return Answer(answer.status, answer.headers, answer.read())
