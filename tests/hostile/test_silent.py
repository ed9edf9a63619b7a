"""Connections that say nothing, more of them than there are file descriptors, keep nobody out and end nothing."""

from __future__ import annotations

import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from tests.followers import Follower, following
from tests.hostile.clients import raw_client
from tests.processes import Live, Site, wait_until

DESCRIPTORS = 400
SILENT = 600
OTHER = "127.0.0.2"

MARKET = {"IG_SPEED": 5, "IG_CAM_W": 20, "IG_CAM_STRIDE": 5, "IG_CAM_SEGMENT_SECONDS": 2, "IG_FLUSH_SECONDS": 0.2}


@pytest.fixture(params=["live", "serve"])
def web(request: pytest.FixtureRequest, tmp_path: Path, migrated_database: Path) -> Iterator[Live]:
    """A server with few descriptors and a market that opens segments all the while, in it or beside it."""
    site = Site(tmp_path, migrated_database)
    site.descriptors = DESCRIPTORS
    try:
        if request.param == "live":
            web = site.serve("live", "--bind", "127.0.0.1", **MARKET)
        else:
            redis = {"REDIS_URL": request.getfixturevalue("redis_server")}
            site.start("runmarket", **MARKET, **redis)
            web = site.serve("serve", "-b", "127.0.0.1", **MARKET, **redis)
        yield web
        assert web.stop() == 0
        assert "Traceback" not in web.log()
    finally:
        site.end()


def silent_clients(web: Live, source: str, count: int) -> list[socket.socket]:
    clients = []
    for _ in range(count):
        client = socket.socket()
        client.bind((source, 0))
        client.connect(("127.0.0.1", web.port))
        clients.append(client)
    return clients


def descriptors(web: Live) -> int:
    return psutil.Process(web.process.pid).num_fds()


@pytest.mark.skipif(resource.getrlimit(resource.RLIMIT_NOFILE)[0] < SILENT + 200, reason="needs descriptors itself")
def test_silent_connections_beyond_every_descriptor_cost_nobody_else_anything(web: Live) -> None:
    with ExitStack() as all_open, following(Follower(web)) as (follower,):
        at_rest = descriptors(web)
        for _ in range(3):
            for client in silent_clients(web, "127.0.0.1", SILENT // 3):
                all_open.callback(client.close)
            assert descriptors(web) < DESCRIPTORS
            follower.wait_for_more(10)
        newcomer = raw_client(web, source=OTHER)
        all_open.callback(newcomer.close)
        assert newcomer.recv(100), "somebody from another address is served"
        follower.wait_for_more(20)
        follower.assert_heard_each_tick_once()
        assert follower.was_let_be
    wait_until(lambda: descriptors(web) <= at_rest + 5, "the end of the silent")
