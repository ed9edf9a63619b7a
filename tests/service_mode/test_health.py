"""`/health` tells the truth from every process, also from one that has heard nothing; and periodic work is done."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.processes import Live, Process, wait_until
from tests.service_mode.conftest import OTHER, Deployment

pytestmark = [pytest.mark.redis, pytest.mark.postgres, pytest.mark.long]

#: The lease as it stands an hour after its holder was killed.
AN_HOUR_LATER = (
    "from datetime import timedelta; from django.db.models import F; from recorder.models import Lease;"
    f" Lease.objects.filter(market__symbol='{OTHER}').update(renewed_at=F('renewed_at') - timedelta(hours=1))"
)


def health(web: Live, symbol: str = OTHER) -> tuple[int, dict[str, Any]]:
    answer = web.ask(f"/health?symbol={symbol}")
    return answer.status, answer.json()


def test_a_running_market_is_well_wherever_it_is_asked(webs: list[Live]) -> None:
    for web in webs:
        # The row of the segment is written after its first tick is told.
        found = lambda web=web: (answer := health(web))[1]["current_segment"] and answer  # noqa: E731
        status, body = wait_until(found, "the open segment")
        assert (status, body["ok"], body["meta"]["running"], body["meta"]["seed"]) == (200, True, True, 3)
        assert body["current_segment"]["pending"] is True


def test_a_market_that_ended_in_good_order_is_not_running_and_well(
    deployment: Deployment, webs: list[Live], markets: dict[str, Process]
) -> None:
    assert markets[OTHER].stop() == 0
    wait_until(lambda: health(webs[0])[1]["meta"]["running"] is False, "the end, heard")
    late = deployment.serve()
    for web in (webs[0], late):
        status, body = health(web)
        assert (status, body["ok"], body["meta"]["running"], body["current_segment"]) == (200, True, False, None)
    assert health(late)[1]["meta"] == health(webs[0])[1]["meta"], "the one heard it, the other read of it"
    late.stop()


def test_a_market_that_died_an_hour_ago_is_not_well_in_a_process_that_never_heard_it(
    deployment: Deployment, markets: dict[str, Process], webs: list[Live]
) -> None:
    markets[OTHER] = deployment.run_market(OTHER)
    wait_until(lambda: health(webs[0])[1]["meta"]["running"], "the market's return")
    markets[OTHER].kill()
    deployment.run("shell", "-c", AN_HOUR_LATER)
    late = deployment.serve()
    status, body = health(late)
    assert (status, body["ok"], body["meta"]["running"]) == (503, False, True)
    assert re.search(r"has not renewed its lease for 3[6-9]\d\d", body["detail"]), body["detail"]
    assert health(late, "IG-USD")[0] == 200, "of another market it says nothing"

    markets[OTHER] = deployment.run_market(OTHER)
    wait_until(lambda: health(late)[0] == 200, "the market's return")
    assert health(late)[1]["meta"]["running"] is True
    late.stop()


def test_a_market_that_never_ran_is_well_and_one_that_is_none_is_unknown(deployment: Deployment) -> None:
    web = deployment.serve(IG_SYMBOL="NEVER", IG_CAM_STORE_DIR=deployment.site.store / "elsewhere")
    status, body = health(web, "NEVER")
    assert (status, body["meta"]["running"], body["meta"]["start_ts"]) == (200, False, None)
    assert web.ask("/health?symbol=NOBODY").status == 404
    web.stop()


def test_the_worker_cleans_up_and_beat_tells_it_when(deployment: Deployment) -> None:
    worker = deployment.start_program("celery", "-A", "igsite", "worker", "--pool", "solo", "--loglevel", "INFO")
    wait_until(lambda: "ready." in worker.log(), "the worker")
    beat = deployment.start_program("celery", "-A", "igsite", "beat", "--loglevel", "INFO")
    for task in ("recorder.tasks.clean_up", "alerts.tasks.forget_alerts", "backtests.tasks.look_after"):
        wait_until(lambda task=task: f"Task {task}" in worker.log(), f"the worker at {task}")  # type: ignore[misc]
    wait_until(lambda: worker.log().count("succeeded") >= 4, "two looks after backtests")
    for process in (beat, worker):
        assert process.stop() == 0
        assert "Traceback" not in process.log()


@pytest.mark.parametrize("text", ["%00", "a%00b", "%ED%A0%80", "%"])
def test_a_text_that_postgresql_does_not_take_is_in_no_name(webs: list[Live], text: str) -> None:
    assert webs[0].json(f"/agents?q={text}") == {"agents": [], "more": False}
