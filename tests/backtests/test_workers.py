"""Backtests where Celery workers run them: through Redis, and whatever is killed."""

from __future__ import annotations

from collections.abc import Iterator

import psutil
import pytest

from tests.api_socket.client import Client, new_token
from tests.backtests.asking import MARKET, Backtests, copy_of
from tests.processes import Live, Process, Site, wait_until
from tests.services import RedisServer

pytestmark = pytest.mark.redis


class Workers:
    """A web process and a Celery worker on one site."""

    def __init__(self, site: Site, redis: RedisServer) -> None:
        self.site, self.redis = site, redis
        self.env = {**MARKET, "REDIS_URL": redis.url}
        self.web: Live = site.serve("serve", "-b", "127.0.0.1", **self.env)
        self.token = new_token(site)
        self.backtests = Backtests(self.web, self.token)

    def start_worker(self, *arguments: str) -> Process:
        command = ("celery", "-A", "igsite", "worker", "--concurrency", "1", *arguments)
        return self.site.start_program(*command, **self.env)

    def look_after(self, **constants: float) -> None:
        """What beat asks for every few seconds; with less patience, so that the test need not have it."""
        lines = [f"lifecycle.{name} = {value}" for name, value in constants.items()]
        lines = [
            "from backtests import tasks",
            "from backtests.running import lifecycle",
            *lines,
            "import igsite.celery",
            "tasks.look_after()",
        ]
        done = self.site.run("shell", "-c", "\n".join(lines), **self.env)
        assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory, two_minutes: Site) -> Iterator[Workers]:
    redis = RedisServer(tmp_path_factory.mktemp("redis"))
    site = copy_of(two_minutes, tmp_path_factory.mktemp("workers"))
    try:
        redis.start()
        yield Workers(site, redis)
    finally:
        site.end()
        redis.end()


def kill_all(worker: Process) -> None:
    """The worker and its children at once, as a power cut would."""
    family = psutil.Process(worker.process.pid).children(recursive=True)
    worker.kill()
    for child in family:
        child.kill()


def test_a_worker_runs_what_is_queued_and_tells_over_the_socket(workers: Workers) -> None:
    backtests = workers.backtests
    waiting = backtests.start("slow")
    assert backtests.cancel(waiting)["status"] == "cancelled"
    with Client(workers.web, workers.token) as client:
        client.subscribe("backtest_progress", symbol="IG-USD")
        good, broken = backtests.start("ma_cross", params={"fast": 3, "slow": 8}), backtests.start("broken")
        worker = workers.start_worker()
        client.first("backtest_progress", backtest_id=good, progress=1.0)
        client.first("backtest_progress", backtest_id=broken, estimated_remaining=0)
    assert backtests.wait_for(good, "done")["result"]["trades_count"] > 2
    assert "ValueError: the third is too much" in backtests.wait_for(broken, "failed")["error"]
    gate = workers.site.directory / "gate"
    running = backtests.start("gated", params={"gate": str(gate), "bar": 1})
    backtests.wait_for(running, "running")
    assert backtests.cancel(running)["status"] == "cancelled"
    gate.touch()
    after = backtests.start("buy_and_hold")
    assert backtests.wait_for(after, "done")["progress"] == 1.0
    assert backtests.get(waiting)["started_at"] is None
    worker.stop()
    assert "Traceback" not in worker.log()


def test_a_backtest_keeps_no_periodic_work_waiting(workers: Workers) -> None:
    loud, theirs = ("--loglevel", "INFO"), "celery.backtests"
    other, own = workers.start_worker("-X", theirs, *loud), workers.start_worker("-Q", theirs, "-n", "own@%h", *loud)
    try:
        for worker in (other, own):
            wait_until(lambda worker=worker: "ready." in worker.log(), "a worker")  # type: ignore[misc]
        running = workers.backtests.start("hangs")
        workers.backtests.wait_for(running, "running")
        workers.site.start_program("celery", "-A", "igsite", "call", "access.tasks.forget_audit", **workers.env)
        wait_until(lambda: "succeeded" in other.log(), "the other task")
        assert workers.backtests.get(running)["status"] == "running"
    finally:
        for worker in (other, own):
            kill_all(worker)
    assert "backtests.tasks.run[" not in other.log()
    assert "forget_audit[" not in own.log()
    assert workers.backtests.cancel(running)["status"] == "cancelled"


@pytest.mark.long
def test_a_killed_worker_leaves_a_failed_backtest(workers: Workers) -> None:
    backtests = workers.backtests
    with Client(workers.web, workers.token) as client:
        client.subscribe("backtest_progress")
        backtest_id = backtests.start("hangs")
        worker = workers.start_worker()
        backtests.wait_for(backtest_id, "running")
        kill_all(worker)
        workers.look_after()
        assert backtests.get(backtest_id)["status"] == "running"

        def has_failed() -> bool:
            """The first look only suspects, and one within half a second of the last sign of life does not."""
            workers.look_after(SILENT_SECONDS=0.5, GRACE_SECONDS=0.0)
            return bool(backtests.get(backtest_id)["status"] == "failed")

        wait_until(has_failed, "a backtest that is given up")
        failed = backtests.get(backtest_id)
        assert failed["error"].endswith("ran it and gave no sign of life for 0.5 s")
        assert failed["error"].startswith("process ")
        client.first("backtest_progress", backtest_id=backtest_id, estimated_remaining=0)


@pytest.mark.long
def test_what_the_broker_lost_is_sent_again(workers: Workers) -> None:
    workers.redis.kill()
    backtest_id = workers.backtests.start("buy_and_hold")
    workers.redis.start()
    worker = workers.start_worker()
    workers.look_after(SEND_AGAIN_SECONDS=0.0)
    assert workers.backtests.wait_for(backtest_id, "done")["result"]["trades_count"] == 1
    worker.stop()
    assert workers.web.running
    assert "Traceback" not in workers.web.log()
