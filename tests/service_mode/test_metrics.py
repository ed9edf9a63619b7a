"""`/metrics` where market, workers and web processes run apart: what only others know, and who may be away."""

from __future__ import annotations

import json
import re
from functools import partial

from tests.monitoring.scraped import Scrape, check_against_the_table
from tests.processes import Live, Process, wait_until
from tests.service_mode.conftest import OTHER, Deployment


def test_a_web_process_tells_what_markets_workers_and_queues_do(
    deployment: Deployment, markets: dict[str, Process], webs: list[Live]
) -> None:
    web = webs[0]
    before = _clean_ups(web)  # by the worker of another test
    celery = partial(deployment.start_program, "celery", "-A", "igsite", IG_LOG_FORMAT="json")
    worker, beat = celery("worker", "--pool", "solo", "--loglevel", "INFO"), celery("beat", "--loglevel", "INFO")
    wait_until(lambda: _clean_ups(web) > before, "a clean-up of the worker")
    for process in (beat, worker):
        process.stop()
        logged = [json.loads(line) for line in process.log().splitlines() if line.startswith("{")]
        assert any(line["logger"].startswith("celery") and line["pid"] == process.process.pid for line in logged)
        assert not re.search(r"^\[?20\d\d-.*INFO", process.log(), re.MULTILINE), "everything is logged in one format"
    scrape = wait_until(lambda: _whole(web), "a scrape with all figures")
    check_against_the_table(scrape)
    for symbol in ("IG-USD", OTHER):
        memory = scrape.value("market_camera_market_memory_bytes", symbol=symbol)
        assert memory != scrape.value("process_resident_memory_bytes")


def test_without_redis_and_database_the_rest_is_told(deployment: Deployment, webs: list[Live]) -> None:
    web = webs[1]
    deployment.redis.end()
    try:
        failing = wait_until(lambda: _failing(web, "redis"), "a scrape without Redis")
        assert failing.value("market_camera_queue_tasks") is None
        assert failing.value("market_camera_latest_t", symbol="IG-USD") > 0
    finally:
        deployment.redis.start()
    wait_until(lambda: Scrape(web).value("market_camera_queue_tasks") is not None, "the queues' return")
    deployment.postgres.end()
    try:
        failing = wait_until(lambda: _failing(web, "database"), "a scrape without the database")
        assert failing.value("market_camera_segments") is None
        assert failing.value("market_camera_ticks_total", symbol="IG-USD") > 0
    finally:
        deployment.postgres.start()
    wait_until(lambda: Scrape(web).value("market_camera_segments"), "the return of the database's figures")


def _whole(web: Live) -> Scrape | None:
    """A scrape that got all answers in time, after both markets have told of themselves."""
    scrape = Scrape(web)
    told = [scrape.value("market_camera_queue_tasks", queue=queue) for queue in ("celery", "celery.backtests")]
    for symbol in ("IG-USD", OTHER):
        gauges = ("late_seconds", "market_memory_bytes")
        told += [scrape.value(f"market_camera_{name}", symbol=symbol) for name in gauges]
        counts = [("ticks_total", {}), ("flush_seconds_count", {"kind": "ticks"})]
        told += [scrape.value(f"market_camera_{name}", symbol=symbol, **of) or None for name, of in counts]
    whole = scrape.value("market_camera_scrape_failures") == 0 and None not in told
    return scrape if whole else None


def _failing(web: Live, source: str) -> Scrape | None:
    scrape = Scrape(web)
    return scrape if scrape.value("market_camera_scrape_failures", source=source) == 1 else None


def _clean_ups(web: Live) -> float:
    """How often workers have cleaned up."""
    return Scrape(web).value("market_camera_task_runs_total", task="recorder.clean_up", queue="celery") or 0
