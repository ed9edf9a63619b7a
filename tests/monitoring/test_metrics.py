"""`/metrics` of `manage.py live`: what it tells is what the table says, and nothing in it is chosen by clients."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest
from django.urls import get_resolver
from websockets.asyncio.client import connect

from monitoring.names import NAMES
from tests.monitoring.scraped import ROOT, Scrape, check_against_the_table, promtool
from tests.network import CALM
from tests.processes import PATIENCE_SECONDS, Live, Site, wait_until
from tools.metrics_table import metrics_table

SETTINGS = {"IG_SPEED": 5, "IG_CAM_W": 20, "IG_CAM_STRIDE": 5, "IG_CAM_SEGMENT_SECONDS": 2, "IG_FLUSH_SECONDS": 0.2}

#: Of services that run apart (tests/service_mode/test_metrics.py), of a cold store (tests/outages/test_cold_store.py),
#: and of what fails (tests/monitoring/test_task_runs.py).
ELSEWHERE = {"queue_tasks", "cold_waiting_segments", "cold_failing", "task_failure_timestamp_seconds"}


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory, migrated_database: Path) -> Iterator[Live]:
    directory = tmp_path_factory.mktemp("metrics")
    site = Site(directory, migrated_database)
    server = site.serve(**SETTINGS)
    try:
        yield server
    finally:
        site.end()


def test_a_standalone_server_emits_what_the_table_lists_and_nothing_else(live: Live) -> None:
    use_everything(live)

    def all_there() -> Scrape | None:
        scrape = Scrape(live)
        cleaned = scrape.value("market_camera_task_runs_total", task="recorder.clean_up")
        sent = scrape.value("market_camera_made_to_sent_seconds_count", way="direct")
        seals = scrape.value("market_camera_seal_seconds_count", kind="ticks")
        if scrape.value("market_camera_scrape_failures") != 0:  # a busy machine may take longer than a scrape waits
            return None
        counted = scrape.value("market_camera_segments", kind="ticks", place="disk")
        return scrape if cleaned and sent and seals and counted and "ended_streams" in scrape.ours else None

    scrape = wait_until(all_there, "figures of everything")
    assert check_against_the_table(scrape) == set(NAMES) - ELSEWHERE
    assert scrape.value("market_camera_running") == 1
    assert scrape.value("market_camera_segments", kind="ticks", place="disk") >= 1
    assert scrape.value("market_camera_ended_streams_total", protocol="websocket", code="bad_parameter") == 1
    assert scrape.value("market_camera_late_seconds") < 60
    assert 0 < scrape.value("market_camera_disk_used_ratio") < 1
    promtool("check", "metrics", text=scrape.text)


def use_everything(live: Live) -> None:
    """A client of each protocol at once, all of them counted, and one that is refused."""

    async def run() -> None:
        events = HTTPConnection("127.0.0.1", live.port, timeout=PATIENCE_SECONDS)
        events.request("GET", "/stream?types=tick")
        async with (
            connect(f"{live.ws_url}/ws/stream?types=tick", max_queue=None, **CALM) as stream,
            connect(f"{live.ws_url}/market_data", max_queue=None, **CALM) as bars,
        ):
            await stream.recv()
            await bars.send(
                json.dumps({"type": "CONNECT", "request_id": "1", "symbols": ["IG-USD"], "resolutions": ["1s"]})
            )
            await asyncio.to_thread(wait_until, lambda: counted(live) == [1, 1, 1], "three clients")
        events.close()
        async with connect(f"{live.ws_url}/ws/stream?types=nonsense", **CALM) as refused:
            assert json.loads(await refused.recv())["type"] == "error"

    asyncio.run(run())


def counted(live: Live) -> list[float | None]:
    scrape = Scrape(live)
    return [scrape.value("market_camera_clients", protocol=one) for one in ("websocket", "events", "bars")]


def test_nothing_that_clients_choose_is_a_label(live: Live) -> None:
    for number in range(30):
        live.ask(f"/nowhere/{number}")
        live.ask(f"/segment/ticks/segment_{number}.jsonl.zst")
        live.ask(f"/static/{number}.js")
        live.ask(f"/admin/{number}/")
        live.ask(f"/health?symbol=NO{number}")
        live.ask(f"/%F0%9F%8E%A5{number}", headers={"Host": f"host{number}.example"})
    scrape = Scrape(live)
    patterns = {f"/{one}" for one in _patterns(get_resolver().url_patterns)}
    assert scrape.values_of("route") <= patterns | {"none", "/admin/", "/static/"}
    assert scrape.values_of("symbol") <= {"IG-USD", ""}
    assert scrape.values_of("status") <= {"2xx", "3xx", "4xx", "5xx", "queued", "running"}
    assert scrape.value("market_camera_http_requests_total", route="none", status="4xx") >= 30
    assert "host1.example" not in scrape.text


def _patterns(found: list[object], before: str = "") -> Iterator[str]:
    for one in found:
        route = f"{before}{one.pattern}"  # type: ignore[attr-defined]
        yield from _patterns(one.url_patterns, route) if hasattr(one, "url_patterns") else [route]


def test_the_page_has_the_table_of_the_code() -> None:
    assert metrics_table() in (ROOT / "docs" / "monitoring.md").read_text()


def test_names_follow_the_conventions_of_prometheus() -> None:
    units = ("seconds", "bytes", "ratio")
    for one in NAMES.values():
        assert one.help.endswith("."), one
        assert one.name == one.name.lower(), one
        assert not one.full.endswith(("_ms", "_percent", "_total_total")), one
        wanted = [unit for unit in units if unit in one.name.split("_")]
        assert all(one.name.endswith(unit) for unit in wanted), one
