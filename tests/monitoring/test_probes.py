"""Probes answer while a database hangs: the process serves, and restarting it would help nobody."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable

from tests.monitoring.scraped import Scrape
from tests.processes import Live, Site, wait_until


def test_probes_and_metrics_answer_while_the_database_hangs(new_site: Callable[[], Site]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # it takes connections, and says nothing
        url = f"postgres://market@127.0.0.1:{silent.getsockname()[1]}/market"
        web = new_site().serve("serve", "-b", "127.0.0.1", ready=False, DATABASE_URL=url, IG_LOG_FORMAT="json")
        wait_until(lambda: "listening on" in web.log(), "the server")
        for path in ("/healthz/live", "/healthz/ready"):
            assert (web.ask(path).status, web.ask(path).json()) == (200, {"ok": True})
        assert web.ask("/health").status == 503
        scrape = wait_until(lambda: _with_disk(web), "a scrape with figures of the disk")
        assert scrape.value("market_camera_scrape_failures", source="database") == 1
        assert scrape.value("market_camera_segments") is None
        web.kill()  # its threads wait for the database
    assert all(json.loads(line) for line in web.log().splitlines() if line.startswith("{"))
    assert any(line.startswith("{") for line in web.log().splitlines())


def _with_disk(web: Live) -> Scrape | None:
    scrape = Scrape(web)
    return scrape if scrape.value("market_camera_scrape_failures", source="disk") == 0 else None
